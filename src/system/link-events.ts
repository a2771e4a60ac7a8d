/**
 * Tells at once when something about network devices or addresses of this host changes: the kernel says
 * so to whoever listens (rtnetlink), here through `ip monitor`, since a socket of that kind cannot wait
 * in the event loop of Node. One listener for all who are interested.
 *
 * It only says that something happened; whoever is interested looks for himself (30 µs). Where `ip` is
 * missing or ends, nothing is told, and everybody's own regular look must do.
 *
 * Reference: ip-monitor(8), rtnetlink(7) RTNLGRP_LINK.
 */
import type { Millis } from '../lib/ids.ts';
import { monotonicClock } from './clock.ts';
import { type LongLived, startLongLived } from './long-lived.ts';
import { signalGroup } from './process.ts';

/** It dies with this process: nothing listens for nobody. */
const ARGV = ['setpriv', '--pdeathsig', 'KILL', 'ip', '-o', 'monitor', 'link', 'address'];
const AGAIN_AFTER_MS: Millis = 5_000;

const listeners = new Set<() => void>();
let listening: Promise<LongLived | null> | null = null;
let triedMs: Millis = -Infinity;

/** Calls `changed` after each change, until the signal aborts. */
export function watchLinks(signal: AbortSignal, changed: () => void): void {
  if (signal.aborted) return;
  listeners.add(changed);
  signal.addEventListener('abort', () => leave(changed), { once: true });
  listening ??= listen();
}

function leave(listener: () => void): void {
  listeners.delete(listener);
  if (listeners.size > 0) return;
  const before = listening;
  listening = null;
  triedMs = -Infinity;
  void before?.then((process) => {
    if (process !== null) signalGroup(process.mark, 'SIGKILL');
  });
}

async function listen(): Promise<LongLived | null> {
  if (monotonicClock.now() - triedMs < AGAIN_AFTER_MS) return null;
  triedMs = monotonicClock.now();
  const process = await startLongLived({ argv: ARGV, output: { kind: 'pipes' } }).catch(() => null);
  if (process === null) return null;
  process.unref();
  void process.ended.then(() => {
    listening = null;
  });
  const { pipes } = process;
  pipes?.output.on('data', () => {
    for (const listener of [...listeners]) listener();
  });
  pipes?.errors.resume();
  for (const pipe of [pipes?.output, pipes?.errors, pipes?.input]) {
    if (pipe !== undefined && 'unref' in pipe && typeof pipe.unref === 'function') pipe.unref();
  }
  return process;
}
