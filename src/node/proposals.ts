/**
 * Commands on their way into the log: this node's own, and those that other nodes hand to the leader.
 *
 * A command is repeated until it is seen *applied*, refused by the state machine, or out of time: the
 * leader may die at any moment, and nobody else knows whether the entry survived. The fear is the
 * copy that comes late: a `standby` of yesterday that is applied after today's `online`. So a leader
 * puts a request into its log once, and no node takes a request up that it has seen applied.
 *
 * What a leader decides from what it has granted itself (`assign` and its lease remainder) is true in
 * its own term only. Such a command is *bound*: it is proposed here, in this term, or not at all.
 *
 * It does not wait inside a step: submissions are collected and leave when the step is over.
 * References: Raft thesis §6.3 (duplicates); DESIGN §7.
 */
import type { Applied } from '../cluster/apply.ts';
import { checkCommand, encodeEnvelope } from '../cluster/codec.ts';
import type { Command, CommandEnvelope } from '../cluster/command.ts';
import type { ControlMessage } from '../failover/control.ts';
import { isProblemCode } from '../lib/error.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { RecentKeys } from './recent-keys.ts';

export type ProposalsOptions = {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly retryMs: Millis;
  readonly leader: () => NodeId | null;
  /** Collects a proposal; the core has answered all of them when `proposed` returns. */
  readonly proposeLocally: (proposalId: number, data: Uint8Array) => void;
  readonly proposed: () => void;
  readonly send: (message: ControlMessage) => void;
  /**
   * Asked by the leader before a command goes into its log: what the state machine cannot judge,
   * since it knows no clock and sees nobody. `forwarded`: another node hands it in. null: nothing
   * against it. Missing: nothing is judged.
   */
  readonly refuses?: (command: Command, forwarded: boolean) => Refusal | null;
};

/** `detail`: the words of who refuses, which whoever asked is to hear. */
export type Refusal = { readonly code: ProblemCode; readonly detail: string };

/** `settled` is told once: the state machine's answer, or null when nobody knows. */
export type Settled = (outcome: Applied | null) => void;

type Pending = {
  requestId: number;
  readonly command: Command;
  readonly bound: boolean;
  deadlineMs: Millis;
  readonly settled: Settled;
  nextTryMs: Millis;
};

type Request = Pick<CommandEnvelope, 'origin' | 'incarnation' | 'requestId'>;

const MAX_PENDING = 1_024;
const MAX_SEEN = 4_096;
/** Longer words are cut: a refusal is a small message. */
const MAX_DETAIL = 1_000;
const NOT_HANDED_IN: readonly Command['kind'][] = ['assign', 'expired', 'recover'];
/** What another leader would answer, too; everything else is worth another try. */
const FINAL: readonly ProblemCode[] = [
  'INVITATION_EXPIRED',
  'FEATURE_LEVEL_LOW',
  'NODE_NOT_ELIGIBLE',
  'ALREADY_OWNER',
  'WRONG_PHASE',
  'IN_MAINTENANCE',
  'GROUP_STANDBY',
];

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #pending = new Map<number, Pending>();
  /** In our log since we lead, by request; and the request of each proposal. */
  readonly #proposed = new Set<string>();
  readonly #requests = new Map<number, Request>();
  /** Requests of any node that were applied lately. */
  readonly #seen = new RecentKeys(MAX_SEEN);
  readonly #arrived: CommandEnvelope[] = [];
  #nextRequestId = 1;
  #nextProposalId = 1;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** `deadlineMs` Infinity: until the state machine has answered, however long that takes. */
  submit(command: Command, deadlineMs: Millis, settled: Settled = () => undefined): void {
    this.#add(command, deadlineMs, settled, false);
  }

  /** Only as leader of this term: null when the term ended first; refused when it came to nothing. */
  submitBound(command: Command, deadlineMs: Millis, settled: Settled): void {
    this.#add(command, deadlineMs, settled, true);
  }

  /** A command that another node handed over; refused when we do not lead. */
  arrived(message: ControlMessage & { readonly kind: 'propose' }): void {
    const { from: origin, requestId, incarnation, command } = message;
    const request = { origin, requestId, incarnation };
    const refusal = this.#refusalOf(command);
    if (refusal !== null) this.#refuse(request, refusal);
    else this.#arrived.push({ ...request, command });
  }

  #refusalOf(command: Command): Refusal | null {
    const checked = checkCommand(command);
    if (!checked.ok) return checked.error;
    const notLeader = {
      code: 'NOT_LEADER',
      detail: `${this.#options.self} does not lead`,
    } as const;
    if (this.#options.leader() !== this.#options.self) return notLeader;
    // Who assigns must have closed the group's leases: nobody but the leader itself. And recovery is
    // written while no daemon runs.
    if (NOT_HANDED_IN.includes(command.kind)) return notLeader;
    const refused = this.#options.refuses?.(command, true) ?? null;
    if (refused !== null) return refused;
    return this.#arrived.length >= MAX_PENDING ? tooMany : null;
  }

  refused(message: ControlMessage & { readonly kind: 'propose-refused' }, now: Millis): void {
    if (message.incarnation !== this.#options.incarnation) return;
    const pending = this.#pending.get(message.requestId);
    if (pending === undefined) return;
    const { code } = message;
    if (isProblemCode(code) && FINAL.includes(code)) {
      const detail = message.detail ?? `by the leader ${message.from}`;
      this.#settle(pending, { ok: false, code, detail });
      return;
    }
    pending.nextTryMs = Math.min(pending.nextTryMs, now + this.#options.retryMs);
  }

  /** The core would not take a proposal: ours is tried again, another node's is sent back. */
  rejectedByCore(proposalId: number, code: string): void {
    const request = this.#requests.get(proposalId);
    if (request === undefined) return;
    this.#requests.delete(proposalId);
    this.#proposed.delete(keyOf(request));
    if (request.origin !== this.#options.self) this.#refuse(request, { code, detail: '' });
  }

  applied(envelope: CommandEnvelope, outcome: Applied): void {
    const key = keyOf(envelope);
    this.#proposed.delete(key);
    this.#seen.add(key);
    const { origin, incarnation, requestId } = envelope;
    if (origin !== this.#options.self || incarnation !== this.#options.incarnation) return;
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    pending?.settled(outcome);
  }

  /** A new leader or term: what is bound is over, whatever else went to the old one goes out again. */
  leaderChanged(): void {
    this.#requests.clear();
    this.#proposed.clear();
    for (const pending of [...this.#pending.values()]) {
      pending.nextTryMs = 0;
      if (pending.bound) this.#settle(pending, null);
    }
  }

  /**
   * A snapshot took the place of entries that we shall never see: some of ours may be among them, and
   * whoever has seen those would not take them again. They are asked anew.
   */
  restored(): void {
    for (const pending of [...this.#pending.values()]) {
      this.#pending.delete(pending.requestId);
      pending.requestId = this.#nextRequestId;
      pending.nextTryMs = 0;
      this.#nextRequestId += 1;
      this.#pending.set(pending.requestId, pending);
    }
  }

  get idle(): boolean {
    return this.#pending.size === 0;
  }

  get nextDeadlineMs(): Millis {
    let next = this.#arrived.length > 0 ? 0 : Infinity;
    for (const pending of this.#pending.values()) {
      next = Math.min(next, pending.nextTryMs, pending.deadlineMs);
    }
    return next;
  }

  /** Sends what is due. Called at the end of every step, never inside one. */
  flush(now: Millis): void {
    for (const envelope of this.#arrived.splice(0)) this.#propose(envelope);
    for (const pending of [...this.#pending.values()]) {
      if (now >= pending.deadlineMs) this.#late(pending);
      else if (now >= pending.nextTryMs) {
        pending.nextTryMs = now + this.#options.retryMs;
        this.#try(pending);
      }
    }
    if (this.#requests.size === 0) return;
    this.#options.proposed();
    // What the core took needs no number any more.
    this.#requests.clear();
  }

  #add(command: Command, deadlineMs: Millis, settled: Settled, bound: boolean): void {
    if (this.#pending.size >= MAX_PENDING) {
      settled({ ok: false, ...tooMany });
      return;
    }
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    const pending = { requestId, command, bound, deadlineMs, settled, nextTryMs: 0 };
    this.#pending.set(requestId, pending);
  }

  /** What stands in our own log is applied or the term ends; there is nothing to give up before. */
  #late(pending: Pending): void {
    if (!pending.bound) this.#settle(pending, null);
    else if (this.#proposed.has(keyOf(this.#own(pending)))) pending.deadlineMs = Infinity;
    else {
      const detail = 'it never reached the log';
      this.#settle(pending, { ok: false, code: 'TOO_MANY_UNCOMMITTED', detail });
    }
  }

  #settle(pending: Pending, outcome: Applied | null): void {
    this.#pending.delete(pending.requestId);
    pending.settled(outcome);
  }

  #try(pending: Pending): void {
    const { self, incarnation } = this.#options;
    const { requestId, command, bound } = pending;
    const leader = this.#options.leader();
    const refusal = leader === self ? (this.#options.refuses?.(command, false) ?? null) : null;
    if (refusal !== null) this.#settle(pending, { ok: false, ...refusal });
    else if (leader === self) this.#propose({ ...this.#own(pending), command });
    else if (leader !== null && !bound) {
      const to = leader;
      this.#options.send({ kind: 'propose', from: self, to, requestId, incarnation, command });
    }
  }

  #propose(envelope: CommandEnvelope): void {
    const key = keyOf(envelope);
    if (this.#seen.has(key) || this.#proposed.has(key)) return;
    const { origin, incarnation, requestId } = envelope;
    const proposalId = this.#nextProposalId;
    this.#nextProposalId += 1;
    this.#proposed.add(key);
    this.#requests.set(proposalId, { origin, incarnation, requestId });
    this.#options.proposeLocally(proposalId, encodeEnvelope(envelope));
  }

  #own({ requestId }: Pending): Request {
    const { self: origin, incarnation } = this.#options;
    return { origin, incarnation, requestId };
  }

  #refuse(
    { origin: to, requestId, incarnation }: Request,
    { code, detail: words }: { readonly code: string; readonly detail: string },
  ): void {
    const { self: from, send } = this.#options;
    const detail = words.slice(0, MAX_DETAIL);
    send({ kind: 'propose-refused', from, to, requestId, incarnation, code, detail });
  }
}

const tooMany: Refusal = { code: 'TOO_MANY_UNCOMMITTED', detail: 'too many commands wait' };

function keyOf({ origin, incarnation, requestId }: Request): string {
  return `${origin}/${incarnation}/${requestId}`;
}
