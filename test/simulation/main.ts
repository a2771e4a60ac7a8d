/**
 * `npm run sim`: years of failures in minutes. Prints the faults and their rates, plays one seed
 * after the other, and ends with one line of JSON. A seed that breaks something is told with its
 * score, shrunk, and kept as a regression.
 *
 *   --seeds N     how many (default 100), from --first N (default 1)
 *   --seed N      one, with its score
 *   --hours H     simulated hours instead of a number of seeds
 *   --family NAME mixed (default) or storm: many groups, whose owners are struck down as they serve
 *   --faults LIST only these (names with commas); `--faults list` prints them
 *   --trace FILE  writes the last history for `holdfast replay`
 *   --script FILE a script that was kept
 *   --nodes N, --groups N, --safety-ms MS   instead of what the seed draws
 *   --out FILE    appends a line of JSON for each 20 seeds (--piece N); --sum FILE adds such lines up
 *   --stop N      ends after so many failing seeds (default 3)
 *   --sabotage LIST, --no-shrink, --json, --score LINES
 */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS } from './faults.ts';
import { appendPiece, sumOf } from './pieces.ts';
import { type Outcome, play } from './run.ts';
import { ALL_SABOTAGES, type Sabotage } from './sabotage.ts';
import { FAMILIES, type Script, scriptOf } from './script.ts';
import { shrink } from './shrink.ts';
import { Totals } from './totals.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    first: { type: 'string' },
    hours: { type: 'string' },
    family: { type: 'string', default: 'mixed' },
    faults: { type: 'string' },
    script: { type: 'string' },
    trace: { type: 'string' },
    out: { type: 'string' },
    piece: { type: 'string' },
    sum: { type: 'string' },
    nodes: { type: 'string' },
    groups: { type: 'string' },
    'safety-ms': { type: 'string' },
    sabotage: { type: 'string' },
    score: { type: 'string' },
    stop: { type: 'string' },
    json: { type: 'boolean', default: false },
    'no-shrink': { type: 'boolean', default: false },
  },
});

const REGRESSIONS = join(import.meta.dirname, 'regressions');
const PROGRESS_MS = 5_000;
const SHRINK_ATTEMPTS = 300;

const say = (line: string): void => {
  if (!values.json) process.stdout.write(`${line}\n`);
};

function number(name: keyof typeof values): number | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (!Number.isFinite(parsed) || parsed < 0) throw new Error(`--${name} is a number`);
  return parsed;
}

function names<T extends string>(given: string | undefined, known: readonly T[]): readonly T[] {
  return (given ?? '')
    .split(',')
    .filter((name) => name !== '')
    .map((name) => {
      const found = known.find((one) => one === name);
      if (found === undefined) throw new Error(`there is no ${name}; known: ${known.join(', ')}`);
      return found;
    });
}

function scriptFor(seed: number, sabotage: readonly Sabotage[]): Script {
  const faults = names(
    values.faults,
    FAULTS.map(({ name }) => name),
  );
  const [family] = names(values.family, FAMILIES);
  const [nodes, groups, safetyMs] = [number('nodes'), number('groups'), number('safety-ms')];
  const script = scriptOf({
    seed,
    family: family ?? 'mixed',
    ...(values.faults === undefined ? {} : { faults }),
    ...(nodes === undefined ? {} : { nodes }),
    ...(groups === undefined ? {} : { groups }),
    ...(safetyMs === undefined ? {} : { safetyMs }),
  });
  return sabotage.length === 0 ? script : { ...script, sabotage };
}

/** As it was asked for, with this seed alone. */
function commandFor(seed: number): string {
  const kept = ['family', 'faults', 'nodes', 'groups', 'safety-ms', 'sabotage'] as const;
  const rest = kept.flatMap((name) =>
    values[name] === undefined ? [] : [`--${name} ${values[name]}`],
  );
  return ['npm run sim --', `--seed ${seed}`, ...rest].join(' ');
}

async function tell(script: Script, outcome: Outcome): Promise<void> {
  const { seed } = script.setting;
  const [first] = outcome.violations;
  if (first === undefined) return;
  const lines = number('score') ?? 120;
  process.stdout.write(`${outcome.score(lines)}\n`);
  for (const { atMs, rule, node, words } of outcome.violations) {
    process.stdout.write(`seed ${seed} at ${atMs.toFixed(1)} ms: "${rule}" on ${node}: ${words}\n`);
  }
  if (values.script === undefined) process.stdout.write(`again: ${commandFor(seed)}\n`);
  if (values['no-shrink'] || values.script !== undefined) return;
  const shrunk = await shrink({
    script,
    rule: first.rule,
    maxAttempts: SHRINK_ATTEMPTS,
    progress: (strikes) => say(`shrinking: ${strikes} faults are left`),
  });
  const file = join(REGRESSIONS, `${first.rule.replace(/\W+/g, '-')}-${seed}.json`);
  writeFileSync(file, `${JSON.stringify({ rule: first.rule, script: shrunk.script }, null, 2)}\n`);
  process.stdout.write(`${shrunk.script.strikes.length} faults are enough; kept as ${file}\n`);
  process.stdout.write(`again: npm run sim -- --script ${file}\n`);
}

/** Plays it, with a trace where one was asked for. */
async function perform(script: Script): Promise<Outcome> {
  if (values.trace === undefined) return await play({ script });
  const file = openSync(values.trace, 'w');
  const outcome = await play({ script, trace: (line) => writeSync(file, `${line}\n`) });
  closeSync(file);
  return outcome;
}

async function main(): Promise<number> {
  if (values.faults === 'list') {
    for (const { name, rate, longestMs } of FAULTS) {
      process.stdout.write(`${name.padEnd(22)} rate ${rate}, up to ${longestMs} ms\n`);
    }
    return 0;
  }
  if (values.sum !== undefined) {
    process.stdout.write(`${JSON.stringify(sumOf(values.sum))}\n`);
    return 0;
  }
  const sabotage = names(values.sabotage, ALL_SABOTAGES);
  const rates = FAULTS.map(({ name, rate }) => `${name} ${rate}`);
  say(`faults and their rates: ${rates.join(', ')}`);
  const totals = new Totals();
  if (values.script !== undefined) {
    const kept = JSON.parse(readFileSync(values.script, 'utf8')) as { readonly script: Script };
    const outcome = await perform(kept.script);
    totals.add(outcome);
    await tell(kept.script, outcome);
    if (values.score !== undefined) say(outcome.score(number('score') ?? 120));
  } else {
    const seed = number('seed');
    const first = seed ?? number('first') ?? 1;
    const hours = number('hours');
    const seeds =
      seed === undefined ? (number('seeds') ?? (hours === undefined ? 100 : Infinity)) : 1;
    let failing = 0;
    let toldMs = performance.now();
    let piece = new Totals();
    const pieceSeeds = number('piece') ?? 20;
    for (let at = first; at < first + seeds; at += 1) {
      if (hours !== undefined && totals.simulatedMs >= hours * 3_600_000) break;
      const script = scriptFor(at, sabotage);
      const outcome = await perform(script);
      totals.add(outcome);
      piece.add(outcome);
      if (values.out !== undefined && piece.seeds === pieceSeeds) {
        const { family } = values;
        appendPiece(values.out, { family, firstSeed: at + 1 - pieceSeeds, ...piece.sums() });
        piece = new Totals();
      }
      if (outcome.violations.length > 0) failing += 1;
      await tell(script, outcome);
      if (failing >= (number('stop') ?? 3)) break;
      if (seed !== undefined && outcome.violations.length === 0) {
        say(outcome.score(number('score') ?? 120));
      }
      if (performance.now() - toldMs < PROGRESS_MS) continue;
      toldMs = performance.now();
      say(`seed ${at}: ${totals.progress()}`);
    }
  }
  process.stdout.write(`${totals.json()}\n`);
  return totals.violations === 0 ? 0 : 1;
}

process.exitCode = await main();
