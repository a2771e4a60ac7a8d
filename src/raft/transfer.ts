/**
 * Leadership transfer: a leader hands over to a voter of its choice.
 *
 *   proposals stop -> the target catches up -> `timeout-now` -> it campaigns, without pre-vote
 *
 * Proposals stop first, or the target would be behind again when it campaigns and lose
 * (hashicorp/raft#581). A target that will not campaign says so, and the leader goes on at once
 * instead of at the bound (raft-rs#144); at the bound it goes on in any case. Everything about a
 * transfer is part of the leadership, so a change of term forgets it.
 *
 * Does not choose the target, and takes no refusal as a verdict about it: a late one of an earlier
 * attempt may end a later one, which costs that attempt and no more.
 *
 * Reference: thesis §3.10; etcd-io/raft `raft.go` `MsgTransferLeader`, `MsgTimeoutNow`.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import { isVoter } from './configuration.ts';
import { campaign, mayCampaign } from './election.ts';
import {
  identityIsDurable,
  type Leadership,
  type State,
  sendAfterPersist,
  sendNow,
} from './state.ts';
import type { TransferEnded } from './types.ts';

export function beginTransfer(state: State, to: NodeId, timeoutMs: Millis): void {
  const { configurations, now, options, outbox, role } = state;
  const able = to !== options.id && isVoter(configurations.inForce, to);
  if (role.kind !== 'leader' || !able) {
    outbox.transferEnded = { to, outcome: 'refused' };
    return;
  }
  // A repeated request must not push the bound out for ever.
  if (role.transfer?.to === to) return;
  end(state, role, 'replaced');
  role.transfer = { to, deadlineMs: now + timeoutMs };
  askSuccessor(state, role);
}

/** Repeated with each heartbeat until the transfer is over, since the request may be lost. */
export function askSuccessor(state: State, lead: Leadership): void {
  if (lead.transfer === null) return;
  const { to } = lead.transfer;
  if (lead.peers.get(to)?.match !== state.log.lastIndex) return;
  sendNow(state, to, { kind: 'timeout-now' });
}

/** Before everything else of a step, so that nothing is asked, or refused, past the bound. */
export function endOverdueTransfer(state: State, lead: Leadership): void {
  if (lead.transfer !== null && state.now >= lead.transfer.deadlineMs)
    end(state, lead, 'timed-out');
}

export function onTransferRefused(state: State, lead: Leadership, from: NodeId): void {
  if (lead.transfer?.to === from) end(state, lead, 'refused');
}

/** follower -> candidate, when the leader that it follows asks; otherwise the leader is told. */
export function onTimeoutNow(state: State, from: NodeId): void {
  const follows = state.role.kind === 'follower' && state.leader === from;
  if (follows && mayCampaign(state)) campaign(state, true);
  else refuse(state, from);
}

/** Also to a sender of an older term, which learns from it that it does not lead any more. */
export function refuse(state: State, to: NodeId): void {
  const body = { kind: 'transfer-refused' } as const;
  // A disk that is stalled must not keep the answer back: the target's term is durable then.
  if (identityIsDurable(state)) sendNow(state, to, body);
  else sendAfterPersist(state, to, body);
}

function end(state: State, lead: Leadership, outcome: TransferEnded['outcome']): void {
  if (lead.transfer === null) return;
  state.outbox.transferEnded = { to: lead.transfer.to, outcome };
  lead.transfer = null;
}
