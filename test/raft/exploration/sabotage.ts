/**
 * Mechanisms that a negative control switches off: in the driver (node.ts asks for them by name), on
 * the way of a message, or inside the core after a step, as the faulty rule would have left it.
 *
 * An exploration that finds nothing proves something only if it finds these.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { RaftCore } from '../../../src/raft/core.ts';
import { quorumValue } from '../../../src/raft/quorum.ts';
import { commitUpTo, type State } from '../../../src/raft/state.ts';
import type { Configuration, RaftMessage, RaftStatus } from '../../../src/raft/types.ts';

export const SABOTAGES = {
  none: 'nothing is broken',
  'promises-before-the-disk': 'votes and acknowledgements leave before they are on the disk',
  'durable-before-the-disk': 'the core is told that a write is durable when it begins',
  'vote-forgotten-at-restart': 'the vote is not read back from the disk',
  'vote-forgotten-at-step-down': 'stepping down in the same term clears the vote',
  'prior-term-commit': 'entries of earlier terms are committed by counting (figure 8)',
  'one-half-of-joint': 'a joint configuration is counted by its new half only',
  'no-log-check': 'a candidate claims the longest log of all',
  'no-previous-check': 'a follower takes entries without comparing the one before them',
  'echo-of-unseen-round': 'an echo confirms the round after it, too',
} as const;

export type Sabotage = keyof typeof SABOTAGES;

export function sent(sabotage: Sabotage, message: RaftMessage): RaftMessage {
  const { kind } = message;
  if (sabotage === 'no-log-check' && (kind === 'vote' || kind === 'pre-vote')) {
    if (message.term > 1) return { ...message, lastIndex: 99, lastTerm: message.term - 1 };
  }
  if (sabotage === 'echo-of-unseen-round' && kind === 'append-reply' && message.readId > 0) {
    return { ...message, readId: message.readId + 1 };
  }
  return message;
}

export function received(sabotage: Sabotage, message: RaftMessage, core: RaftCore): RaftMessage {
  if (sabotage !== 'no-previous-check' || message.kind !== 'append') return message;
  return { ...message, prevTerm: core.termAt(message.prevIndex) ?? message.prevTerm };
}

/** The core as the faulty rule leaves it; `before` is its status before the step, null at restart. */
export function spoilt(sabotage: Sabotage, before: RaftStatus | null, core: RaftCore): RaftCore {
  switch (sabotage) {
    case 'vote-forgotten-at-step-down': {
      const { role, term } = core.status();
      const steppedDown = before !== null && before.role !== 'follower' && before.role !== role;
      if (!steppedDown || role === 'leader' || role === 'candidate') return core;
      return before.term !== term ? core : core.fork(forgetVote);
    }
    case 'prior-term-commit':
      return core.status().role === 'leader' ? committedByCounting(core) : core;
    case 'one-half-of-joint':
      return core.status().configuration.outgoing.length > 0 ? core.fork(dropOldHalf) : core;
    default:
      return core;
  }
}

function forgetVote(state: State): void {
  state.votedFor = null;
}

function committedByCounting(core: RaftCore): RaftCore {
  const after = core.fork(commitByCounting);
  return after.status().commitIndex === core.status().commitIndex ? core : after;
}

function commitByCounting(state: State): void {
  const { configurations, options, role, writes } = state;
  if (role.kind !== 'leader') return;
  const matchOf = (voter: NodeId): number =>
    voter === options.id ? writes.durableIndex : (role.peers.get(voter)?.match ?? 0);
  commitUpTo(state, Math.max(state.commitIndex, quorumValue(configurations.inForce, matchOf)));
}

function dropOldHalf({ configurations, term }: State): void {
  const { index, inForce } = configurations;
  const half: Configuration = { ...inForce, outgoing: [] };
  configurations.truncated(index);
  configurations.appended({ kind: 'configuration', index, term, configuration: half });
}
