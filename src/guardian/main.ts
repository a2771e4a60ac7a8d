/**
 * The guardian's process: `main.ts CLUSTER-ID`, messages on standard input and output, words for
 * people on standard error. See `guardian.ts` for what it is for. `main.ts --undo FILE` takes down what
 * a guardian could not, because it died as well (`left-over.ts`).
 *
 * It must outlive the daemon whatever happens to it. It has a session of its own, ignores the signals
 * by which a service is stopped, asks for the real-time class, and asks not to be chosen when memory
 * runs out. What it cannot read, and what surprises it, it takes for the daemon's death.
 *
 * Exit status: 0 after the pipe closed and everything is down; 70 when something surprised it (what
 * was armed is down too), or when `--undo` left something; 64 for a wrong command line.
 */
import { flushCompileCache } from 'node:module';
import { HoldfastError } from '../lib/error.ts';
import { monotonicClock as clock } from '../system/clock.ts';
import { lines } from '../system/lines.ts';
import { PacketFilter } from '../system/packet-filter.ts';
import { processStat } from '../system/process.ts';
import { avoidOutOfMemoryKill, enterRealTime } from '../system/scheduling.ts';
import type { Teardown } from '../system/teardown.ts';
import { undo } from '../system/undo.ts';
import { Guardian } from './guardian.ts';
import { type LeftOverGroup, leftOverPath, undoLeftOver, writeLeftOver } from './left-over.ts';
import { parseMessage } from './parse.ts';
import { publish } from './publish.ts';

const UNDO_TIMEOUT_MS = 2_000;
const LONGEST_LINE = 1_048_576;
const EXIT_USAGE = 64;
const EXIT_SURPRISED = 70;

function log(line: string): void {
  process.stderr.write(`guardian: ${line}\n`);
}

function withstand(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) {
    process.on(signal, () => log(`ignores ${signal}; it ends when the daemon closes its pipe`));
  }
  // The daemon reads no more: its death is noticed on standard input.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  avoidOutOfMemoryKill();
  const { allowed, reason } = enterRealTime();
  if (!allowed) log(`runs in the ordinary scheduling class: ${reason}`);
}

async function listen(guardian: Guardian): Promise<void> {
  for await (const line of lines(process.stdin, LONGEST_LINE)) {
    const message = parseMessage(line);
    if (message === null) throw new HoldfastError('PIPE_GARBLED', { line: line.slice(0, 200) });
    await guardian.receive(message);
  }
}

function undoing(filter: PacketFilter): (item: Teardown) => Promise<void> {
  const calm = new AbortController().signal;
  return (item) => undo(item, { filter, clock, timeoutMs: UNDO_TIMEOUT_MS, signal: calm });
}

/** A place that cannot be written is said; what is armed is undone by this process all the same. */
function rememberIn(path: string, clusterId: string): (groups: readonly LeftOverGroup[]) => void {
  const startTicks = processStat(process.pid)?.startTicks ?? 0;
  const guardian = { pid: process.pid, startTicks };
  return (groups) => {
    try {
      writeLeftOver(path, { clusterId, guardian, groups });
    } catch (error) {
      log(`${path}: ${String(error)}`);
    }
  };
}

async function main(clusterId: string): Promise<void> {
  withstand();
  const filter = new PacketFilter({ clusterId, clock });
  const path = leftOverPath(process.env);
  const guardian = new Guardian({
    clusterId,
    clock,
    filter,
    log,
    undo: undoing(filter),
    ...(path === null ? {} : { remember: rememberIn(path, clusterId) }),
    publish: (evidence, to) => publish(evidence, to, { clock, log }),
    tell: (message) => process.stdout.write(`${JSON.stringify(message)}\n`),
  });
  const over = new AbortController();
  const fall = async (status: number, why: string) => {
    log(`${why}; everything that is armed goes down`);
    await guardian.tearDownAll();
    over.abort();
    process.exit(status);
  };
  const surprised = (error: unknown) => fall(EXIT_SURPRISED, String(error));
  process.on('uncaughtException', surprised);
  process.on('unhandledRejection', surprised);
  const watching = guardian.watch(over.signal);
  process.stdout.write(`${JSON.stringify({ kind: 'ready', pid: process.pid })}\n`);
  flushCompileCache(); // it is never ended in order: this is its only chance
  await listen(guardian).then(() => fall(0, 'the pipe was closed'), surprised);
  await watching;
}

/** After the service: waits for the guardian, and ends what outlived it. */
async function undoFile(path: string): Promise<number> {
  const undoItem = (clusterId: string, item: Teardown): Promise<void> =>
    undoing(new PacketFilter({ clusterId, clock }))(item);
  try {
    const whole = await undoLeftOver({ path, clock, log, undo: undoItem });
    return whole ? 0 : EXIT_SURPRISED;
  } catch (error) {
    log(`${path}: ${String(error)}`);
    return EXIT_SURPRISED;
  }
}

const [first, ...rest] = process.argv.slice(2);
if (first === '--undo' && rest.length === 1) process.exit(await undoFile(rest[0] ?? ''));
if (first === undefined || rest.length > 0) {
  log('usage: guardian CLUSTER-ID, with its pipes held by a daemon; or guardian --undo FILE');
  process.exitCode = EXIT_USAGE;
} else {
  await main(first);
}
