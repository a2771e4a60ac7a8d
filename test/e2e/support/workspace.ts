/**
 * A place for one test file: a cluster that is laid out but need not run, and the command line as
 * operators use it. Everything that is started here carries the mark of the place and is ended by id
 * when the place is left, also after a failure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Problem } from '../../../src/lib/error.ts';
import { EmbeddedCluster, HOLDFAST } from '../../demo/embedded-cluster.ts';
import type { EmbeddedOptions } from '../../demo/embedded-config.ts';

/** For one test, or for the start of a cluster; there only to end a failure. */
export const LIMIT_MS = 120_000;
/** Generous: a command takes about a second, on a machine that others use too. */
const COMMAND_LIMIT_MS = 25_000;

const PIPE_LIMIT_MS = 2_000;

export type Ended = {
  /** The exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

export async function workspace(options?: EmbeddedOptions): Promise<EmbeddedCluster> {
  return await EmbeddedCluster.lay(mkdtempSync(join(tmpdir(), 'holdfast-e2e-')), options);
}

/** Runs the command to its end. One that does not end within the bound is killed: status null. */
export function holdfast(
  { environment }: Pick<EmbeddedCluster, 'environment'>,
  argv: readonly string[],
  program = HOLDFAST,
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, NO_COLOR: '1' },
    timeout: COMMAND_LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      output[name] += chunk;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // A process that was left behind may hold the pipes open: its output is not waited for.
    child.on('exit', (status) => {
      const left = setTimeout(() => resolve({ status, ...output }), PIPE_LIMIT_MS);
      child.once('close', () => {
        clearTimeout(left);
        resolve({ status, ...output });
      });
    });
  });
}

/** The problem that `--json` printed, on one line and nothing else. */
export function problemIn(stdout: string): Problem {
  const { problem } = JSON.parse(stdout) as { readonly problem: Problem };
  return problem;
}

/** Resolves with the exit status, or the signal, of a process that is about to end. */
export function endOf(child: ChildProcess): Promise<number | NodeJS.Signals | null> {
  const { exitCode, signalCode } = child;
  if (exitCode !== null || signalCode !== null) return Promise.resolve(exitCode ?? signalCode);
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}
