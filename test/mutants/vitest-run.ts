/**
 * Runs tests in a process of its own, with or without a mutant, and says what each of them answered.
 *
 * A process for each mutant costs some 0.4 s and buys that an endless loop can be ended and that no
 * mutant meets what another one left behind. Threads and not forks, so that there is one process to
 * end and no grandchild.
 *
 * Judges nothing: see hunt.ts.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestName } from './mutant.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

/** `said` is the first line of its message. */
export type Failure = TestName & { readonly said: string };

export type TestRun = {
  readonly passed: readonly TestName[];
  readonly failed: readonly Failure[];
  /** Ran out of time, which says nothing about what they assert. */
  readonly timedOut: readonly TestName[];
  /** Files of which not one test ran, with the reason. */
  readonly unloaded: readonly string[];
  /** Ended by us, or without a report; null when it came to its end. */
  readonly unfinished: string | null;
};

export type TestRunOptions = {
  /** Files or folders, from the root. */
  readonly paths: readonly string[];
  readonly mutant: string | null;
  /** Only tests whose full name contains this. */
  readonly test: string | null;
  readonly stopAtFirstFailure: boolean;
  readonly limitMs: number;
};

type Report = {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
};

const NOTHING: Omit<TestRun, 'unfinished'> = { passed: [], failed: [], timedOut: [], unloaded: [] };

export async function runTests(options: TestRunOptions): Promise<TestRun> {
  // Without a path, vitest would run all there is.
  if (options.paths.length === 0) return { ...NOTHING, unfinished: null };
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-mutant-'));
  try {
    const file = join(directory, 'report.json');
    const ended = await run(argumentsFor(options, file), options);
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) {
      const unfinished = ended === null ? 'it wrote no report' : ended;
      return { ...NOTHING, unfinished };
    }
    return { ...read(JSON.parse(text)), unfinished: null };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function argumentsFor(options: TestRunOptions, report: string): readonly string[] {
  const { paths, stopAtFirstFailure, test } = options;
  return [
    'run',
    ...paths,
    '--pool=threads',
    '--maxWorkers=1',
    '--reporter=json',
    `--outputFile=${report}`,
    ...(stopAtFirstFailure ? ['--bail=1'] : []),
    ...(test === null ? [] : [`--testNamePattern=${literal(test)}`]),
  ];
}

/** A pattern that matches the text itself. */
function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Resolves with why it was ended, or null. */
function run(
  args: readonly string[],
  { limitMs, mutant }: { readonly limitMs: number; readonly mutant: string | null },
): Promise<string | null> {
  // A test of ours may ask for this run: what its vitest tells its own workers is not for this one.
  const inherited = Object.entries(process.env).filter(
    ([key]) => !/^(VITEST|HOLDFAST_M)/.test(key),
  );
  // A fifth of what a run costs is compiling vitest itself, each time the same.
  const cache = { NODE_COMPILE_CACHE: join(tmpdir(), 'holdfast-compile-cache') };
  const environment = { ...cache, ...Object.fromEntries(inherited) };
  const env = mutant === null ? environment : { ...environment, HOLDFAST_MUTANT: mutant };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [vitest, ...args], { cwd: root, env, stdio: 'ignore' });
    let ended: string | null = null;
    const timer = setTimeout(() => {
      ended = `it did not end within ${limitMs / 1_000} s`;
      child.kill('SIGKILL');
    }, limitMs);
    const close = (why: string | null): void => {
      clearTimeout(timer);
      resolve(why);
    };
    child.on('error', (error) => close(error.message));
    child.on('exit', () => close(ended));
  });
}

function read({ testResults }: Report): Omit<TestRun, 'unfinished'> {
  const all = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ failureMessages, fullName, status }) => {
      const said = failureMessages[0]?.split('\n')[0] ?? '';
      return { file: relative(root, name), test: fullName, status, said };
    }),
  );
  const failed = all.filter(({ status }) => status === 'failed');
  const isLate = ({ said }: Failure): boolean => /^Error: (Test|Hook) timed out/.test(said);
  const unloaded = testResults
    .filter(({ assertionResults, status }) => status === 'failed' && assertionResults.length === 0)
    .map(({ name, message }) => `${relative(root, name)}: ${message.split('\n')[0]}`);
  return {
    passed: all.filter(({ status }) => status === 'passed'),
    failed: failed.filter((one) => !isLate(one)),
    timedOut: failed.filter(isLate),
    unloaded,
  };
}
