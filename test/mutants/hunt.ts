/**
 * Hunts one mutant: first with the test that is named for it, then, if that is asked for, with every
 * test that could know better.
 *
 * Caught means that a test ran and said no. A mutant with which the tests cannot be loaded, or do not
 * come to an end, proves nothing about them: it is called broken and counts as a survivor does. So
 * does one that is hunted with tests that fail anyway.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Area } from './catalogue.ts';
import type { Mutant, TestName } from './mutant.ts';
import { type Failure, runTests, type TestRun } from './vitest-run.ts';

/**
 *   designated  the named test only
 *   first       the named test, then the wider set up to the first test that catches
 *   all         every test of the wider set that catches
 */
export type Reach = 'designated' | 'first' | 'all';

export type Verdict = {
  readonly mutant: Mutant;
  readonly outcome: 'caught' | 'survived' | 'broken';
  /** Who caught it, the named test first if it is among them. */
  readonly by: readonly Failure[];
  /** Of a broken one. */
  readonly why: string;
  readonly seconds: number;
};

const DESIGNATED_LIMIT_MS = 30_000;
const WIDER_LIMIT_MS = 600_000;
const root = new URL('../../', import.meta.url);

export async function hunt(
  mutant: Mutant,
  reach: Reach,
  wider: Area['wider'],
  limitMs: number = DESIGNATED_LIMIT_MS,
): Promise<Verdict> {
  const started = performance.now();
  const judged = (run: TestRun): Verdict => verdictOf(mutant, run, started);
  const { file, test } = mutant.caughtBy;
  const first = await runTests({
    paths: [file],
    mutant: mutant.name,
    test,
    stopAtFirstFailure: reach !== 'all',
    limitMs,
  });
  const named = judged(first);
  if (named.outcome === 'broken' || reach === 'designated') return named;
  if (named.outcome === 'caught' && reach === 'first') return named;
  const unsound = await faultsOfWiderTests(wider);
  if (unsound !== null) return judged({ ...first, failed: [], unfinished: unsound });
  const run = await runWider(wider, mutant.name, reach === 'first');
  const isNamed = (one: TestName): boolean =>
    first.failed.some((other) => other.file === one.file && other.test === one.test);
  const failed = [...first.failed, ...run.failed.filter((one) => !isNamed(one))];
  return judged({ ...run, failed });
}

function runWider(
  wider: Area['wider'],
  mutant: string | null,
  stopAtFirstFailure: boolean,
): Promise<TestRun> {
  const paths = wider.filter((path) => existsSync(fileURLToPath(new URL(path, root))));
  return runTests({ paths, mutant, test: null, stopAtFirstFailure, limitMs: WIDER_LIMIT_MS });
}

/** By the tests that are run; asked once, and only when a mutant gets that far. */
const widerFaults = new Map<string, Promise<string | null>>();

/** A test that fails anyway would catch everything. */
function faultsOfWiderTests(wider: Area['wider']): Promise<string | null> {
  const key = wider.join();
  const known = widerFaults.get(key) ?? runWider(wider, null, true).then(faultOf);
  widerFaults.set(key, known);
  return known;
}

/** Why tests that were run without a mutant cannot be asked about one, or null. */
export function faultOf({
  failed,
  passed,
  timedOut,
  unfinished,
  unloaded,
}: TestRun): string | null {
  const one = failed[0] ?? timedOut[0];
  const fault = one === undefined ? (unfinished ?? unloaded[0]) : `${one.file}: ${one.test}`;
  if (fault !== undefined) return `the wider tests fail without a mutant: ${fault}`;
  return passed.length === 0 ? 'no wider test was found' : null;
}

function verdictOf(mutant: Mutant, run: TestRun, started: number): Verdict {
  const seconds = (performance.now() - started) / 1_000;
  const { failed, timedOut, unfinished, unloaded } = run;
  if (failed.length > 0) return { mutant, outcome: 'caught', by: failed, why: '', seconds };
  const late = timedOut[0] === undefined ? null : `"${timedOut[0].test}" ran out of time`;
  const why = unfinished ?? unloaded[0] ?? late ?? '';
  return { mutant, outcome: why === '' ? 'survived' : 'broken', by: [], why, seconds };
}

/**
 * What is wrong with the named tests themselves: without a mutant each of them must run and pass, or
 * their failing with one means nothing.
 */
export async function faultsOfDesignatedTests(
  mutants: readonly Mutant[],
): Promise<readonly string[]> {
  const paths = [...new Set(mutants.map(({ caughtBy }) => caughtBy.file))];
  if (paths.length === 0) return [];
  const run = await runTests({
    paths,
    mutant: null,
    test: null,
    stopAtFirstFailure: false,
    limitMs: WIDER_LIMIT_MS,
  });
  if (run.unfinished !== null) return [`the tests without a mutant: ${run.unfinished}`];
  const within = (tests: readonly TestName[], { file, test }: TestName): boolean =>
    tests.some((one) => one.file === file && one.test.includes(test));
  const faults = mutants.flatMap(({ caughtBy, name }) => {
    const words = `"${caughtBy.test}" of ${caughtBy.file}, named by ${name},`;
    if (within([...run.failed, ...run.timedOut], caughtBy))
      return [`${words} fails without a mutant`];
    return within(run.passed, caughtBy) ? [] : [`${words} does not exist`];
  });
  return [...run.unloaded, ...faults];
}
