/**
 * What the mesh costs between two processes on one host, over two interconnects on the loopback:
 * one-way latency of heartbeats (both processes read the same monotonic clock), CPU for each, the
 * time from a reset to the open link and its first frame, and how long large appends hold up the
 * event loop. Prints JSON as its last line. `node benchmarks/mesh.ts [heartbeats]`
 *
 * Loopback and one host: it leaves out the network, and both ends share the processors.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Member } from '../src/cluster/definition.ts';
import { known } from '../src/lib/assert.ts';
import type { Heartbeat } from '../src/membership/heartbeat.ts';
import { loadOrCreateIdentity } from '../src/mesh/identity.ts';
import { Libp2pMesh } from '../src/mesh/libp2p-mesh.ts';
import type { MeshEvent } from '../src/mesh/mesh.ts';
import { monotonicClock } from '../src/system/clock.ts';

const INTERCONNECTS = ['red', 'blue'] as const;
const INTERVAL_MS = 10;
const MEGABYTE = 1024 * 1024;

type Setup = { readonly members: readonly Member[]; readonly directory: string };
/** What the other process measured. */
type PeerReport = {
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
  readonly loopDelayMs: number;
};

async function start(setup: Setup, name: string, handler: (event: MeshEvent) => void) {
  const mesh = new Libp2pMesh({
    clusterId: 'benchmark',
    self: known(
      setup.members.find(({ node }) => node === name),
      name,
    ),
    incarnation: process.pid,
    identity: await loadOrCreateIdentity(join(setup.directory, name)),
    interconnects: INTERCONNECTS,
    redialMs: 20,
    connectTimeoutMs: 2000,
    clock: monotonicClock,
  });
  mesh.events(handler);
  mesh.admit(setup.members);
  await mesh.start();
  return mesh;
}

function beat(from: string, sequence: number): Heartbeat {
  const group = (name: string) => ({ group: name, fit: true, code: null, ageMs: 12 });
  return {
    from,
    incarnation: process.pid,
    sequence,
    sentMs: monotonicClock.now(),
    hears: INTERCONNECTS.flatMap((interconnect) => [
      { node: 'node1', interconnect },
      { node: 'node2', interconnect },
    ]),
    lateMs: 0.1,
    fitness: ['database', 'files', 'mail'].map(group),
    groups: [{ group: 'database', epoch: 7, state: 'serving' }],
  };
}

/** The other process: notes when heartbeats come, answers frames, reports when asked. */
async function peer(setup: Setup): Promise<void> {
  const latenciesMs: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  let cpu = process.cpuUsage();
  const mesh = await start(setup, 'node2', (event) => {
    if (event.kind === 'heartbeat') {
      latenciesMs.push(monotonicClock.now() - event.heartbeat.sentMs);
    } else if (event.kind === 'raft') {
      const { term } = event.message;
      mesh.sendRaft({ from: 'node2', to: 'node1', term, kind: 'timeout-now' });
    }
  });
  process.on('message', async (request) => {
    if (request === 'report') {
      const used = process.cpuUsage(cpu);
      const loopDelayMs = delay.max / 1e6;
      process.send?.({ latenciesMs, cpuMs: (used.user + used.system) / 1000, loopDelayMs });
      latenciesMs.length = 0;
      delay.reset();
      cpu = process.cpuUsage();
    } else {
      await mesh.stop();
      process.disconnect();
    }
  });
  process.send?.('ready');
}

class Measurement {
  readonly #setup: Setup;
  readonly #child: ChildProcess;
  readonly #waiting: { holds: (event: MeshEvent) => boolean; resolve: () => void }[] = [];
  #mesh: Libp2pMesh | null = null;
  #term = 0;

  constructor(setup: Setup, child: ChildProcess) {
    this.#setup = setup;
    this.#child = child;
  }

  get mesh(): Libp2pMesh {
    return known(this.#mesh, 'mesh');
  }

  async open(): Promise<void> {
    const open = new Set<string>();
    const bothOpen = this.#until((event) => {
      if (event.kind === 'link' && event.state === 'open') open.add(event.over);
      return open.size === INTERCONNECTS.length;
    });
    this.#mesh = await start(this.#setup, 'node1', (event) => {
      for (const [index, { holds, resolve }] of [...this.#waiting.entries()].reverse()) {
        if (!holds(event)) continue;
        this.#waiting.splice(index, 1);
        resolve();
      }
    });
    await bothOpen;
  }

  async report(): Promise<PeerReport> {
    const answer = new Promise<PeerReport>((resolve) => {
      this.#child.once('message', (message) => resolve(message as PeerReport));
    });
    this.#child.send('report');
    return answer;
  }

  async heartbeats(count: number) {
    const signal = new AbortController().signal;
    await this.report();
    const idleMs = await this.#cpuOf(() => monotonicClock.after(count * INTERVAL_MS, signal));
    const peerIdleMs = (await this.report()).cpuMs;
    const busyMs = await this.#cpuOf(async () => {
      for (let sequence = 0; sequence < count; sequence += 1) {
        for (const over of INTERCONNECTS) {
          this.mesh.sendHeartbeat('node2', over, beat('node1', sequence));
        }
        await monotonicClock.after(INTERVAL_MS, signal);
      }
    });
    const { latenciesMs, cpuMs } = await this.report();
    const each = (ms: number): number => Math.round((ms * 1000) / (count * INTERCONNECTS.length));
    return {
      sent: count * INTERCONNECTS.length,
      received: latenciesMs.length,
      latencyMs: quantiles(latenciesMs),
      cpuToSendUs: each(busyMs - idleMs),
      cpuToReceiveUs: each(cpuMs - peerIdleMs),
    };
  }

  /** There and back on the raft stream. */
  async roundTrips(count: number) {
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) times.push(await this.#roundTrip(0));
    return quantiles(times);
  }

  async appends(count: number) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    await this.report();
    delay.enable();
    const times: number[] = [];
    for (let index = 0; index < count; index += 1) times.push(await this.#roundTrip(MEGABYTE));
    delay.disable();
    const { loopDelayMs } = await this.report();
    return {
      roundTripMs: quantiles(times),
      loopDelayMs: { sender: round(delay.max / 1e6), receiver: round(loopDelayMs) },
    };
  }

  /** From the reset to the open link, and to the first answer. */
  async reopenings(count: number) {
    const open: number[] = [];
    const first: number[] = [];
    for (let index = 0; index < count; index += 1) {
      await monotonicClock.after(50, new AbortController().signal);
      const closed = this.#link('closed');
      const opened = this.#link('open');
      const beganMs = monotonicClock.now();
      this.mesh.reset('node2', 'red');
      await closed;
      await opened;
      open.push(monotonicClock.now() - beganMs);
      await this.#roundTrip(0);
      first.push(monotonicClock.now() - beganMs);
    }
    return { openMs: quantiles(open), firstAnswerMs: quantiles(first) };
  }

  async #roundTrip(bytes: number): Promise<number> {
    this.#term += 1;
    const term = this.#term;
    const answered = this.#until((event) => event.kind === 'raft' && event.message.term === term);
    const beganMs = monotonicClock.now();
    const data = new Uint8Array(bytes);
    this.mesh.sendRaft({
      from: 'node1',
      to: 'node2',
      term,
      kind: 'append',
      prevIndex: 0,
      prevTerm: 0,
      entries: [{ kind: 'command', index: 1, term, data }],
      commitIndex: 0,
      readId: 0,
    });
    await answered;
    return monotonicClock.now() - beganMs;
  }

  #link(state: string): Promise<void> {
    return this.#until((event) => {
      return event.kind === 'link' && event.over === 'red' && event.state === state;
    });
  }

  #until(holds: (event: MeshEvent) => boolean): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ holds, resolve }));
  }

  async #cpuOf(work: () => Promise<void>): Promise<number> {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  }
}

function quantiles(values: readonly number[]) {
  const sorted = [...values].sort((one, two) => one - two);
  const at = (share: number): number => {
    return round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, () => resolve()));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function member(directory: string, number: number): Promise<Member> {
  const node = `node${number}`;
  const { peerId } = await loadOrCreateIdentity(join(directory, node));
  const at = async (network: number): Promise<string> => {
    const host = `127.0.${network}.${number}`;
    return `${host}:${await freePort(host)}`;
  };
  return { node, number, peerId, addresses: { red: await at(1), blue: await at(2) } };
}

async function main(heartbeats: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-benchmark-'));
  const members = [await member(directory, 1), await member(directory, 2)];
  const setup = { members, directory };
  const child = fork(fileURLToPath(import.meta.url), ['peer', JSON.stringify(setup)]);
  await new Promise((resolve) => child.once('message', resolve));
  const measurement = new Measurement(setup, child);
  const beganMs = monotonicClock.now();
  await measurement.open();
  const startToOpenMs = round(monotonicClock.now() - beganMs);
  await measurement.roundTrips(200);
  const result = {
    benchmark: 'mesh',
    startToOpenMs,
    heartbeat: await measurement.heartbeats(heartbeats),
    raftRoundTripMs: await measurement.roundTrips(1000),
    reopening: await measurement.reopenings(20),
    megabyteAppend: await measurement.appends(20),
    residentMiB: Math.round(process.memoryUsage.rss() / MEGABYTE),
  };
  child.send('stop');
  await measurement.mesh.stop();
  await rm(directory, { recursive: true, force: true });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

if (process.argv[2] === 'peer') await peer(JSON.parse(process.argv[3] ?? '') as Setup);
else await main(Number(process.argv[2] ?? 400));
