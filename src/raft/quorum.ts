/**
 * Majorities, simple and joint.
 *
 * A configuration is one set of voters, or two while voters change (Raft §6): then every decision
 * needs a majority of *both*. Two questions cover everything: has an election been decided, and what
 * is the largest value that a quorum has reached (of match indexes: what is committed; of echoed
 * round ids: which reads are confirmed; of contact times: since when is the quorum silent).
 *
 * Knows nothing of logs, terms or messages.
 *
 * Reference: Raft §5.3, §5.4, §6; etcd-io/raft `quorum/` for the conventions about empty sets.
 */
import type { NodeId } from '../lib/ids.ts';
import type { Configuration } from './types.ts';

export type VoteResult = 'won' | 'pending' | 'lost';

/** What a set of votes decides. `voteOf` answers undefined while a voter has not answered. */
export function tally(
  configuration: Configuration,
  voteOf: (voter: NodeId) => boolean | undefined,
): VoteResult {
  const incoming = majorityVote(configuration.voters, voteOf);
  const outgoing = majorityVote(configuration.outgoing, voteOf);
  if (incoming === 'lost' || outgoing === 'lost') return 'lost';
  return incoming === 'won' && outgoing === 'won' ? 'won' : 'pending';
}

/**
 * The largest value that a quorum has reached: each voter's value counts for itself and everything
 * below. Infinity for a configuration without voters.
 */
export function quorumValue(
  configuration: Configuration,
  reachedBy: (voter: NodeId) => number,
): number {
  const incoming = majorityValue(configuration.voters, reachedBy);
  if (configuration.outgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(configuration.outgoing, reachedBy));
}

/** An empty set has nothing against it: it lets a simple configuration be half of a joint one. */
function majorityVote(
  voters: readonly NodeId[],
  voteOf: (voter: NodeId) => boolean | undefined,
): VoteResult {
  if (voters.length === 0) return 'won';
  const needed = Math.floor(voters.length / 2) + 1;
  let granted = 0;
  let open = 0;
  for (const voter of voters) {
    const vote = voteOf(voter);
    if (vote === true) granted += 1;
    else if (vote === undefined) open += 1;
  }
  if (granted >= needed) return 'won';
  return granted + open >= needed ? 'pending' : 'lost';
}

/** Asked several times in each step of a leader, hence sorted by hand: a handful of numbers. */
function majorityValue(voters: readonly NodeId[], reachedBy: (voter: NodeId) => number): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const descending: number[] = [];
  for (const voter of voters) {
    const value = reachedBy(voter);
    let place = descending.length;
    for (; place > 0 && (descending[place - 1] ?? value) < value; place -= 1) {
      descending[place] = descending[place - 1] ?? value;
    }
    descending[place] = value;
  }
  return descending[Math.floor(voters.length / 2)] ?? Number.NEGATIVE_INFINITY;
}
