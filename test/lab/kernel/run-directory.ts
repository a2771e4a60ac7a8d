/**
 * The two things that a laboratory leaves in the host, a network namespace and a directory, and
 * their certain end. A janitor process waits on a pipe from the laboratory: when the laboratory closes
 * it, or dies, however it dies, the pipe ends and the janitor cleans up. So there are no signal
 * handlers here, and SIGKILL is no special case. Should the janitor be killed as well, the next
 * laboratory sweeps what belongs to processes that are gone.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const janitor = join(import.meta.dirname, 'janitor.sh');
const prefix = 'holdfast-lab-';
let made = 0;

export class RunDirectory {
  readonly namespace: string;
  readonly path: string;
  #janitor: ChildProcess | undefined;

  constructor() {
    this.namespace = made === 0 ? `hf${process.pid}` : `hf${process.pid}x${made}`;
    this.path = join(tmpdir(), `${prefix}${this.namespace}`);
    made += 1;
  }

  /**
   * Makes the directory and starts its janitor; `keep` spares the directory, for its logs,
   * whatever the end.
   */
  async open(keep: boolean): Promise<void> {
    await sweep();
    mkdirSync(this.path, { mode: 0o700 });
    const owner = { pid: process.pid, startTicks: startTicks(process.pid) };
    writeFileSync(join(this.path, 'owner.json'), JSON.stringify(owner));
    if (keep) writeFileSync(join(this.path, 'kept'), '');
    // Detached: a Ctrl-C at the terminal reaches the whole foreground group and must spare it.
    this.#janitor = spawn('sh', [janitor, this.namespace, this.path], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#janitor.unref();
    this.#janitor.stdin?.on('error', () => {});
  }

  /** Lets the janitor do its work, and waits for it. */
  async close(): Promise<void> {
    const child = this.#janitor;
    if (child === undefined) return;
    this.#janitor = undefined;
    await ended(child);
  }
}

/** Cleans up after laboratories whose process is gone, or whose pid was given to another. */
export async function sweep(): Promise<void> {
  const left = new Set<string>();
  for (const name of names(tmpdir()))
    if (name.startsWith(prefix)) left.add(name.slice(prefix.length));
  for (const name of names('/run/netns')) left.add(name);
  for (const name of left) {
    const pid = Number(/^hf(\d+)(x\d+)?$/.exec(name)?.[1] ?? Number.NaN);
    const path = join(tmpdir(), prefix + name);
    if (Number.isNaN(pid) || alive(pid, path)) continue;
    const child = spawn('sh', [janitor, name, path], { stdio: ['pipe', 'ignore', 'ignore'] });
    await ended(child);
  }
}

function alive(pid: number, path: string): boolean {
  const ticks = startTicks(pid);
  if (ticks === undefined) return false;
  try {
    const owner: unknown = JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8'));
    if (typeof owner !== 'object' || owner === null || !('startTicks' in owner)) return true;
    return owner.startTicks === ticks;
  } catch {
    return true; // Not written yet, or a namespace alone: while the pid lives, it is not ours to take.
  }
}

/** When a process was started, in clock ticks since boot: a pid alone may name a later process. */
export function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.on('error', () => resolve());
    child.ref();
    child.stdin?.on('error', () => {});
    child.stdin?.end();
  });
}

function names(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
