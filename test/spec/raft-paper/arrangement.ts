/**
 * Several real cores with their disks, and a network and a clock in the test's hand: what is lost,
 * who crashes and who campaigns is decided line by line, so that the figures of the paper can be
 * played as they are drawn. Nothing is random but the cores' own timeouts, from fixed seeds.
 *
 * The invariants of each server and of the cluster are checked after each step and with each message;
 * a violation is thrown. Weather and chance are the business of test/raft/simulation.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../../src/lib/random.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import { ClusterChecker, checkStep, type Violation } from '../../../src/raft/invariants.ts';
import type {
  ChangeTarget,
  Configuration,
  Entry,
  Persist,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
} from '../../../src/raft/types.ts';
import { configuration, entriesOf, OPTIONS } from '../../raft/bench.ts';

export type Disk = Pick<Restored, 'hardState' | 'snapshot' | 'entries'>;

type Write = { readonly persist: Persist | null; readonly messages: RaftMessage[] };

type Server = {
  readonly options: RaftOptions;
  readonly random: Random;
  /** Null while it is down. */
  core: RaftCore | null;
  disk: Disk;
  /** Issued and not durable yet. */
  writes: Write[];
  /** While true nothing becomes durable. */
  diskHeld: boolean;
  nextDeadlineMs: number;
  /** Handed to the state machine since the last start or restored snapshot. */
  applied: Entry[];
  reads: Ready['reads'][number][];
};

export type ArrangementOptions = {
  readonly voters: readonly NodeId[];
  /** Servers that start without being members. */
  readonly others?: readonly NodeId[];
  readonly bootstrap?: Configuration;
  /** Terms of the entries that a server's disk holds. */
  readonly logs?: Readonly<Record<NodeId, readonly number[]>>;
  /** The term that a server starts in, where it is not that of its last entry. */
  readonly terms?: Readonly<Record<NodeId, number>>;
  readonly raft?: Partial<RaftOptions>;
};

const MAX_DELIVERIES = 50_000;

export class Arrangement {
  now = 10_000;
  /** Every message that left a server, in order, also those that were lost. */
  readonly sent: RaftMessage[] = [];
  /** The messages that the network loses. */
  lose: (message: RaftMessage) => boolean = () => false;
  /** How long each message travels. */
  delayMs = 0;
  readonly #bootstrap: Configuration;
  readonly #checker = new ClusterChecker();
  readonly #servers = new Map<NodeId, Server>();
  #network: { readonly atMs: number; readonly message: RaftMessage }[] = [];

  constructor(options: ArrangementOptions) {
    this.#bootstrap = options.bootstrap ?? configuration(options.voters);
    const ids = [...options.voters, ...(options.others ?? [])];
    for (const [rank, id] of ids.entries()) {
      const entries = entriesOf(options.logs?.[id] ?? []);
      const term = options.terms?.[id] ?? entries.at(-1)?.term ?? 0;
      this.#servers.set(id, {
        options: { ...OPTIONS, rank, ...options.raft, id },
        random: seededRandom(rank + 1),
        core: null,
        disk: { hardState: { term, votedFor: null, commitIndex: 0 }, snapshot: null, entries },
        writes: [],
        diskHeld: false,
        nextDeadlineMs: 0,
        applied: [],
        reads: [],
      });
      this.start(id);
    }
  }

  get ids(): readonly NodeId[] {
    return [...this.#servers.keys()];
  }

  status(id: NodeId): RaftStatus {
    return this.#running(id).status();
  }

  /** Every entry that the log in memory holds. */
  entries(id: NodeId): readonly Entry[] {
    const core = this.#running(id);
    const { firstIndex, lastIndex } = core.status();
    const all: Entry[] = [];
    for (let index = firstIndex; index <= lastIndex; index += 1) {
      const entry = core.entryAt(index);
      if (entry !== null) all.push(entry);
    }
    return all;
  }

  /** The terms of the log, as figures 6 to 8 draw it. */
  log(id: NodeId): readonly number[] {
    return this.entries(id).map(({ term }) => term);
  }

  applied(id: NodeId): readonly Entry[] {
    return this.#server(id).applied;
  }

  reads(id: NodeId): readonly Ready['reads'][number][] {
    return this.#server(id).reads;
  }

  disk(id: NodeId): Disk {
    return this.#server(id).disk;
  }

  isUp(id: NodeId): boolean {
    return this.#server(id).core !== null;
  }

  leaders(): readonly NodeId[] {
    return this.ids.filter((id) => this.isUp(id) && this.status(id).role === 'leader');
  }

  start(id: NodeId): void {
    const server = this.#server(id);
    server.applied = [];
    server.writes = [];
    server.core = RaftCore.restore(
      server.options,
      server.disk,
      this.#bootstrap,
      this.now,
      server.random,
    );
    this.step(id, { kind: 'deadline' });
  }

  /** Loses its memory, its writes that are not durable, and what travels to it. */
  crash(id: NodeId): void {
    const server = this.#server(id);
    server.core = null;
    server.writes = [];
    server.diskHeld = false;
    this.#network = this.#network.filter(({ message }) => message.to !== id);
  }

  /** From now on nothing that these servers write becomes durable, until `releaseDisks`. */
  holdDisks(...ids: readonly NodeId[]): void {
    for (const id of ids) this.#server(id).diskHeld = true;
  }

  releaseDisks(...ids: readonly NodeId[]): void {
    for (const id of ids) {
      this.#server(id).diskHeld = false;
      this.#sync(id);
    }
  }

  step(id: NodeId, event: RaftEvent): Ready {
    const server = this.#server(id);
    const core = this.#running(id);
    const before = core.status();
    const ready = core.step(event, this.now, server.random);
    throwOn(checkStep(before, core));
    throwOn(this.#checker.observe(id, core, ready));
    this.#perform(server, ready);
    this.#sync(id);
    return ready;
  }

  /** Delivers, in order, what is due by now, and what the answers bring, until nothing travels. */
  pump(): void {
    for (let count = 0; ; count += 1) {
      const next = this.#network.findIndex(({ atMs }) => atMs <= this.now);
      const [due] = next < 0 ? [] : this.#network.splice(next, 1);
      if (due === undefined) return;
      if (count > MAX_DELIVERIES) throw new Error('the messages do not come to an end');
      const { message } = due;
      if (this.#server(message.to).core === null) continue;
      this.step(message.to, { kind: 'message', message });
    }
  }

  /** Time passes and every deadline is kept. */
  run(ms: number): void {
    const until = this.now + ms;
    for (let calls = 0; ; calls += 1) {
      if (calls > MAX_DELIVERIES) throw new Error('a deadline that was kept does not move');
      const up = this.ids.filter((id) => this.isUp(id));
      const deadlines = up.map((id) => this.#server(id).nextDeadlineMs);
      const next = Math.min(...deadlines, ...this.#network.map(({ atMs }) => atMs));
      if (next > until) break;
      this.now = Math.max(this.now, next);
      this.pump();
      for (const id of up) {
        if (this.#server(id).nextDeadlineMs > this.now) continue;
        this.step(id, { kind: 'deadline' });
        this.pump();
      }
    }
    this.now = until;
  }

  /** Much later, nobody having been heard, `id` alone notices; then everything is delivered. */
  campaign(id: NodeId): void {
    this.now += 1000;
    this.step(id, { kind: 'deadline' });
    this.pump();
  }

  elect(id: NodeId): void {
    this.campaign(id);
    if (this.status(id).role !== 'leader') throw new Error(`${id} is ${this.status(id).role}`);
  }

  propose(id: NodeId, text = 'x'): Ready {
    const data = new TextEncoder().encode(text);
    const ready = this.step(id, { kind: 'propose', proposalId: 1, data });
    this.pump();
    return ready;
  }

  change(id: NodeId, target: ChangeTarget): Ready {
    const ready = this.step(id, { kind: 'change', proposalId: 1, target });
    this.pump();
    return ready;
  }

  /** The leader `id` sends its heartbeats when they are due. */
  heartbeat(id: NodeId): void {
    this.now = Math.max(this.now, this.#server(id).nextDeadlineMs);
    this.step(id, { kind: 'deadline' });
    this.pump();
  }

  /** The state machine of `id` is saved at its commit index; what is before may go. */
  compact(id: NodeId, state: Uint8Array): void {
    const server = this.#server(id);
    const core = this.#running(id);
    const index = core.status().commitIndex;
    const meta = core.snapshotMeta(index);
    this.step(id, { kind: 'applied', index });
    this.step(id, { kind: 'compacted', meta, state });
    const entries = server.disk.entries.filter((entry) => entry.index > index);
    server.disk = { ...server.disk, snapshot: { meta, state }, entries };
  }

  /** Only messages among the members of one group arrive. */
  partition(...groups: readonly (readonly NodeId[])[]): void {
    this.lose = ({ from, to }) =>
      !groups.some((group) => group.includes(from) && group.includes(to));
  }

  mend(): void {
    this.lose = () => false;
  }

  #perform(server: Server, ready: Ready): void {
    server.nextDeadlineMs = ready.nextDeadlineMs;
    if (ready.restore !== null) server.applied = [];
    server.applied.push(...ready.committed);
    server.reads.push(...ready.reads);
    this.#send(ready.sendNow);
    if (ready.persist !== null || server.writes.length > 0) {
      server.writes.push({ persist: ready.persist, messages: [...ready.sendAfterPersist] });
    } else this.#send(ready.sendAfterPersist);
  }

  #sync(id: NodeId): void {
    const server = this.#server(id);
    while (!server.diskHeld && server.core !== null) {
      const write = server.writes.shift();
      if (write === undefined) return;
      if (write.persist !== null) server.disk = written(server.disk, write.persist);
      this.#send(write.messages);
      if (write.persist !== null) this.step(id, { kind: 'durable', mark: write.persist.mark });
    }
  }

  #send(messages: readonly RaftMessage[]): void {
    for (const message of messages) {
      throwOn(this.#checker.observeMessage(message));
      this.sent.push(message);
      if (this.lose(message) || !this.#servers.has(message.to)) continue;
      this.#network.push({ atMs: this.now + this.delayMs, message });
    }
  }

  #server(id: NodeId): Server {
    const server = this.#servers.get(id);
    if (server === undefined) throw new Error(`there is no ${id}`);
    return server;
  }

  #running(id: NodeId): RaftCore {
    const { core } = this.#server(id);
    if (core === null) throw new Error(`${id} is down`);
    return core;
  }
}

function written(disk: Disk, { entries, hardState, snapshot }: Persist): Disk {
  const kept = snapshot === null ? disk.entries : [];
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  return {
    hardState: hardState ?? disk.hardState,
    snapshot: snapshot ?? disk.snapshot,
    entries: [...kept.filter((entry) => entry.index < first), ...entries],
  };
}

function throwOn(violations: readonly Violation[]): void {
  if (violations.length > 0) throw new Error(JSON.stringify(violations));
}
