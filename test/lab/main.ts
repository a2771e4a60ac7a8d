/**
 * `npm run lab -- SCENARIO [--lab kernel|native] [--json] [--runs N] [--sabotage WHAT] [--keep]`:
 * scenarios on real kernels, or on this machine's own. Exit status 0 when all checks of all runs
 * held, 1 when not, 2 on misuse. A sabotaged scenario is expected to fail: that is its use. With
 * `--json` the last line of the standard output is one JSON object with `ok`; the story goes to
 * standard error.
 */

import { parseArgs } from 'node:util';
import { LabError } from './kernel/index.ts';
import type { Lab } from './lab.ts';
import { isLabKind, type LabKind, openLab } from './open-lab.ts';
import { Report, type Scenario, type ScenarioReport } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

type Run = ScenarioReport & { readonly run: number; readonly error?: string };

function usage(): string {
  const lines = scenarios.map(({ name, about, sabotages }) => {
    const broken = sabotages === undefined ? '' : ` [--sabotage ${sabotages.join('|')}]`;
    return `  ${name.padEnd(18)} ${about}${broken}`;
  });
  const options = '[--lab kernel|native] [--json] [--runs N] [--sabotage WHAT] [--keep]';
  return `usage: npm run lab -- SCENARIO ${options}\n${lines.join('\n')}\n`;
}

async function runOnce(scenario: Scenario, run: number, options: Options): Promise<Run> {
  const say = (line: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const report = new Report(say);
  const wanted = { nodes: 3, luns: 1, ...scenario.lab };
  let lab: Lab | undefined;
  try {
    lab = await report.time('up', () =>
      openLab(options.lab, { ...wanted, keep: options.keep, say: (text) => report.say(text) }),
    );
    report.say(`${wanted.nodes} nodes and a target are up in ${lab.directory}`);
    const done = await scenario.run({ lab, options: wanted, report, sabotage: options.sabotage });
    return { run, ...done };
  } catch (error) {
    report.check('the scenario came to its end', false, String(error));
    return { run, ...report.done(), error: String(error) };
  } finally {
    await lab?.down();
  }
}

type Options = {
  readonly json: boolean;
  readonly keep: boolean;
  readonly lab: LabKind;
  readonly sabotage: string | undefined;
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      lab: { type: 'string', default: 'kernel' },
      runs: { type: 'string', default: '1' },
      sabotage: { type: 'string' },
    },
  });
  const scenario = scenarios.find(({ name }) => name === positionals[0]);
  const runs = Number(values.runs);
  if (scenario === undefined || !Number.isSafeInteger(runs) || runs < 1 || !isLabKind(values.lab))
    throw new LabError('USAGE', usage());
  if (values.sabotage !== undefined && !scenario.sabotages?.includes(values.sabotage)) {
    throw new LabError(
      'USAGE',
      `${scenario.name} knows no sabotage ${values.sabotage}\n${usage()}`,
    );
  }
  const all: Run[] = [];
  for (let run = 1; run <= runs; run += 1) {
    all.push(
      await runOnce(scenario, run, {
        json: values.json,
        keep: values.keep,
        lab: values.lab,
        sabotage: values.sabotage,
      }),
    );
  }
  const ok = all.every((run) => run.ok);
  if (values.json) {
    console.log(
      JSON.stringify({ ok, scenario: scenario.name, sabotage: values.sabotage ?? null, runs: all }),
    );
  } else console.log(ok ? 'every check held' : 'NOT every check held');
  return ok ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
