/**
 * Starts a process that stays: an application that is supervised, or the guardian. It gets a session
 * (and so a process group) of its own, so that a signal to the daemon's group does not reach it, and
 * everything it starts can be found again.
 *
 * It does not restart anything and does not decide when to kill; `process.ts` and `cgroup.ts` do the
 * killing. Short commands go through `run.ts`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { known } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import { type ProcessMark, processStat } from './process.ts';
import { commandEnvironment, notStarted } from './run.ts';

export type Ending = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

export type LongLived = {
  readonly mark: ProcessMark;
  /** Resolves when the process has ended; its children may live on. */
  readonly ended: Promise<Ending>;
  /** Null unless the pipes were asked for. */
  readonly pipes: Pipes | null;
  /** The daemon may end although this process goes on. */
  unref(): void;
};

export type Pipes = {
  readonly input: NodeJS.WritableStream;
  readonly output: NodeJS.ReadableStream;
  readonly errors: NodeJS.ReadableStream;
};

export type LongLivedOptions = {
  readonly argv: readonly string[];
  /** Added to the daemon's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Joined before the program runs, so that nothing it starts is ever outside. */
  readonly cgroup?: string | null;
  /** A file for both outputs, appended to; or pipes to this process. */
  readonly output: { readonly kind: 'file'; readonly path: string } | { readonly kind: 'pipes' };
};

/** `$0` is the group's list of processes; the shell enters it and becomes the program. */
const ENTER_CGROUP = 'echo $$ > "$0" && exec "$@"';

/** @throws HoldfastError COMMAND_NOT_FOUND, COMMAND_NOT_STARTED */
export async function startLongLived(options: LongLivedOptions): Promise<LongLived> {
  // The shell would be started, and only end with status 127 a moment later.
  if (options.cgroup != null) refuseMissing(options);
  const argv =
    options.cgroup == null
      ? options.argv
      : ['sh', '-c', ENTER_CGROUP, join(options.cgroup, 'cgroup.procs'), ...options.argv];
  const child = launch(argv, options);
  const ended = new Promise<Ending>((resolve) => {
    child.once('exit', (status, signal) => resolve({ status, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(notStarted(options.argv, error)));
  });
  const pid = known(child.pid, 'the pid of a process that was started');
  // Not yet reaped: even a process that ended at once still has its entry and start time.
  const mark = { pid, startTicks: processStat(pid)?.startTicks ?? 0 };
  const { stdin, stdout, stderr } = child;
  return {
    mark,
    ended,
    pipes:
      stdin !== null && stdout !== null && stderr !== null
        ? { input: stdin, output: stdout, errors: stderr }
        : null,
    unref: () => child.unref(),
  };
}

function refuseMissing({ argv, directory, environment }: LongLivedOptions): void {
  const [file = ''] = argv;
  const path = { ...commandEnvironment(), ...environment }['PATH'] ?? '';
  const places = file.includes('/')
    ? [resolve(directory ?? '.', file)]
    : path.split(':').map((one) => join(one, file));
  if (!places.some(isExecutable)) throw new HoldfastError('COMMAND_NOT_FOUND', { command: file });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not for us: whichever it is, it cannot be run
  }
}

function launch(argv: readonly string[], options: LongLivedOptions): ChildProcess {
  const [file, ...args] = argv;
  if (file === undefined) throw new HoldfastError('COMMAND_NOT_FOUND', { command: '' });
  const log = options.output.kind === 'file' ? openSync(options.output.path, 'a', 0o640) : null;
  try {
    return spawn(file, args, {
      detached: true,
      stdio: log === null ? ['pipe', 'pipe', 'pipe'] : ['ignore', log, log],
      env: { ...commandEnvironment(), ...options.environment },
      ...(options.directory === undefined ? {} : { cwd: options.directory }),
    });
  } catch (error) {
    throw notStarted(argv, error);
  } finally {
    if (log !== null) closeSync(log);
  }
}
