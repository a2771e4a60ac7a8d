/**
 * Stepping down: the one way back to follower, from every role and for every reason.
 *
 * A step-down in the same term keeps the vote: a node that forgot it could vote twice (CCF#8094).
 *
 * Reference: Raft §5.1, §5.2.
 */
import type { NodeId } from '../lib/ids.ts';
import { armElection, type State } from './state.ts';

export function becomeFollower(state: State, term: number, leader: NodeId | null): void {
  const { role, outbox } = state;
  if (term > state.term) {
    state.term = term;
    state.votedFor = null;
    state.incoming = null;
  }
  if (leader !== state.leader) state.incoming = null;
  state.leader = leader;
  if (role.kind === 'follower') return;
  state.role = { kind: 'follower' };
  armElection(state);
  if (role.kind === 'leader') {
    // Until now this node was the first voter of every quorum of its own.
    state.acknowledgedMs = state.now;
    for (const { readId } of role.reads) outbox.readsRejected.push({ readId, leader });
  } else {
    for (const { proposalId } of role.proposals) {
      outbox.rejectProposal(proposalId, 'NOT_LEADER', leader);
    }
  }
}
