/**
 * Commands on their way into the log: this node's own, and those that other nodes hand to the leader.
 *
 * A command is repeated until it is seen *applied*, refused by the state machine, or out of time: the
 * leader may die at any moment, and nobody else knows whether the entry survived. Repeating is safe
 * since every command that matters names the epoch that it expects.
 *
 * It does not wait inside a step: submissions are collected and leave when the step is over.
 */
import type { Applied } from '../cluster/apply.ts';
import { checkCommand, encodeEnvelope } from '../cluster/codec.ts';
import type { Command, CommandEnvelope } from '../cluster/command.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { Millis, NodeId } from '../lib/ids.ts';

export type ProposalsOptions = {
  readonly self: NodeId;
  readonly incarnation: number;
  readonly retryMs: Millis;
  readonly leader: () => NodeId | null;
  readonly proposeLocally: (proposalId: number, data: Uint8Array) => void;
  readonly send: (message: ControlMessage) => void;
};

/** `settled` is told once: the state machine's answer, or null when the time was over. */
type Pending = {
  readonly requestId: number;
  readonly command: Command;
  readonly deadlineMs: Millis;
  readonly settled: (outcome: Applied | null) => void;
  nextTryMs: Millis;
};

const MAX_PENDING = 1_024;

export class Proposals {
  readonly #options: ProposalsOptions;
  readonly #pending = new Map<number, Pending>();
  /** Proposals of other nodes that wait in our core, by proposal id. */
  readonly #foreign = new Map<
    number,
    { readonly from: NodeId; readonly requestId: number; readonly incarnation: number }
  >();
  readonly #arrived: CommandEnvelope[] = [];
  #nextRequestId = 1;
  #nextProposalId = 1;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** `deadlineMs` Infinity: until the state machine has answered, however long that takes. */
  submit(
    command: Command,
    deadlineMs: Millis,
    settled: (outcome: Applied | null) => void = () => undefined,
  ): void {
    if (this.#pending.size >= MAX_PENDING) {
      settled({ ok: false, code: 'TOO_MANY_UNCOMMITTED', detail: 'too many commands wait' });
      return;
    }
    const requestId = this.#nextRequestId;
    this.#nextRequestId += 1;
    this.#pending.set(requestId, { requestId, command, deadlineMs, settled, nextTryMs: 0 });
  }

  /** A command that another node handed over; refused when we do not lead. */
  arrived(message: ControlMessage & { readonly kind: 'propose' }): void {
    const { from, requestId, incarnation, command } = message;
    const checked = checkCommand(command);
    if (!checked.ok) this.#refuse(from, requestId, incarnation, checked.error.code);
    else if (this.#options.leader() === this.#options.self && this.#arrived.length < MAX_PENDING) {
      this.#arrived.push({ origin: from, incarnation, requestId, command: checked.value });
    } else this.#refuse(from, requestId, incarnation, 'NOT_LEADER');
  }

  refused(message: ControlMessage & { readonly kind: 'propose-refused' }, now: Millis): void {
    if (message.incarnation !== this.#options.incarnation) return;
    const pending = this.#pending.get(message.requestId);
    if (pending !== undefined)
      pending.nextTryMs = Math.min(pending.nextTryMs, now + this.#options.retryMs);
  }

  /** The core would not take a proposal: ours is tried again, another node's is sent back. */
  rejectedByCore(proposalId: number, code: string): void {
    const foreign = this.#foreign.get(proposalId);
    this.#foreign.delete(proposalId);
    if (foreign !== undefined) {
      this.#refuse(foreign.from, foreign.requestId, foreign.incarnation, code);
    }
  }

  applied(envelope: CommandEnvelope, outcome: Applied): void {
    const { origin, incarnation, requestId } = envelope;
    if (origin !== this.#options.self || incarnation !== this.#options.incarnation) return;
    const pending = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    pending?.settled(outcome);
  }

  /** A new leader: whatever went to the old one goes out again now. */
  leaderChanged(): void {
    this.#foreign.clear();
    for (const pending of this.#pending.values()) pending.nextTryMs = 0;
  }

  get idle(): boolean {
    return this.#pending.size === 0;
  }

  get nextDeadlineMs(): Millis {
    let next = Infinity;
    for (const pending of this.#pending.values()) {
      next = Math.min(next, pending.nextTryMs, pending.deadlineMs);
    }
    return next;
  }

  /** Sends what is due. Called at the end of every step, never inside one. */
  flush(now: Millis): void {
    for (const envelope of this.#arrived.splice(0)) {
      const { origin: from, requestId, incarnation } = envelope;
      this.#propose(envelope, { from, requestId, incarnation });
    }
    for (const pending of [...this.#pending.values()]) {
      if (now >= pending.deadlineMs) {
        this.#pending.delete(pending.requestId);
        pending.settled(null);
      } else if (now >= pending.nextTryMs) {
        pending.nextTryMs = now + this.#options.retryMs;
        this.#try(pending);
      }
    }
  }

  #try({ requestId, command }: Pending): void {
    const { self, incarnation } = this.#options;
    const leader = this.#options.leader();
    if (leader === null) return;
    if (leader === self) this.#propose({ origin: self, incarnation, requestId, command }, null);
    else {
      this.#options.send({
        kind: 'propose',
        from: self,
        to: leader,
        requestId,
        incarnation,
        command,
      });
    }
  }

  #propose(
    envelope: CommandEnvelope,
    foreign: {
      readonly from: NodeId;
      readonly requestId: number;
      readonly incarnation: number;
    } | null,
  ): void {
    const proposalId = this.#nextProposalId;
    this.#nextProposalId += 1;
    if (foreign !== null) this.#foreign.set(proposalId, foreign);
    this.#options.proposeLocally(proposalId, encodeEnvelope(envelope));
    if (this.#foreign.size > MAX_PENDING) this.#foreign.clear();
  }

  #refuse(to: NodeId, requestId: number, incarnation: number, code: string): void {
    const from = this.#options.self;
    this.#options.send({ kind: 'propose-refused', from, to, requestId, incarnation, code });
  }
}
