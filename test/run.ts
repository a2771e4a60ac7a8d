/**
 * `npm test`: everything, in the order in which it is cheapest to fail, and a table of what ran, what
 * did not, why, and how long it took beside what it may take. Each part has a budget; a part that
 * exceeds it is ended and counts as failed.
 *
 * `npm test -- unit` runs one part; `npm test -- --long` is the long form of what has one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { whyNoEngine } from './e2e/containers/engine/packages.ts';
import { ensurePackages } from './lab/kernel/packages.ts';

type Part = {
  readonly name: string;
  readonly about: string;
  readonly budgetSeconds: number;
  readonly commands: readonly (readonly string[])[];
  readonly environment: Readonly<Record<string, string>>;
  /** Why it cannot run here, or null. */
  readonly unavailable: () => string | null;
};

type Outcome = {
  readonly part: Part;
  readonly state: 'passed' | 'failed' | 'not run';
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly why: string;
};

const root = fileURLToPath(new URL('..', import.meta.url));
const long = process.argv.includes('--long');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('-'));
const reports = mkdtempSync(join(tmpdir(), 'holdfast-test-'));

const notRoot = (): string | null => {
  if (process.platform !== 'linux') return 'the laboratory needs Linux';
  if (process.getuid?.() !== 0) return 'the laboratory needs root (taps, namespaces)';
  return null;
};

const bin = (name: string): string => join(root, 'node_modules/.bin', name);

const vitest = (name: string): readonly string[] => [
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${join(reports, `${name}.json`)}`,
];

const PARTS: readonly Part[] = [
  {
    name: 'check',
    about: 'types, lint',
    budgetSeconds: 90,
    commands: [
      ['tsc', '--noEmit'],
      ['biome', 'check', '--error-on-warnings', '.'],
    ],
    environment: {},
    unavailable: () => null,
  },
  {
    name: 'unit',
    about: 'unit tests, tidy, contract suites on what runs anywhere, seeded simulations',
    budgetSeconds: long ? 7_200 : 840,
    commands: [vitest('unit')],
    environment: long ? { HOLDFAST_LONG: '1' } : {},
    unavailable: () => null,
  },
  {
    name: 'mutants',
    about: 'rules broken on purpose, each caught by the test that is named for it',
    budgetSeconds: 240,
    commands: [
      [
        ...['node', 'test/mutants/main.ts', '--designated', ...(long ? [] : ['--part', 'raft'])],
        ...['--counts', join(reports, 'mutants.json')],
      ],
    ],
    environment: {},
    unavailable: () => null,
  },
  {
    name: 'lab',
    about: `contract suites and failovers on real kernels, real SCSI, real addresses${
      long ? '' : '; campaigns, disk verify, multipath, PostgreSQL: --long'
    }`,
    budgetSeconds: long ? 7_200 : 1_080,
    commands: [vitest('lab')],
    environment: long ? { VITEST_LAB: '1', HOLDFAST_LONG: '1' } : { VITEST_LAB: '1' },
    unavailable: notRoot,
  },
  {
    name: 'containers',
    about: 'three containers of our own image, and what happens to them',
    budgetSeconds: 900,
    commands: [
      ['node', 'test/e2e/containers/main.ts', bin('vitest'), ...vitest('containers').slice(1)],
    ],
    environment: {},
    unavailable: () => {
      if (!long && !wanted.includes('containers')) {
        return 'builds an engine and an image: `npm test -- containers`, or --long';
      }
      return process.env['DOCKER_HOST'] === undefined ? whyNoEngine() : null;
    },
  },
];

let running: ChildProcess | null = null;

function endRunning(signal: NodeJS.Signals): void {
  const pid = running?.pid;
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended by itself in the meantime.
  }
}

/** Runs one command in a process group of its own; resolves with its exit status. */
function run(argv: readonly string[], environment: object, limitMs: number): Promise<number> {
  const [command = '', ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(bin(command), args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...environment },
      detached: true,
    });
    running = child;
    const timer = setTimeout(() => {
      console.error(`\n${command} exceeded its budget and is ended`);
      endRunning('SIGTERM');
      setTimeout(() => endRunning('SIGKILL'), 10_000).unref();
    }, limitMs);
    child.on('error', () => resolve(127));
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      running = null;
      resolve(signal === null ? (code ?? 1) : 1);
    });
  });
}

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

function counts(name: string): Counts | null {
  try {
    const report = JSON.parse(readFileSync(join(reports, `${name}.json`), 'utf8'));
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return null; // not a part of vitest, or it was ended before it could report
  }
}

async function perform(part: Part): Promise<Outcome> {
  const nothing = { part, passed: 0, failed: 0, skipped: 0, seconds: 0 };
  const why = part.unavailable();
  if (why !== null) return { ...nothing, state: 'not run', why };
  console.log(`\n── ${part.name}: ${part.about}`);
  const started = performance.now();
  let status = 0;
  for (const argv of part.commands) {
    const leftMs = part.budgetSeconds * 1_000 - (performance.now() - started);
    status = await run(argv, part.environment, leftMs);
    if (status !== 0) break;
  }
  const seconds = (performance.now() - started) / 1_000;
  const found = counts(part.name) ?? {
    passed: status === 0 ? part.commands.length : 0,
    failed: 0,
    skipped: 0,
  };
  const failed = status === 0 ? found.failed : Math.max(1, found.failed);
  const state = failed === 0 ? 'passed' : 'failed';
  return { ...found, failed, part, state, seconds, why: status === 0 ? '' : `exit ${status}` };
}

function table(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((outcome) => [
    outcome.part.name,
    outcome.state,
    `${outcome.passed}`,
    `${outcome.failed}`,
    `${outcome.skipped}`,
    `${outcome.seconds.toFixed(0)} s`,
    `${outcome.part.budgetSeconds} s`,
    outcome.why === '' ? outcome.part.about : outcome.why,
  ]);
  const header = [
    'part',
    'state',
    'passed',
    'failed',
    'skipped',
    'took',
    'may take',
    'what, or why not',
  ];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    line(header),
    widths.map((width) => '─'.repeat(width)).join('  '),
    ...rows.map(line),
  ].join('\n');
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    endRunning('SIGTERM');
    process.exitCode = 1;
  });
}

// Real file systems and packet filters are met in the unit part already.
if (notRoot() === null) await ensurePackages((line) => console.log(line));
const chosen = PARTS.filter((part) => wanted.length === 0 || wanted.includes(part.name));
const outcomes: Outcome[] = [];
for (const part of chosen) outcomes.push(await perform(part));
rmSync(reports, { recursive: true, force: true });

console.log(`\n${table(outcomes)}\n`);
const sum = (pick: (outcome: Outcome) => number): number =>
  outcomes.reduce((total, outcome) => total + pick(outcome), 0);
const failed = sum((outcome) => outcome.failed);
console.log(`${sum((o) => o.passed)} passed, ${failed} failed, ${sum((o) => o.skipped)} skipped`);
process.exitCode = failed === 0 && chosen.length > 0 ? 0 : 1;
