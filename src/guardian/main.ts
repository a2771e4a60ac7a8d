/**
 * The guardian's process: `main.ts CLUSTER-ID [WATCHDOG TIMEOUT-MS]`, messages on standard input and
 * output, words for people on standard error. See `guardian.ts` for what it is for. `main.ts --undo
 * FILE` takes down what a guardian could not, because it died as well (`left-over.ts`).
 *
 * It must outlive the daemon whatever happens to it. It has a session of its own, ignores the signals
 * by which a service is stopped, asks for the real-time class, and asks not to be chosen when memory
 * runs out. What it cannot read, and what surprises it, it takes for the daemon's death.
 *
 * Exit status: 0 after the pipe closed and everything is down; 69 when the watchdog cannot be had; 70
 * when something surprised it (what was armed is down too), or when `--undo` left something; 64 for a
 * wrong command line.
 */
import { flushCompileCache } from 'node:module';
import { HoldfastError } from '../lib/error.ts';
import { monotonicClock as clock } from '../system/clock.ts';
import { tellKernel } from '../system/kernel-log.ts';
import { lines } from '../system/lines.ts';
import { PacketFilter } from '../system/packet-filter.ts';
import { processStat } from '../system/process.ts';
import { avoidOutOfMemoryKill, enterRealTime } from '../system/scheduling.ts';
import type { Teardown } from '../system/teardown.ts';
import { undo } from '../system/undo.ts';
import { openWatchdog, type Watchdog, type WatchdogOptions } from '../system/watchdog.ts';
import { type GuardianArguments, parseGuardianArguments } from './argv.ts';
import { Feeder } from './feeder.ts';
import { Guardian } from './guardian.ts';
import { type LeftOverGroup, leftOverPath, undoLeftOver, writeLeftOver } from './left-over.ts';
import { parseMessage } from './parse.ts';
import { publish } from './publish.ts';

const calm = new AbortController().signal;
const UNDO_TIMEOUT_MS = 2_000;
const LONGEST_LINE = 1_048_576;
const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;
const EXIT_SURPRISED = 70;
/** A guardian before this one may still be bringing something down. */
const WATCHDOG_ATTEMPTS = 40;
const WATCHDOG_RETRY_MS = 500;
/** After a deadline: what has to be down is then a matter of the watchdog. */
const OVERDUE_GRACE_MS = 2_000;

function log(line: string): void {
  process.stderr.write(`guardian: ${line}\n`);
}

/** The daemon that reads us may be dead: why the machine is reset has to be found afterwards. */
function logLastWords(line: string): void {
  log(line);
  tellKernel(`guardian: ${line}`);
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

/** @throws HoldfastError WATCHDOG_BUSY, WATCHDOG_FAILED */
async function have(options: WatchdogOptions, signal: AbortSignal): Promise<Watchdog> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await openWatchdog(options);
    } catch (error) {
      const busy = error instanceof HoldfastError && error.code === 'WATCHDOG_BUSY';
      if (!busy || attempt >= WATCHDOG_ATTEMPTS) throw error;
    }
    await clock.after(WATCHDOG_RETRY_MS, signal);
  }
}

function undoing(filter: PacketFilter): (item: Teardown) => Promise<void> {
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

async function main({ clusterId, watchdog: wanted }: GuardianArguments): Promise<void> {
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
  const watchdog =
    wanted === undefined
      ? null
      : await have({ path: wanted.device, timeoutMs: wanted.timeoutMs }, calm);
  const over = new AbortController();
  const fall = async (status: number, why: string) => {
    log(`${why}; everything that is armed goes down`);
    await guardian.tearDownAll();
    over.abort();
    const left = guardian.trouble(-Infinity);
    // Nobody feeds it any more: with something left the machine is reset, else it is let go.
    if (left === null) watchdog?.disarm();
    else if (watchdog !== null) logLastWords(`the watchdog is left running: ${left}`);
    process.exit(status);
  };
  const surprised = (error: unknown) => fall(EXIT_SURPRISED, String(error));
  process.on('uncaughtException', surprised);
  process.on('unhandledRejection', surprised);
  const watching = guardian.watch(over.signal);
  if (watchdog !== null) {
    const { identity, timeoutMs, magicClose } = watchdog;
    log(
      `feeds ${identity}, ${timeoutMs / 1000} s${magicClose ? '' : ', which has no magic close'}`,
    );
    const trouble = () => guardian.trouble(OVERDUE_GRACE_MS);
    void new Feeder({ watchdog, clock, trouble, log: logLastWords })
      .run(over.signal)
      .catch(surprised);
  }
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

const words = process.argv.slice(2);
const [first, file, ...more] = words;
if (first === '--undo' && file !== undefined && more.length === 0) {
  process.exit(await undoFile(file));
}
const given = parseGuardianArguments(words);
if (given === null) {
  log('usage: guardian CLUSTER-ID [WATCHDOG TIMEOUT-MS], with its pipes held by a daemon');
  log('       guardian --undo FILE');
  process.exitCode = EXIT_USAGE;
} else {
  await main(given).catch((error: unknown) => {
    log(String(error));
    process.exit(EXIT_UNAVAILABLE);
  });
}
