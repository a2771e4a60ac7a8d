/**
 * Changing who belongs to the cluster.
 *
 * A change of voters goes through a joint configuration, in which both the old and the new voters
 * must agree to everything; when that is committed the leader appends the final one by itself, also a
 * leader that only found the joint one in its log. A change of learners alone needs no joint step.
 * One change at a time, and none before an entry of the leader's own term is committed: otherwise two
 * leaders could each hold a configuration that the other does not know, with majorities that do not
 * meet (Ongaro on raft-dev, 2015).
 *
 * Does not wait until a new member has caught up, and does not know why it is changed: that is for
 * whoever asks.
 *
 * Reference: Raft §6; thesis §4.1–§4.3.
 */
import { failure, type Result, success } from '../lib/result.ts';
import { isMember, isSameSet, membersOf } from './configuration.ts';
import { appendOwn } from './leadership.ts';
import { Progress } from './progress.ts';
import { hasCommittedInTerm } from './rounds.ts';
import type { Leadership, State } from './state.ts';
import type { ChangeTarget, Configuration, Ready } from './types.ts';

export type ChangeFault = { readonly code: 'INVALID_CHANGE'; readonly detail: string };

/** What to append first on the way from a simple configuration to `target`. */
export function towards(
  { voters, learners }: Configuration,
  target: ChangeTarget,
): Result<Configuration, ChangeFault> {
  const all = [...target.voters, ...target.learners];
  if (new Set(all).size !== all.length) return invalid('a node is named twice');
  if (target.voters.length === 0) return invalid('nobody would vote');
  const sameVoters = isSameSet(voters, target.voters);
  if (sameVoters && isSameSet(learners, target.learners)) return invalid('nothing would change');
  if (!sameVoters && !target.voters.some((node) => voters.includes(node))) {
    return invalid('not one voter would stay');
  }
  return success({ ...target, outgoing: sameVoters ? [] : voters });
}

/** joint -> final */
export function settled({ voters, learners }: Configuration): Configuration {
  return { voters, outgoing: [], learners };
}

function invalid(detail: string): Result<Configuration, ChangeFault> {
  return failure({ code: 'INVALID_CHANGE', detail });
}

export function proposeChange(state: State, proposalId: number, target: ChangeTarget): void {
  const { outbox, role } = state;
  const refusal = role.kind === 'leader' ? whyNot(state, role) : 'NOT_LEADER';
  if (role.kind !== 'leader' || refusal !== null) {
    outbox.rejectProposal(proposalId, refusal ?? 'NOT_LEADER', state.leader);
    return;
  }
  const first = towards(state.configurations.inForce, target);
  if (!first.ok) {
    outbox.rejectProposal(proposalId, first.error.code, state.leader);
    return;
  }
  appendConfiguration(state, role, first.value);
  outbox.accepted.push({ proposalId, index: state.log.lastIndex, term: state.term });
}

function whyNot(state: State, lead: Leadership): Ready['rejected'][number]['code'] | null {
  const { inForce, index } = state.configurations;
  if (lead.transfer !== null) return 'TRANSFERRING';
  if (index > state.commitIndex || inForce.outgoing.length > 0) return 'CHANGE_PENDING';
  return hasCommittedInTerm(state) ? null : 'TERM_NOT_COMMITTED';
}

/**
 * Once the joint configuration is committed, the final one follows (Raft §6). Not in the middle of a
 * transfer, whose target would be one entry behind when it campaigns; the next leader does it.
 */
export function leaveJoint(state: State, lead: Leadership): void {
  if (lead.transfer !== null) return;
  const { commitIndex, configurations } = state;
  const { inForce, index } = configurations;
  if (inForce.outgoing.length === 0 || commitIndex < index || !hasCommittedInTerm(state)) return;
  appendConfiguration(state, lead, settled(inForce));
}

function appendConfiguration(state: State, lead: Leadership, configuration: Configuration): void {
  const { log, now, options, term } = state;
  const next = log.lastIndex + 1;
  appendOwn(state, lead, { kind: 'configuration', index: next, term, configuration });
  for (const member of membersOf(configuration)) {
    if (member === options.id || lead.peers.has(member)) continue;
    lead.peers.set(member, new Progress(next, now));
  }
}

/**
 * Whoever was removed still gets the entry that says so, and the news that it is committed; then it
 * is served no more. Called when everything of the step has been sent.
 */
export function dropRemovedPeers(state: State, lead: Leadership): void {
  const { commitIndex, configurations } = state;
  if (commitIndex < configurations.index) return;
  for (const peer of lead.peers.keys()) {
    if (!isMember(configurations.inForce, peer)) lead.peers.delete(peer);
  }
}
