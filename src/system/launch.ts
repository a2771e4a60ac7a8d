/**
 * Starts a process without holding up this one.
 *
 * The fear: a daemon that starts an application stands still meanwhile. Node forks on its main thread:
 * the kernel copies the page tables of a large process, and then the thread waits until the child,
 * which is in the ordinary scheduling class, was given a processor and has become its program. On a
 * busy machine that took 20 to 290 ms; no heartbeat left in that time, and the leader was voted out
 * in the middle of a takeover. So the kernel is asked from a thread of the pool, by posix_spawn(3),
 * which shares memory with the child instead of copying it; only that thread waits.
 *
 * The child gets a session of its own, ordinary signals, and no descriptor but its three. Its end is
 * learnt from SIGCHLD; once a second it is asked for as well, should a signal have been lost.
 *
 * Where the C library cannot be called it is Node that forks. It restarts and kills nothing.
 *
 * Reference: posix_spawn(3), waitpid(2), signal(7), pipe(2).
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as machine } from 'node:os';
import { join, resolve } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { isMainThread } from 'node:worker_threads';
import { known } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type ProcessMark, processStat } from './process.ts';
import { type SpawnCalls, spawnCalls } from './spawn-calls.ts';

export type Launch = {
  readonly argv: readonly string[];
  /** All of it: nothing is inherited beside it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly directory: string | null;
  readonly input: 'pipe' | 'nothing';
  /** Pipes to this process, or a descriptor for both outputs, which stays the caller's. */
  readonly output: 'pipes' | number;
};

export type Ending = { readonly status: number | null; readonly signal: NodeJS.Signals | null };

export type Launched = {
  readonly mark: ProcessMark;
  /** The process has ended; its children may live on, and hold its pipes. */
  readonly ended: Promise<Ending>;
  readonly input: NodeJS.WritableStream | null;
  readonly output: Pipe | null;
  readonly errors: Pipe | null;
  /** This process may end although the other goes on. */
  unref(): void;
};

export type Pipe = NodeJS.ReadableStream & { destroy(): void };

type Child = { readonly pid: number; readonly end: (ending: Ending) => void; holds: boolean };

const LOOK_EVERY_MS: Millis = 1_000;
const NOTHING = '/dev/null';
const ENOEXEC = machine.errno.ENOEXEC;
const children = new Map<number, Child>();
let looking: NodeJS.Timeout | null = null;

/** @throws HoldfastError COMMAND_NOT_FOUND, COMMAND_NOT_STARTED */
export async function launch(options: Launch): Promise<Launched> {
  const path = requireProgram(options);
  const calls = isMainThread ? spawnCalls() : null;
  return calls === null ? await byNode(options) : await byKernel(calls, path, options);
}

/** ENOENT and EACCES mean that the tool is missing; anything else that the host is short of something. */
function notStarted(argv: readonly string[], reason: string, cause?: unknown): HoldfastError {
  const missing = reason === 'ENOENT' || reason === 'EACCES';
  const code = missing ? 'COMMAND_NOT_FOUND' : 'COMMAND_NOT_STARTED';
  return new HoldfastError(code, { command: argv.join(' '), reason }, { cause });
}

/**
 * Where it lies, as execvp(3) looks for it, in the path of the environment that the child will have.
 *
 * @throws HoldfastError COMMAND_NOT_FOUND
 */
export function requireProgram({
  argv,
  environment,
  directory,
}: Pick<Launch, 'argv' | 'environment' | 'directory'>): string {
  const [file = ''] = argv;
  const places = file.includes('/')
    ? [resolve(directory ?? '.', file)]
    : (environment['PATH'] ?? '').split(':').map((place) => join(place, file));
  const found = file === '' ? undefined : places.find(isProgram);
  if (found === undefined)
    throw new HoldfastError('COMMAND_NOT_FOUND', { command: argv.join(' ') });
  return found;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us: whichever it is, it cannot be run
  }
}

async function byKernel(calls: SpawnCalls, path: string, options: Launch): Promise<Launched> {
  const { argv, directory, environment } = options;
  const input = options.input === 'pipe' ? openPipe(calls, argv) : null;
  const output = options.output === 'pipes' ? openPipe(calls, argv) : null;
  const errors = options.output === 'pipes' ? openPipe(calls, argv) : null;
  const file = typeof options.output === 'number' ? options.output : 0;
  const theirs = {
    input: input?.read ?? null,
    output: output?.write ?? file,
    errors: errors?.write ?? file,
  };
  const [, ...rest] = argv;
  const words = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${value}`],
  );
  const start = (program: string, args: readonly string[]) =>
    calls.spawn({ program, argv: args, environment: words, directory, ...theirs, none: NOTHING });
  let answer = await start(path, argv);
  // A script without a first line that says whose it is: the shell's.
  if (answer.error === ENOEXEC) answer = await start('/bin/sh', ['sh', path, ...rest]);
  for (const fd of [input?.read, output?.write, errors?.write])
    if (fd !== undefined) calls.close(fd);
  if (answer.error !== 0) {
    for (const fd of [input?.write, output?.read, errors?.read]) {
      if (fd !== undefined) calls.close(fd);
    }
    throw notStarted(argv, getSystemErrorName(-answer.error));
  }
  // Not yet asked for its end: even a process that ended at once still has its entry and start time.
  const mark = { pid: answer.pid, startTicks: processStat(answer.pid)?.startTicks ?? 0 };
  const reading = (fd: number) => new Socket({ fd, readable: true, writable: false });
  return {
    mark,
    input: input === null ? null : new Socket({ fd: input.write, readable: false, writable: true }),
    output: output === null ? null : reading(output.read),
    errors: errors === null ? null : reading(errors.read),
    ...watched(answer.pid),
  };
}

function openPipe(
  calls: SpawnCalls,
  argv: readonly string[],
): { readonly read: number; readonly write: number } {
  const pipe = calls.pipe();
  if (typeof pipe === 'string') throw notStarted(argv, pipe);
  return pipe;
}

/** Until its end is known it is asked for: by everybody's SIGCHLD, and now and then without. */
function watched(pid: number): Pick<Launched, 'ended' | 'unref'> {
  const { promise, resolve: end } = Promise.withResolvers<Ending>();
  const child: Child = { pid, end, holds: true };
  if (children.size === 0) process.on('SIGCHLD', lookAll);
  children.set(pid, child);
  hold();
  look(child);
  return {
    ended: promise,
    unref: () => {
      child.holds = false;
      hold();
    },
  };
}

function lookAll(): void {
  for (const child of [...children.values()]) look(child);
}

function look(child: Child): void {
  const ending = known(spawnCalls(), 'the calls that started it').endingOf(child.pid);
  if (ending === null) return;
  children.delete(child.pid);
  if (children.size === 0) process.removeListener('SIGCHLD', lookAll);
  hold();
  const { status, signal } = ending;
  child.end({ status, signal: signal === null ? null : signalName(signal) });
}

function signalName(number: number): NodeJS.Signals {
  const found = Object.entries(machine.signals).find(([, value]) => value === number);
  return (found?.[0] ?? 'SIGKILL') as NodeJS.Signals;
}

/** This process goes on as long as somebody waits for a child. */
function hold(): void {
  if (children.size === 0) {
    clearInterval(looking ?? undefined);
    looking = null;
    return;
  }
  looking ??= setInterval(lookAll, LOOK_EVERY_MS);
  if ([...children.values()].some(({ holds }) => holds)) looking.ref();
  else looking.unref();
}

async function byNode(options: Launch): Promise<Launched> {
  const { argv, environment, directory, output } = options;
  const [file = '', ...args] = argv;
  const out = output === 'pipes' ? 'pipe' : output;
  const child = spawn(file, args, {
    detached: true,
    stdio: [options.input === 'pipe' ? 'pipe' : 'ignore', out, out],
    env: environment,
    ...(directory === null ? {} : { cwd: directory }),
  });
  const ended = new Promise<Ending>((done) => {
    child.once('exit', (status, signal) => done({ status, signal }));
  });
  await new Promise<void>((started, failed) => {
    child.once('spawn', started);
    child.once('error', (error) => {
      const reason = 'code' in error ? String(error.code) : 'unknown';
      failed(notStarted(argv, reason, error));
    });
  });
  const pid = known(child.pid, 'the pid of a process that was started');
  return {
    mark: { pid, startTicks: processStat(pid)?.startTicks ?? 0 },
    ended,
    input: child.stdin,
    output: child.stdout,
    errors: child.stderr,
    unref: () => child.unref(),
  };
}
