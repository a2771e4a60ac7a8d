/** One core on a bench: events in, messages out, with the disk in the test's hand. */
import { seededRandom } from '../../src/lib/random.ts';
import { RaftCore } from '../../src/raft/core.ts';
import { checkStep } from '../../src/raft/invariants.ts';
import type {
  Configuration,
  Entry,
  GatheredEvent,
  RaftEvent,
  RaftMessage,
  RaftOptions,
  Ready,
  Restored,
} from '../../src/raft/types.ts';

export type Kind = RaftMessage['kind'];
export type Of<K extends Kind> = Extract<RaftMessage, { kind: K }>;
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
/** A message to the core under test, without its address. */
export type Incoming = DistributiveOmit<RaftMessage, 'to'>;

export const VOTERS = ['a', 'b', 'c'];

export function configuration(
  voters: readonly string[] = VOTERS,
  outgoing: readonly string[] = [],
  learners: readonly string[] = [],
): Configuration {
  return { voters, outgoing, learners };
}

export const OPTIONS: RaftOptions = {
  id: 'a',
  heartbeatMs: 50,
  electionTimeoutMs: 200,
  electionGapMs: 20,
  rank: 0,
  checkQuorumMs: 300,
  clockDrift: 0.01,
  maxInflightAppends: 4,
  maxAppendBytes: 10_000,
  maxUncommittedBytes: 100_000,
  snapshotChunkBytes: 10,
};

export function entriesOf(terms: readonly number[], from = 1): readonly Entry[] {
  return terms.map((term, i) => command(from + i, term));
}

export function command(index: number, term: number, text = `${index}/${term}`): Entry {
  return { index, term, kind: 'command', data: new TextEncoder().encode(text) };
}

export type BenchOptions = {
  /** Terms of the entries that the disk holds, from index 1 or after the snapshot. */
  readonly terms?: readonly number[];
  readonly term?: number;
  readonly votedFor?: string | null;
  readonly commitIndex?: number;
  readonly snapshot?: Restored['snapshot'];
  readonly entries?: readonly Entry[];
  readonly configuration?: Configuration;
  readonly raft?: Partial<RaftOptions>;
};

export class Bench {
  readonly core: RaftCore;
  readonly options: RaftOptions;
  now = 1000;
  /** Everything that left, in order; messages that wait for the disk are not in it yet. */
  readonly sent: RaftMessage[] = [];
  /** Handed out, since the last snapshot that was restored. */
  readonly committed: Entry[] = [];
  readonly #random = seededRandom(1);
  #waiting: { readonly mark: number; messages: RaftMessage[] }[] = [];
  nextDeadlineMs = 0;

  constructor(options: BenchOptions = {}) {
    const snapshot = options.snapshot ?? null;
    const entries =
      options.entries ?? entriesOf(options.terms ?? [], (snapshot?.meta.index ?? 0) + 1);
    const lastTerm = entries.at(-1)?.term ?? snapshot?.meta.term ?? 0;
    const hardState = {
      term: options.term ?? lastTerm,
      votedFor: options.votedFor ?? null,
      commitIndex: options.commitIndex ?? 0,
    };
    this.options = { ...OPTIONS, ...options.raft };
    this.core = RaftCore.restore(
      this.options,
      { hardState, snapshot, entries },
      options.configuration ?? configuration(),
      this.now,
      this.#random,
    );
    this.step({ kind: 'deadline' });
  }

  get status(): ReturnType<RaftCore['status']> {
    return this.core.status();
  }

  /** Steps, and breaks the test when an invariant of the node breaks. Nothing reaches the disk. */
  step(event: RaftEvent): Ready {
    return this.#observed(() => this.core.step(event, this.now, this.#random));
  }

  /** The same, for several that have arrived together. */
  stepAll(events: readonly GatheredEvent[]): Ready {
    return this.#observed(() => this.core.stepAll(events, this.now, this.#random));
  }

  #observed(take: () => Ready): Ready {
    const before = this.core.status();
    const ready = take();
    const violations = checkStep(before, this.core);
    if (violations.length > 0) throw new Error(JSON.stringify(violations));
    this.nextDeadlineMs = ready.nextDeadlineMs;
    this.sent.push(...ready.sendNow);
    if (ready.restore !== null) this.committed.length = 0;
    this.committed.push(...ready.committed);
    const messages = [...ready.sendAfterPersist];
    const newest = this.#waiting.at(-1);
    if (ready.persist !== null) this.#waiting.push({ mark: ready.persist.mark, messages });
    else if (newest !== undefined) newest.messages.push(...messages);
    else this.sent.push(...messages);
    return ready;
  }

  /** Everything that was written reaches the disk; answers the last step. */
  sync(): Ready | null {
    let ready: Ready | null = null;
    while (this.#waiting.length > 0) ready = this.syncOne();
    return ready;
  }

  /** Only the oldest write reaches the disk. */
  syncOne(): Ready {
    const write = this.#waiting.shift();
    if (write === undefined) throw new Error('nothing was written');
    this.sent.push(...write.messages);
    return this.step({ kind: 'durable', mark: write.mark });
  }

  receive(message: Incoming): Ready {
    return this.step({ kind: 'message', message: { ...message, to: this.options.id } });
  }

  /** Time passes, without anything happening. */
  elapse(ms: number): void {
    this.now += ms;
  }

  /** Until the core wants to be called, and calls it. */
  deadline(): Ready {
    this.now = Math.max(this.now, this.nextDeadlineMs);
    return this.step({ kind: 'deadline' });
  }

  /** What left since the last call. */
  takeSent(): readonly RaftMessage[] {
    return this.sent.splice(0);
  }

  takeOf<K extends Kind>(kind: K): readonly Of<K>[] {
    return this.takeSent().filter((message): message is Of<K> => message.kind === kind);
  }

  /** An append from `from`; an empty one unless said otherwise. */
  appendFrom(
    from: string,
    term: number,
    parts: Partial<Omit<Of<'append'>, 'kind' | 'from' | 'to' | 'term'>> = {},
  ): Ready {
    return this.receive({
      kind: 'append',
      from,
      term,
      prevIndex: 0,
      prevTerm: 0,
      entries: [],
      commitIndex: 0,
      readId: 1,
      ...parts,
    });
  }

  ack(from: string, matchIndex: number, readId = 0, term = this.status.term): Ready {
    return this.receive({ kind: 'append-reply', from, term, matchIndex, conflict: null, readId });
  }

  propose(text = 'x', proposalId = 1): Ready {
    return this.step({ kind: 'propose', proposalId, data: new TextEncoder().encode(text) });
  }

  /** Past the election timeout, through pre-votes of `granters`. */
  becomeCandidate(granters: readonly string[] = ['b', 'c']): Ready {
    this.elapse(1000);
    let ready = this.step({ kind: 'deadline' });
    for (const from of granters) {
      if (this.status.role !== 'pre-candidate') break;
      const term = this.status.term + 1;
      ready = this.receive({ kind: 'pre-vote-reply', from, term, granted: true, quietMs: 1000 });
    }
    return ready;
  }

  becomeLeader(granters: readonly string[] = ['b', 'c'], quietMs = 1000): Ready {
    let ready = this.becomeCandidate(granters);
    ready = this.sync() ?? ready;
    for (const from of granters) {
      if (this.status.role !== 'candidate') break;
      const { term } = this.status;
      ready = this.receive({ kind: 'vote-reply', from, term, granted: true, quietMs });
    }
    if (this.status.role !== 'leader') throw new Error(`is ${this.status.role}`);
    return ready;
  }

  /** A leader whose no-op is committed, with nothing on its way. */
  lead(): void {
    this.becomeLeader();
    this.sync();
    for (const from of ['b', 'c']) this.ack(from, this.status.lastIndex);
    this.takeSent();
  }
}
