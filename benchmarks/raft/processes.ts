/**
 * The processes of one run. Each leads a process group of its own and is ended by its id, also when
 * the benchmark fails or is interrupted: nothing that was started outlives it.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';

export type Wanted = {
  readonly argv: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  /** Only of a module of ours. */
  readonly execArgv?: readonly string[];
};

const running = new Set<ChildProcess>();
const END_LIMIT_MS = 10_000;

/** A program that is nothing to us but its sockets and its pid. */
export function startProgram({ argv: [program = '', ...rest], log }: Wanted): ChildProcess {
  const output = openSync(log, 'a');
  const stdio = ['ignore', output, output] as const;
  const child = spawn(program, rest, { detached: true, stdio: [...stdio] });
  closeSync(output);
  return watched(child);
}

/** A module of this benchmark, with a channel for messages. It ends when the channel does. */
export function startModule({ argv: [file = '', ...rest], log, execArgv = [] }: Wanted) {
  const output = openSync(log, 'a');
  const child = fork(file, rest, {
    detached: true,
    execArgv: [...execArgv],
    serialization: 'advanced',
    stdio: ['ignore', output, output, 'ipc'],
  });
  closeSync(output);
  return watched(child);
}

/** At once, with everything in its group; resolves when it is gone. */
export async function kill(child: ChildProcess): Promise<void> {
  const gone = hasEnded(child) ? null : once(child, 'exit');
  signalGroup(child, 'SIGKILL');
  await gone;
}

/** In order; whoever takes too long is killed. */
export async function end(child: ChildProcess, ask: () => void): Promise<void> {
  if (hasEnded(child)) return;
  const gone = once(child, 'exit');
  ask();
  const late = setTimeout(() => signalGroup(child, 'SIGKILL'), END_LIMIT_MS);
  await gone;
  clearTimeout(late);
}

export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group has ended already.
  }
}

/**
 * The kernel shares the processors among sessions first (sched(7), autogroup), so niceness means
 * nothing between processes of different sessions unless their sessions have it, too. Whoever runs
 * this benchmark under `nice` on a machine that has other work means all of it.
 */
export function passOnNiceness(pid: number | undefined): void {
  const niceness = getPriority();
  if (pid === undefined || niceness === 0) return;
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // There are no such groups here, or it has ended: nothing to pass on.
  }
}

/** For every way out of this process. */
export function endAllOnExit(): void {
  process.on('exit', () => {
    for (const child of running) signalGroup(child, 'SIGKILL');
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function watched(child: ChildProcess): ChildProcess {
  running.add(child);
  passOnNiceness(child.pid);
  child.once('exit', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}
