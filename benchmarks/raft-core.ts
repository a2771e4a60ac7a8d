/**
 * What the consensus core costs by itself: three real cores in one process, joined by arrays, whose
 * disks are durable at once. Every message is delivered and answered, committed entries are reported
 * as applied, and the log is compacted, as a driver does it.
 *
 *   batched    many proposals are handed in together, and each node takes all that has arrived at once
 *   single     one proposal at a time, until every message that it caused is processed
 *
 * Leaves out network, disk, codec and the state machine. Prints JSON as its last line.
 * `node benchmarks/raft-core.ts [seconds]`
 */
import { fileURLToPath } from 'node:url';
import { known } from '../src/lib/assert.ts';
import { seededRandom } from '../src/lib/random.ts';
import {
  type GatheredEvent,
  RaftCore,
  type RaftEvent,
  type RaftMessage,
  type Ready,
} from '../src/raft/index.ts';

const NODES = ['a', 'b', 'c'];
const BATCH = 256;
const PAYLOAD = new Uint8Array(200);
const COMPACT_EVERY = 2000;
const random = seededRandom(1);
const NOTHING = new Uint8Array();
/** Beyond the election, for which time is made to jump. */
const ORIGIN_MS = 10_000;

export type CoreFigures = {
  readonly payloadBytes: number;
  readonly batched: {
    readonly batch: number;
    readonly proposalsPerSecond: number;
    /** Of this process, on a machine that may have other work; garbage collection is in it. */
    readonly cpuUsPerProposal: number;
  };
  /** Microseconds from the proposal; `all` until nothing is on its way any more. */
  readonly single: {
    readonly commitP50Us: number;
    readonly commitP99Us: number;
    readonly allP50Us: number;
    readonly allP99Us: number;
    readonly cpuUsPerProposal: number;
  };
};

class Node {
  readonly core: RaftCore;
  readonly id: string;
  inbox: GatheredEvent[] = [];
  nextDeadlineMs = 0;
  commitIndex = 0;
  leads = false;
  #compactedAt = 0;
  readonly #peers: ReadonlyMap<string, Node>;

  constructor(id: string, peers: ReadonlyMap<string, Node>, now: number) {
    this.id = id;
    this.#peers = peers;
    this.core = RaftCore.restore(
      {
        id,
        heartbeatMs: 50,
        electionTimeoutMs: 2000,
        electionGapMs: 200,
        rank: NODES.indexOf(id),
        checkQuorumMs: 2000,
        clockDrift: 0.001,
        maxInflightAppends: 64,
        maxAppendBytes: 256 * 1024,
        maxUncommittedBytes: 4 * 1024 * 1024,
        snapshotChunkBytes: 48 * 1024,
      },
      { hardState: { term: 0, votedFor: null, commitIndex: 0 }, snapshot: null, entries: [] },
      { voters: NODES, outgoing: [], learners: [] },
      now,
      random,
    );
  }

  step(event: RaftEvent, now: number): void {
    this.#perform(this.core.step(event, now, random), now);
  }

  stepAll(events: readonly GatheredEvent[], now: number): void {
    this.#perform(this.core.stepAll(events, now, random), now);
  }

  #perform(ready: Ready, now: number): void {
    this.nextDeadlineMs = ready.nextDeadlineMs;
    this.commitIndex = ready.commitIndex;
    this.leads = ready.role === 'leader';
    for (const message of ready.sendNow) this.#send(message);
    for (const message of ready.sendAfterPersist) this.#send(message);
    if (ready.committed.length > 0) this.#applied(known(ready.committed.at(-1), 'last').index, now);
    if (ready.persist !== null) this.step({ kind: 'durable', mark: ready.persist.mark }, now);
  }

  #send(message: RaftMessage): void {
    this.#peers.get(message.to)?.inbox.push({ kind: 'message', message });
  }

  #applied(index: number, now: number): void {
    this.step({ kind: 'applied', index }, now);
    if (index < this.#compactedAt + COMPACT_EVERY) return;
    this.#compactedAt = index;
    this.step({ kind: 'compacted', meta: this.core.snapshotMeta(index), state: NOTHING }, now);
  }
}

class Trio {
  readonly nodes = new Map<string, Node>();
  readonly leader: Node;
  #proposalId = 0;

  constructor() {
    const now = performance.now();
    for (const id of NODES) this.nodes.set(id, new Node(id, this.nodes, now));
    const first = known(this.nodes.get('a'), 'a');
    for (const node of this.nodes.values()) node.step({ kind: 'deadline' }, now);
    first.step({ kind: 'deadline' }, now + ORIGIN_MS);
    this.settle(now + ORIGIN_MS);
    if (!first.leads) throw new Error('nobody leads');
    this.leader = first;
  }

  propose(count: number, now: number): void {
    const events: GatheredEvent[] = [];
    for (let i = 0; i < count; i += 1) {
      this.#proposalId += 1;
      events.push({ kind: 'propose', proposalId: this.#proposalId, data: PAYLOAD });
    }
    this.leader.stepAll(events, now);
  }

  /** One node takes what has arrived. Answers whether there was anything. */
  #drain(node: Node, now: number): boolean {
    if (node.inbox.length === 0) return false;
    const { inbox } = node;
    node.inbox = [];
    node.stepAll(inbox, now);
    return true;
  }

  /** Until nothing is on its way. */
  settle(now: number): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const node of this.nodes.values()) busy = this.#drain(node, now) || busy;
    }
  }

  /** Until the leader knows that its last entry is committed. */
  settleUntilCommitted(now: number): void {
    const { lastIndex } = this.leader.core.status();
    while (this.leader.commitIndex < lastIndex) {
      for (const node of this.nodes.values()) this.#drain(node, now);
    }
  }

  due(now: number): void {
    for (const node of this.nodes.values()) {
      if (now >= node.nextDeadlineMs) node.step({ kind: 'deadline' }, now);
    }
  }
}

/** Runs `round` for a while to warm up and then for `durationMs`; answers what that cost. */
function during(
  durationMs: number,
  round: () => void,
): { readonly seconds: number; readonly cpuUs: number } {
  const end = performance.now() + durationMs;
  const cpu = process.cpuUsage();
  const began = performance.now();
  while (performance.now() < end) round();
  const { system, user } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - began) / 1000, cpuUs: system + user };
}

function batched(durationMs: number): CoreFigures['batched'] {
  const trio = new Trio();
  const round = (): void => {
    const now = ORIGIN_MS + performance.now();
    trio.due(now);
    trio.propose(BATCH, now);
    trio.settle(now);
  };
  during(durationMs / 2, round);
  const before = trio.leader.commitIndex;
  const { cpuUs, seconds } = during(durationMs, round);
  const proposals = trio.leader.commitIndex - before;
  return {
    batch: BATCH,
    proposalsPerSecond: Math.round(proposals / seconds),
    cpuUsPerProposal: rounded(cpuUs / proposals),
  };
}

function single(durationMs: number): CoreFigures['single'] {
  const trio = new Trio();
  const commitUs: number[] = [];
  const allUs: number[] = [];
  const round = (): void => {
    const began = performance.now();
    const now = ORIGIN_MS + began;
    trio.due(now);
    trio.propose(1, now);
    trio.settleUntilCommitted(now);
    commitUs.push((performance.now() - began) * 1000);
    trio.settle(now);
    allUs.push((performance.now() - began) * 1000);
  };
  during(durationMs / 2, round);
  commitUs.length = 0;
  allUs.length = 0;
  const { cpuUs } = during(durationMs, round);
  return {
    commitP50Us: quantile(commitUs, 0.5),
    commitP99Us: quantile(commitUs, 0.99),
    allP50Us: quantile(allUs, 0.5),
    allP99Us: quantile(allUs, 0.99),
    cpuUsPerProposal: rounded(cpuUs / allUs.length),
  };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return rounded(known(sorted[Math.floor(q * (sorted.length - 1))], 'sample'));
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Runs for about three times `durationMs`. */
export function measureCore(durationMs = 2000): CoreFigures {
  return {
    payloadBytes: PAYLOAD.byteLength,
    batched: batched(durationMs),
    single: single(durationMs),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = measureCore(Number(process.argv[2] ?? 2) * 1000);
  process.stdout.write(`${JSON.stringify({ benchmark: 'raft-core', ...figures })}\n`);
}
