/**
 * Runs one short command to its end. Together with `long-lived.ts` it is the only place that starts a
 * process.
 *
 * The fear: a command that touches a dead disk never returns, and cannot even be killed while it
 * sits in the kernel. So the caller gets its answer at the deadline whatever the child does; the
 * child's whole process group is killed, and nobody waits for it to be gone.
 *
 * It does not interpret the status (each tool has its own meaning), does not use a shell, and keeps
 * no output beyond a bound.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';

export type RunOptions = {
  /** Aborting kills the command; `run` then rejects with the signal's reason. */
  readonly signal: AbortSignal;
  /** Written to the command's standard input, which is then closed. */
  readonly input?: string;
  /** Added to the daemon's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs: Millis;
};

export type Completion = {
  /** The exit status; 128 + number when a signal ended the command, as shells count it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
};

const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;

/** A background child may keep the pipes open; what the command itself wrote is there at once. */
const DRAIN_MS: Millis = 200;

/** Messages in one language; tools of the administrator found even in a poor environment. */
export function commandEnvironment(): Record<string, string | undefined> {
  const path = process.env['PATH'] ?? '';
  return {
    ...process.env,
    LC_ALL: 'C',
    PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
  };
}

/**
 * Runs `argv` (no shell) and answers its status and output, whatever the status is.
 *
 * @throws HoldfastError COMMAND_NOT_FOUND, COMMAND_NOT_STARTED, COMMAND_TIMED_OUT,
 *   COMMAND_OUTPUT_TOO_LARGE; the signal's reason when it aborts.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<Completion> {
  options.signal.throwIfAborted();
  const { child, started } = start(argv, options);
  const collected = collect(child);
  const context = { command: argv.join(' ') };
  return await new Promise<Completion>((resolve, reject) => {
    const settle = (conclude: () => void) => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      conclude();
    };
    const giveUp = (reason: unknown) =>
      settle(() => {
        abandon(child);
        reject(reason);
      });
    const onAbort = () => giveUp(options.signal.reason);
    const timer = setTimeout(() => {
      giveUp(
        new HoldfastError('COMMAND_TIMED_OUT', {
          ...context,
          timeoutMs: options.timeoutMs,
          stderr: collected.stderr().slice(-500),
        }),
      );
    }, options.timeoutMs);
    options.signal.addEventListener('abort', onAbort, { once: true });
    collected.overflown(() => giveUp(new HoldfastError('COMMAND_OUTPUT_TOO_LARGE', context)));
    started.catch((error: unknown) => giveUp(error));
    ended(child).then((status) =>
      settle(() => resolve({ status, stdout: collected.stdout(), stderr: collected.stderr() })),
    );
  });
}

function start(
  argv: readonly string[],
  { input, environment }: RunOptions,
): { readonly child: ChildProcess; readonly started: Promise<void> } {
  const [file, ...args] = argv;
  if (file === undefined) throw new HoldfastError('COMMAND_NOT_FOUND', { command: '' });
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // A process group of its own: everything that the command started dies with it.
      detached: true,
      env: { ...commandEnvironment(), ...environment },
    });
  } catch (error) {
    throw notStarted(argv, error);
  }
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(notStarted(argv, error)));
  });
  // A command that ends without reading its input is no failure of ours: its status says enough.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return { child, started };
}

/** ENOENT and EACCES mean that the tool is missing; anything else that the host is short of something. */
export function notStarted(argv: readonly string[], error: unknown): HoldfastError {
  const reason = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const missing = reason === 'ENOENT' || reason === 'EACCES';
  const context = { command: argv.join(' '), reason };
  return new HoldfastError(missing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_STARTED', context, {
    cause: error,
  });
}

function collect(child: ChildProcess): {
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly overflown: (listener: () => void) => void;
} {
  let bytes = 0;
  let tell: () => void = () => {};
  const gather = (stream: NodeJS.ReadableStream | null) => {
    const chunks: Buffer[] = [];
    stream?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_LIMIT_BYTES) tell();
      else chunks.push(chunk);
    });
    return () => Buffer.concat(chunks).toString('utf8');
  };
  const stdout = gather(child.stdout);
  const stderr = gather(child.stderr);
  return {
    stdout,
    stderr,
    overflown: (listener) => {
      tell = listener;
    },
  };
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    let drain: NodeJS.Timeout | undefined;
    const finish = (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(drain);
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    };
    child.once('exit', (code, signal) => {
      drain = setTimeout(() => {
        release(child);
        finish(code, signal);
      }, DRAIN_MS);
    });
    child.once('close', finish);
  });
}

/** Kills the process group and lets go of the child: it may be in the kernel and stay there. */
function abandon(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group is already gone, which is what was wanted.
    }
  }
  release(child);
  child.unref();
}

function release(child: ChildProcess): void {
  child.stdin?.destroy();
  child.stdout?.destroy();
  child.stderr?.destroy();
}
