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
import { constants } from 'node:os';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type Ending, type Launched, launch } from './launch.ts';
import { processStat } from './process.ts';

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
  const collected = new Collected();
  const context = { command: argv.join(' ') };
  const starting = launch({
    argv,
    environment: { ...commandEnvironment(), ...options.environment },
    directory: null,
    input: options.input === undefined ? 'nothing' : 'pipe',
    output: 'pipes',
  });
  return await new Promise<Completion>((resolve, reject) => {
    const settle = (conclude: () => void) => {
      clearTimeout(timer);
      options.signal.removeEventListener('abort', onAbort);
      conclude();
    };
    const giveUp = (reason: unknown) =>
      settle(() => {
        starting.then(abandon, () => {}); // it never started
        reject(reason);
      });
    const onAbort = () => giveUp(options.signal.reason);
    const timer = setTimeout(() => {
      const { timeoutMs } = options;
      const stderr = collected.stderr.slice(-500);
      giveUp(new HoldfastError('COMMAND_TIMED_OUT', { ...context, timeoutMs, stderr }));
    }, options.timeoutMs);
    options.signal.addEventListener('abort', onAbort, { once: true });
    const tooLarge = () => giveUp(new HoldfastError('COMMAND_OUTPUT_TOO_LARGE', context));
    starting
      .then(async (child) => {
        feed(child, options.input);
        const status = await untilOver(child, collected, tooLarge);
        const { stdout, stderr } = collected;
        settle(() => resolve({ status, stdout, stderr }));
      })
      .catch(giveUp);
  });
}

/** A command that ends without reading its input is no failure of ours: its status says enough. */
function feed({ input }: Launched, text: string | undefined): void {
  input?.on('error', () => {});
  if (text === undefined) input?.end();
  else input?.end(text);
}

class Collected {
  readonly #out: Buffer[] = [];
  readonly #err: Buffer[] = [];
  #bytes = 0;

  get stdout(): string {
    return Buffer.concat(this.#out).toString('utf8');
  }

  get stderr(): string {
    return Buffer.concat(this.#err).toString('utf8');
  }

  /** False: it is more than anybody reads. */
  add(to: 'stdout' | 'stderr', chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > OUTPUT_LIMIT_BYTES) return false;
    (to === 'stdout' ? this.#out : this.#err).push(chunk);
    return true;
  }
}

/** Its end, and the end of its output, or a moment after its end. */
async function untilOver(
  child: Launched,
  collected: Collected,
  tooLarge: () => void,
): Promise<number> {
  const closed = (['stdout', 'stderr'] as const).map((name) => {
    const pipe = name === 'stdout' ? child.output : child.errors;
    pipe?.on('data', (chunk: Buffer) => {
      if (!collected.add(name, chunk)) tooLarge();
    });
    // A pipe that breaks has no more to say.
    pipe?.on('error', () => {});
    return new Promise<void>((resolve) => {
      if (pipe === null) resolve();
      else pipe.once('close', resolve);
    });
  });
  const { status, signal }: Ending = await child.ended;
  let drain: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    drain = setTimeout(resolve, DRAIN_MS);
  });
  await Promise.race([Promise.all(closed), patience]);
  clearTimeout(drain);
  release(child);
  return status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** Kills the process group and lets go of the child: it may be in the kernel and stay there. */
function abandon(child: Launched): void {
  const { pid, startTicks } = child.mark;
  const founder = processStat(pid);
  try {
    if (founder === null || founder.startTicks === startTicks) process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is already gone, which is what was wanted.
  }
  release(child);
  child.unref();
}

function release({ output, errors }: Launched): void {
  output?.destroy();
  errors?.destroy();
}
