/**
 * Elections: pre-vote, vote, and who may ask or be asked.
 *
 * A pre-vote asks "would you vote for me?" and changes nothing, so a node that was cut off or started
 * late does not raise the term of a healthy cluster. Voters that hear a leader refuse both kinds
 * (stickiness), unless the leader itself asked for the election. Together with CheckQuorum, which
 * silences a leader without quorum, that is what makes partial partitions harmless; any two of the
 * three are not enough (the Cloudflare outage of 2020-11-02).
 *
 * Does not count time: deadlines come from outside.
 *
 * Reference: Raft §5.2, §5.4.1; thesis §4.2.3, §9.6.
 */
import type { Millis, NodeId } from '../lib/ids.ts';
import { isVoter, votersOf } from './configuration.ts';
import { becomeLeader } from './leadership.ts';
import { tally } from './quorum.ts';
import { becomeFollower } from './roles.ts';
import { quorumContactMs } from './rounds.ts';
import {
  armElection,
  identityIsDurable,
  type State,
  sendAfterPersist,
  sendNow,
  type Vote,
} from './state.ts';
import type { RaftMessage } from './types.ts';

type VoteRequest = Extract<RaftMessage, { kind: 'pre-vote' | 'vote' }>;
type VoteReply = Extract<RaftMessage, { kind: 'pre-vote-reply' | 'vote-reply' }>;

/**
 * follower | pre-candidate | candidate -> pre-candidate. A candidate whose election stayed open asks
 * for pre-votes again and does not raise the term once more (canonical/raft#196).
 *
 * While a candidate's own vote is on its way to the disk no other election begins here: its requests
 * leave when the vote is durable, and another term would overtake them. A disk that takes longer than
 * an election would ask in old terms for ever, and hold back the healthy nodes that grant it.
 */
export function onElectionDeadline(state: State): void {
  armElection(state);
  if (state.role.kind === 'candidate' && !identityIsDurable(state)) return;
  becomeFollower(state, state.term, null);
  if (!mayCampaign(state)) return;
  const own: Vote = { granted: true, horizonMs: state.acknowledgedMs };
  const votes = new Map([[state.options.id, own]]);
  state.role = { kind: 'pre-candidate', votes, own, proposals: [] };
  askVoters(state, (voter, body) =>
    sendNow(state, voter, { kind: 'pre-vote', ...body, transfer: false }, state.term + 1),
  );
  decide(state);
}

/** pre-candidate -> candidate; or follower -> candidate when the leader hands over. */
export function campaign(state: State, transfer: boolean): void {
  becomeFollower(state, state.term + 1, null);
  armElection(state);
  state.votedFor = state.options.id;
  const own: Vote = { granted: true, horizonMs: state.acknowledgedMs };
  state.role = { kind: 'candidate', votes: new Map(), own, proposals: [] };
  askVoters(state, (voter, body) =>
    sendAfterPersist(state, voter, { kind: 'vote', ...body, transfer }),
  );
}

/** The disk has answered: if that made a candidate's own vote durable, it counts now. */
export function countOwnVote(state: State): void {
  const { role, options } = state;
  if (role.kind !== 'candidate' || !identityIsDurable(state)) return;
  if (role.votes.has(options.id)) return;
  role.votes.set(options.id, role.own);
  decide(state);
}

/** The leader's process is known to be gone; see DESIGN §4, `forgetLeader`. */
export function onForgetLeader(state: State): void {
  const { configurations, leader, now, options, role } = state;
  if (role.kind !== 'follower' || leader === null) return;
  // Everyone learns of the death at the same time; if all campaigned at once they would split.
  const others = votersOf(configurations.inForce).filter((voter) => voter !== leader);
  const place = Math.max(0, others.indexOf(options.id));
  becomeFollower(state, state.term, null);
  if (place === 0) onElectionDeadline(state);
  else
    state.electionDeadlineMs = Math.min(
      state.electionDeadlineMs,
      now + place * options.electionGapMs,
    );
}

/** Same checks as a real vote, so that whoever wins the pre-vote can win the vote (NuRaft#134). */
export function onPreVote(state: State, message: VoteRequest): void {
  const granted =
    // A vote that cannot be written is never sent; to promise it would only let terms rise.
    !state.diskStalled &&
    message.term > state.term &&
    !hearsLeaderOtherThan(state, message.from) &&
    state.log.isUpToDate(message.lastIndex, message.lastTerm);
  const body = { kind: 'pre-vote-reply', granted, quietMs: quietMs(state) } as const;
  sendNow(state, message.from, body, granted ? message.term : state.term);
}

/** The term of the request is the present one here, or an older one. */
export function onVote(state: State, message: VoteRequest): void {
  const { from, lastIndex, lastTerm, term } = message;
  const granted =
    term === state.term &&
    (state.votedFor === from || (state.votedFor === null && state.leader === null)) &&
    (state.role.kind === 'follower' || state.role.kind === 'pre-candidate') &&
    state.log.isUpToDate(lastIndex, lastTerm);
  if (granted) {
    becomeFollower(state, state.term, state.leader);
    state.votedFor = from;
    armElection(state);
  }
  sendAfterPersist(state, from, { kind: 'vote-reply', granted, quietMs: quietMs(state) });
}

export function onVoteReply(state: State, message: VoteReply): void {
  const { role } = state;
  const asked = message.kind === 'vote-reply' ? 'candidate' : 'pre-candidate';
  const ours = asked === 'candidate' ? state.term : state.term + 1;
  if (role.kind !== asked || (message.granted && message.term !== ours)) return;
  if (role.votes.has(message.from) || !isVoter(state.configurations.inForce, message.from)) return;
  const quiet = Number.isFinite(message.quietMs) ? Math.max(0, message.quietMs) : 0;
  const horizonMs = state.now - quiet * (1 - state.options.clockDrift);
  role.votes.set(message.from, { granted: message.granted, horizonMs });
  decide(state);
}

/** Stickiness. A leader that asks for votes itself has plainly given up leading (hashicorp#605). */
export function hearsLeaderOtherThan(state: State, from: NodeId): boolean {
  const { leader, now, options, role } = state;
  if (leader === null || leader === from) return false;
  const heardMs = role.kind === 'leader' ? quorumContactMs(state, role) : state.leaderContactMs;
  return now < heardMs + options.electionTimeoutMs;
}

/**
 * A node that cannot write its vote, or is no voter, never asks for votes (Raft §6). One that an
 * uncommitted entry leaves out may: only with its log, perhaps, can that entry be committed. Its own
 * vote does not count then (thesis §4.2.2).
 */
export function mayCampaign(state: State): boolean {
  const { commitIndex, configurations, diskStalled, options } = state;
  if (diskStalled) return false;
  const { inForce, index } = configurations;
  if (isVoter(inForce, options.id)) return true;
  return index > commitIndex && isVoter(configurations.at(index - 1), options.id);
}

function askVoters(
  state: State,
  send: (voter: NodeId, body: { lastIndex: number; lastTerm: number }) => void,
): void {
  const { lastIndex, lastTerm } = state.log;
  for (const voter of votersOf(state.configurations.inForce)) {
    if (voter !== state.options.id) send(voter, { lastIndex, lastTerm });
  }
}

/** pre-candidate -> candidate -> leader, or back to follower. */
function decide(state: State): void {
  const { role } = state;
  if (role.kind !== 'pre-candidate' && role.kind !== 'candidate') return;
  const result = tally(state.configurations.inForce, (voter) => role.votes.get(voter)?.granted);
  if (result === 'lost') becomeFollower(state, state.term, null);
  else if (result === 'won' && role.kind === 'pre-candidate') campaign(state, false);
  else if (result === 'won') becomeLeader(state, role);
}

function quietMs(state: State): Millis {
  if (state.role.kind === 'leader') return 0;
  return Math.max(0, state.now - state.acknowledgedMs);
}
