/**
 * `npm run lab -- SCENARIO [--lab kernel|native] [--json] [--runs N] [--fault WHICH]
 * [--sabotage WHAT] [--keep] [--out FILE]`: scenarios on real kernels, or on this machine's own. Exit status 0
 * when all checks of all runs held, 1 when not, 2 on misuse. A sabotaged scenario is expected to
 * fail: that is its use. With `--json` the last line of the standard output is one JSON object with
 * `ok`; the story goes to standard error.
 *
 * A long campaign is run in pieces: each appends one line to `--out FILE`, and `--sum FILE` adds them up.
 */

import { parseArgs } from 'node:util';
import { appendPiece, sumOf } from '../simulation/pieces.ts';
import { LabError } from './kernel/index.ts';
import type { Lab } from './lab.ts';
import { isLabKind, type LabKind, openLab } from './open-lab.ts';
import { Report, type Scenario, type ScenarioReport } from './scenario.ts';
import { scenarios } from './scenarios/index.ts';

type Run = ScenarioReport & { readonly run: number; readonly error?: string };

const SYNOPSIS =
  'usage: npm run lab -- SCENARIO [--lab kernel|native] [--json] [--runs N] [--fault WHICH] ' +
  '[--sabotage WHAT] [--keep] [--out FILE]\n       npm run lab -- --sum FILE';

function usage(): string {
  const lines = scenarios.map(({ name, about, sabotages, faults }) => {
    const broken = sabotages === undefined ? '' : ` [--sabotage ${sabotages.join('|')}]`;
    const chosen = faults === undefined ? '' : ` [--fault ${faults.join('|')}]`;
    return `  ${name.padEnd(18)} ${about}${chosen}${broken}`;
  });
  return `${SYNOPSIS}\n${lines.join('\n')}\n`;
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
    const { sabotage, fault } = options;
    const runs = scenario.repeatsItself === true ? options.runs : 1;
    const done = await scenario.run({ lab, options: wanted, report, sabotage, fault, runs });
    return { run, ...done };
  } catch (error) {
    report.check('the scenario came to its end', false, String(error));
    return { run, ...report.done(), error: String(error) };
  } finally {
    await lab?.down();
  }
}

/** What may be added up: counts, no times. */
function pieceOf(runs: readonly Run[], ok: boolean): Readonly<Record<string, unknown>> {
  const [first] = runs;
  const counts = first?.summary ?? { runs: runs.length };
  return { ...counts, acknowledged: first?.measures['acknowledged'] ?? 0, failed: ok ? 0 : 1 };
}

type Options = {
  readonly json: boolean;
  readonly keep: boolean;
  readonly lab: LabKind;
  readonly sabotage: string | undefined;
  readonly fault: string | undefined;
  readonly runs: number;
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
      fault: { type: 'string' },
      out: { type: 'string' },
      sum: { type: 'string' },
    },
  });
  if (values.sum !== undefined) {
    console.log(JSON.stringify(sumOf(values.sum)));
    return 0;
  }
  const scenario = scenarios.find(({ name }) => name === positionals[0]);
  const runs = Number(values.runs);
  if (scenario === undefined || !Number.isSafeInteger(runs) || runs < 1 || !isLabKind(values.lab))
    throw new LabError('USAGE', usage());
  const { json, keep, lab, sabotage, fault } = values;
  if (sabotage !== undefined && !scenario.sabotages?.includes(sabotage)) {
    throw new LabError('USAGE', `${scenario.name} knows no sabotage ${sabotage}\n${usage()}`);
  }
  if (fault !== undefined && !scenario.faults?.includes(fault)) {
    throw new LabError('USAGE', `${scenario.name} knows no fault ${fault}\n${usage()}`);
  }
  const options = { json, keep, lab, sabotage, fault, runs };
  const all: Run[] = [];
  const labs = scenario.repeatsItself === true ? 1 : runs;
  for (let run = 1; run <= labs; run += 1) all.push(await runOnce(scenario, run, options));
  const ok = all.every((run) => run.ok);
  if (values.out !== undefined) appendPiece(values.out, pieceOf(all, ok));
  if (values.json) {
    const facts = { ok, scenario: scenario.name, sabotage: sabotage ?? null };
    const [{ summary, checks, measures, error } = {}] = all as readonly Partial<Run>[];
    const told =
      scenario.repeatsItself === true
        ? { ...summary, ...facts, checks, measures, ...(error === undefined ? {} : { error }) }
        : { ...facts, runs: all };
    console.log(JSON.stringify(told));
  } else console.log(ok ? 'every check held' : 'NOT every check held');
  return ok ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
