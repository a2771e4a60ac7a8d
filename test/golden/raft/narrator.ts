/**
 * Turns steps of the cores into sentences about the field's notions: who asked whom for what and why
 * it was refused, who leads which term, what was appended, dropped, committed, read. Heartbeats,
 * plain acknowledgements and repetitions are left out.
 *
 * Reasons for refusals are derived from the node's status before the step, by the rules of the paper;
 * the narrator never asks the core for its opinion.
 *
 * Reference: Raft §5.2, §5.3, §5.4.1; thesis §3.10, §4.2.3, §9.6.
 */
import type { Millis, NodeId } from '../../../src/lib/ids.ts';
import type { Entry, RaftEvent, RaftMessage, RaftStatus, Ready } from '../../../src/raft/types.ts';
import type { Happenings } from './happenings.ts';
import type { Machine } from './machine.ts';
import { configurationText } from './notation.ts';
import type { Interference, MessageKind } from './wire.ts';

type Step = {
  readonly machine: Machine;
  readonly id: NodeId;
  readonly before: RaftStatus;
  readonly event: RaftEvent;
  readonly ready: Ready;
  readonly after: RaftStatus;
};
type VoteRequest = Extract<RaftMessage, { kind: 'pre-vote' | 'vote' }>;

export type NarratorOptions = {
  readonly happenings: Happenings;
  readonly electionTimeoutMs: Millis;
  readonly snapshotChunkBytes: number;
  /** What a proposal was called in the script. */
  readonly proposalName: (proposalId: number) => string;
};

export class Narrator {
  readonly #options: NarratorOptions;
  /** When a node last heard a leader, on its own clock. */
  readonly #heardMs = new Map<NodeId, Millis>();
  /** By "leader>follower/term": how often the follower refused entries of this leader. */
  readonly #refusals = new Map<string, number>();

  constructor(options: NarratorOptions) {
    this.#options = options;
  }

  stepped(step: Step): void {
    this.#tellVoting(step);
    this.#tellRole(step);
    this.#tellLog(step);
    this.#tellFollowers(step);
    this.#tellAnswers(step);
    const { after, event, id, machine } = step;
    const fromLeader = event.kind === 'message' && event.message.from === after.leader;
    if (fromLeader && /append|snapshot/.test(event.message.kind)) {
      this.#heardMs.set(id, machine.localNow);
    }
  }

  sent(message: RaftMessage): void {
    const { happenings } = this.#options;
    const { from, to } = message;
    if (message.kind === 'timeout-now') happenings.tell(from, 'tell', `${to} to take over`);
    if (message.kind !== 'append-reply' || message.conflict === null) return;
    const key = `${to}>${from}/${message.term}`;
    this.#refusals.set(key, (this.#refusals.get(key) ?? 0) + 1);
  }

  interfered(what: Interference['what'], kind: MessageKind, { from, to }: RaftMessage): void {
    const fate = { lose: 'lost', double: 'doubled', hold: 'held back' }[what];
    this.#options.happenings.remark(`(${fate}: ${kind} ${from} →`, to);
  }

  restarted(id: NodeId): void {
    this.#heardMs.delete(id);
  }

  #tellVoting({ machine, id, before, event, ready, after }: Step): void {
    const { happenings } = this.#options;
    if (event.kind === 'disk-stalled') happenings.tell(id, 'hear', 'that its disk stalls');
    if (event.kind !== 'message') return;
    const { message } = event;
    if (message.kind !== 'vote' && message.kind !== 'pre-vote') return;
    const what = message.kind === 'vote' ? 'vote' : 'pre-vote';
    const replies = [...ready.sendNow, ...ready.sendAfterPersist];
    const reply = replies.find((one) => one.kind === `${message.kind}-reply`);
    if (reply === undefined) {
      if (message.term > before.term) {
        happenings.tell(
          id,
          'ignore',
          `the vote request of ${message.from}: hears ${before.leader}`,
        );
      }
      return;
    }
    if ('granted' in reply && reply.granted) {
      const wait = machine.diskStalls && what === 'vote' ? ', which its disk does not write' : '';
      const verb = what === 'vote' ? 'vote' : 'would vote';
      happenings.tell(id, verb, `for ${message.from} in term ${message.term}${wait}`);
      return;
    }
    const why = this.#whyNot(machine, before, after, message);
    happenings.tell(id, 'refuse', `${message.from} a ${what} for term ${message.term}: ${why}`);
  }

  /** Raft §5.4.1 and stickiness, in the order in which they say the most. */
  #whyNot(machine: Machine, before: RaftStatus, after: RaftStatus, asked: VoteRequest): string {
    const present = asked.kind === 'pre-vote' ? before.term : before.term - 1;
    if (asked.term <= present) return `is in term ${before.term}`;
    const heardMs = this.#heardMs.get(machine.id) ?? Number.NEGATIVE_INFINITY;
    const recent = machine.localNow - heardMs < this.#options.electionTimeoutMs;
    const leads = before.role === 'leader';
    if (!leads && before.leader !== null && before.leader !== asked.from && recent) {
      return `hears ${before.leader}`;
    }
    if (before.diskStalled) return 'its disk stalls';
    const { lastIndex, lastTerm } = before;
    if (asked.lastTerm !== lastTerm && asked.lastTerm < lastTerm) {
      return `its log ends in term ${lastTerm}, that of ${asked.from} in term ${asked.lastTerm}`;
    }
    if (asked.lastTerm === lastTerm && asked.lastIndex < lastIndex) {
      return `its log ends at ${lastIndex}, that of ${asked.from} at ${asked.lastIndex}`;
    }
    if (leads) return 'leads';
    const voted = asked.kind === 'vote' ? after.votedFor : null;
    if (voted === machine.id) return 'votes for itself';
    if (voted !== null) return `has voted for ${voted}`;
    return before.leader === null ? 'no reason known' : `follows ${before.leader}`;
  }

  #tellRole({ machine, id, before, event, ready, after }: Step): void {
    const { happenings } = this.#options;
    const from = event.kind === 'message' ? event.message.from : null;
    if (before.role === 'leader' && after.role !== 'leader') {
      happenings.tell(id, 'step down', whySteppedDown({ id, before, event, after }));
    }
    if (before.role === 'candidate' && after.term === before.term && after.leader === null) {
      if (after.role === 'pre-candidate' || after.role === 'follower') {
        happenings.tell(id, 'win', `no majority in term ${before.term}`);
      }
    }
    if (event.kind === 'forget-leader' && before.leader !== null && after.leader === null) {
      happenings.tell(id, 'forget', `leader ${before.leader}`);
    }
    if (ready.sendNow.some(({ kind }) => kind === 'pre-vote')) {
      happenings.tell(id, 'ask', `for pre-votes for term ${after.term + 1}`);
    }
    if (after.role === 'candidate' && after.term > before.term) {
      const wait = machine.diskStalls ? ', with a vote that its disk does not write' : '';
      const whose = event.kind === 'message' && event.message.kind === 'timeout-now';
      const word = whose ? ` at the word of ${from}` : '';
      happenings.tell(id, 'campaign', `in term ${after.term}${word}${wait}`);
    }
    if (before.role !== 'leader' && after.role === 'leader') {
      happenings.tell(id, 'lead', `term ${after.term}`);
    }
    const follows = after.leader !== null && after.leader !== id;
    if (follows && (before.leader !== after.leader || before.term !== after.term)) {
      happenings.tell(id, 'follow', `${after.leader} in term ${after.term}`);
    } else if (after.term > before.term && from !== null && !hasOwnWord(event, after)) {
      happenings.tell(id, 'learn', `of term ${after.term} from ${from}`);
    }
  }

  #tellLog({ machine, id, before, ready, after }: Step): void {
    const { happenings } = this.#options;
    const { persist, restore } = ready;
    const entries = persist?.entries ?? [];
    const first = entries[0];
    if (restore !== null) {
      const { configuration, index } = restore.meta;
      const text = configurationText(configuration);
      happenings.tell(id, 'install', `the snapshot up to ${index}, configuration ${text}`);
    } else if (first !== undefined && first.index <= before.lastIndex) {
      const last = before.lastIndex;
      const lost = first.index === last ? `${last}` : `${first.index}–${last}`;
      happenings.tell(id, 'drop', `${lost}, never committed`);
    }
    if (first !== undefined) {
      const key = machine.diskStalls ? '(its disk does not write)' : `term ${after.term}`;
      happenings.tellEntries(id, 'append', entries, key);
    }
    if (ready.committed.length > 0 && after.commitIndex > before.commitIndex) {
      this.#tellCommit(id, after, ready.committed);
    }
  }

  #tellCommit(id: NodeId, after: RaftStatus, committed: readonly Entry[]): void {
    const { happenings } = this.#options;
    if (after.role === 'leader' || after.leader === null) {
      happenings.tellEntries(id, 'commit', committed, `term ${after.term}`);
      return;
    }
    const text = (value: number): string => `that all up to ${value} is committed`;
    happenings.tellNewest(id, 'hear', text, after.commitIndex);
  }

  #tellFollowers({ id, before, ready, after }: Step): void {
    const { happenings, snapshotChunkBytes } = this.#options;
    if (ready.transferEnded !== null) {
      const { outcome, to } = ready.transferEnded;
      const why = { refused: 'refused', 'timed-out': 'out of time', replaced: 'asked for another' };
      happenings.tell(id, 'give up', `handing over to ${to}: ${why[outcome]}`);
    }
    if (before.role !== 'leader' || after.role !== 'leader') return;
    for (const { matchIndex, node, state } of after.followers) {
      const earlier = before.followers.find((one) => one.node === node)?.state;
      if (earlier === state) continue;
      if (state === 'snapshot') {
        happenings.tell(id, 'send', `${node} a snapshot, ${snapshotChunkBytes} bytes at a time`);
      } else if (earlier === 'probe' && state === 'replicate') {
        const count = this.#refusals.get(`${id}>${node}/${after.term}`) ?? 0;
        const after_ = count === 1 ? 'one refusal' : `${count} refusals`;
        happenings.tell(id, 'find', `that ${node} agrees up to ${matchIndex}, after ${after_}`);
      }
    }
  }

  #tellAnswers({ id, ready }: Step): void {
    const { happenings, proposalName } = this.#options;
    for (const { code, leader, proposalId } of ready.rejected) {
      const hint = leader === null || leader === id ? '' : `, ask ${leader}`;
      happenings.tell(id, 'refuse', `${proposalName(proposalId)}: ${code}${hint}`);
    }
    for (const { index, readId } of ready.reads) {
      happenings.tell(id, 'confirm', `read ${readId}: it sees all up to ${index}`);
    }
    for (const { leader, readId } of ready.readsRejected) {
      const hint = leader === null || leader === id ? '' : `, ask ${leader}`;
      happenings.tell(id, 'refuse', `read ${readId}: NOT_LEADER${hint}`);
    }
  }
}

function whySteppedDown({ id, before, event, after }: Omit<Step, 'machine' | 'ready'>): string {
  if (event.kind === 'disk-stalled') return 'since its disk stalls';
  if (after.term > before.term) return `in sight of term ${after.term}`;
  const { learners, outgoing, voters } = after.configuration;
  if (![...voters, ...outgoing].includes(id)) {
    return learners.includes(id) ? 'since it only learns now' : 'since it is removed';
  }
  return 'since no quorum answers';
}

/** The higher term is told of by another sentence: a vote, or a campaign of one's own. */
function hasOwnWord(event: RaftEvent, after: RaftStatus): boolean {
  if (event.kind !== 'message') return true;
  if (after.role === 'candidate') return true;
  return event.message.kind === 'vote' && after.votedFor === event.message.from;
}
