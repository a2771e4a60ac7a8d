/**
 * The consensus core: a pure state machine. It takes what happened and the time, and answers with a
 * record of what must be made durable, what may be sent and when, and what is committed. The same
 * events at the same times with the same random numbers give the same answers, so a trace replays.
 *
 * It performs nothing and waits for nothing: time passes, messages are lost and the disk is slow only
 * in the events that it is given. Before the driver reports a `deadline` it has to hand in what has
 * arrived, or a process that was stopped for a while would accuse nodes whose messages it holds.
 *
 * Reference: Raft (extended version, 2014); thesis (Ongaro, 2014); etcd-io/raft `doc.go`.
 */
import { assert, unreachable } from '../lib/assert.ts';
import type { Millis } from '../lib/ids.ts';
import type { Random } from '../lib/random.ts';
import { dropRemovedPeers, leaveJoint, proposeChange } from './change.ts';
import { ConfigurationHistory, isSameConfiguration } from './configuration.ts';
import { countOwnVote, onElectionDeadline, onForgetLeader } from './election.ts';
import { forkOf, imageOf } from './fork.ts';
import {
  advanceCommit,
  leaderDeadlineMs,
  onLeaderDeadline,
  propose,
  stepDownInFavour,
  stepDownWhenRemoved,
  stepDownWithoutQuorum,
} from './leadership.ts';
import { RaftLog, type Snapshot } from './log.ts';
import { Outbox } from './outbox.ts';
import { receive } from './receiving.ts';
import { becomeFollower } from './roles.ts';
import { addRead } from './rounds.ts';
import { flush, isInContact } from './sending.ts';
import { armElection, hardStateOf, type Leadership, type State } from './state.ts';
import { beginTransfer, endOverdueTransfer } from './transfer.ts';
import type {
  Configuration,
  Entry,
  FollowerStatus,
  GatheredEvent,
  Membership,
  Persist,
  RaftEvent,
  RaftOptions,
  RaftStatus,
  Ready,
  Restored,
  SnapshotMeta,
} from './types.ts';
import { WriteQueue } from './write-queue.ts';

export class RaftCore {
  readonly #state: State;

  private constructor(state: State) {
    this.#state = state;
  }

  /**
   * A core that goes on from what its node finds on its disk. `bootstrap` is the configuration at
   * index 0, used while neither snapshot nor log holds one; every first member must be given the
   * same. A node that is not among the voters never campaigns.
   */
  static restore(
    options: RaftOptions,
    restored: Restored,
    bootstrap: Configuration,
    now: Millis,
    random: Random,
  ): RaftCore {
    const { hardState, snapshot, entries } = restored;
    const start = snapshot?.meta.index ?? 0;
    const configurations = new ConfigurationHistory(
      start,
      snapshot?.meta.configuration ?? bootstrap,
    );
    for (const entry of entries) configurations.appended(entry);
    const log = new RaftLog(restored);
    assert(hardState.term >= log.lastTerm, 'the log is of a later term than the hard state');
    const state: State = {
      options,
      log,
      configurations,
      writes: new WriteQueue(hardState, log.lastIndex),
      now,
      random,
      outbox: new Outbox(),
      role: { kind: 'follower' },
      term: hardState.term,
      votedFor: hardState.votedFor,
      leader: null,
      // The commit index is written along with other things only, so the snapshot may be ahead.
      commitIndex: Math.min(log.lastIndex, Math.max(start, hardState.commitIndex)),
      deliveredIndex: start,
      appliedIndex: start,
      electionDeadlineMs: now,
      leaderContactMs: Number.NEGATIVE_INFINITY,
      acknowledgedMs: now,
      told: null,
      diskStalled: false,
      incoming: null,
    };
    armElection(state);
    return new RaftCore(state);
  }

  /** Takes one event. `now` never goes back. What it answers is performed before the next step. */
  step(event: RaftEvent, now: Millis, random: Random): Ready {
    this.#begin(now, random);
    return this.#end(take(this.#state, event));
  }

  /**
   * Takes what has arrived meanwhile, in its order, and answers once: one write for all of it, one
   * append to each follower for all proposals. Whatever was answered in between leaves after that
   * write, as if the network had held it back so long.
   */
  stepAll(events: readonly GatheredEvent[], now: Millis, random: Random): Ready {
    this.#begin(now, random);
    let installed: Snapshot | null = null;
    for (const event of events) installed = take(this.#state, event) ?? installed;
    return this.#end(installed);
  }

  #begin(now: Millis, random: Random): void {
    const state = this.#state;
    state.now = Math.max(state.now, now);
    state.random = random;
    if (state.role.kind === 'leader') endOverdueTransfer(state, state.role);
  }

  #end(installed: Snapshot | null): Ready {
    const state = this.#state;
    if (state.role.kind === 'leader') lead(state, state.role);
    stepDownWhenRemoved(state);
    return ready(state, installed);
  }

  /** A twin that goes its own way from here; `edit` may break it, for controls (see fork.ts). */
  fork(edit?: (state: State) => void): RaftCore {
    const state = forkOf(this.#state);
    edit?.(state);
    return new RaftCore(state);
  }

  /** All that decides how it goes on, as plain data that must not be changed (see fork.ts). */
  image(): object {
    return imageOf(this.#state);
  }

  status(): RaftStatus {
    const { configurations, leader, log, role, term, votedFor } = this.#state;
    return {
      role: role.kind,
      term,
      leader,
      votedFor,
      commitIndex: this.#state.commitIndex,
      appliedIndex: this.#state.appliedIndex,
      lastIndex: log.lastIndex,
      lastTerm: log.lastTerm,
      firstIndex: log.firstIndex,
      configuration: configurations.inForce,
      configurationIndex: configurations.index,
      diskStalled: this.#state.diskStalled,
      followers: role.kind === 'leader' ? followersOf(role) : [],
      transferringTo: role.kind === 'leader' ? (role.transfer?.to ?? null) : null,
    };
  }

  /** The part of the status that is asked for after every step. */
  membership(): Membership {
    const { commitIndex, configurations, leader } = this.#state;
    const { inForce: configuration, index: configurationIndex } = configurations;
    return { configuration, configurationIndex, commitIndex, leader };
  }

  /** What to save with the state machine when it has applied `index`, which is committed. */
  snapshotMeta(index: number): SnapshotMeta {
    const { commitIndex, configurations, log } = this.#state;
    const term = log.termAt(index);
    assert(term !== null && index <= commitIndex, `no committed entry ${index} to save`);
    return { index, term, configuration: configurations.at(index) };
  }

  /** The entry at `index`, or null where the log does not hold one. For checkers and diagnosis. */
  entryAt(index: number): Entry | null {
    return this.#state.log.entryAt(index);
  }

  /** The term at `index`, known also just before the first held entry. */
  termAt(index: number): number | null {
    return this.#state.log.termAt(index);
  }
}

/** At the end of a leader's step: what became possible is appended, what there is to send leaves. */
function lead(state: State, role: Leadership): void {
  leaveJoint(state, role);
  flush(state, role);
  dropRemovedPeers(state, role);
}

/** Answers a snapshot of the leader's that has to be written. */
function take(state: State, event: RaftEvent): Snapshot | null {
  switch (event.kind) {
    case 'message':
      return receive(state, event.message);
    case 'deadline':
      onDeadline(state);
      return null;
    case 'propose':
      stepDownWithoutQuorum(state);
      propose(state, event.proposalId, event.data);
      return null;
    case 'change':
      stepDownWithoutQuorum(state);
      proposeChange(state, event.proposalId, event.target);
      return null;
    case 'durable':
      onDurable(state, event.mark);
      return null;
    case 'disk-stalled':
      onDiskStalled(state);
      return null;
    case 'applied':
      state.appliedIndex = Math.max(
        state.appliedIndex,
        Math.min(event.index, state.deliveredIndex),
      );
      return null;
    case 'compacted':
      onCompacted(state, { meta: event.meta, state: event.state });
      return null;
    case 'read':
      onRead(state, event.readId);
      return null;
    case 'transfer':
      stepDownWithoutQuorum(state);
      beginTransfer(state, event.to, event.timeoutMs);
      return null;
    case 'forget-leader':
      onForgetLeader(state);
      return null;
    default:
      return unreachable(event);
  }
}

function onDeadline(state: State): void {
  if (state.role.kind === 'leader') onLeaderDeadline(state, state.role);
  else if (state.now >= state.electionDeadlineMs) onElectionDeadline(state);
}

function onDurable(state: State, mark: number): void {
  state.writes.completed(mark);
  state.diskStalled = false;
  countOwnVote(state);
  if (state.role.kind === 'leader') advanceCommit(state, state.role);
}

/** Stalled until a write comes back; without one outstanding there is nothing to wait for. */
function onDiskStalled(state: State): void {
  state.diskStalled = !state.writes.isIdle;
  if (state.role.kind === 'leader') stepDownInFavour(state, state.role);
  else becomeFollower(state, state.term, state.leader);
}

function onCompacted(state: State, snapshot: Snapshot): void {
  const { index } = snapshot.meta;
  if (index <= (state.log.snapshot?.meta.index ?? 0)) return;
  assert(index <= state.appliedIndex, `saved at ${index}, before it was applied`);
  const inForce = state.configurations.at(index);
  assert(
    isSameConfiguration(inForce, snapshot.meta.configuration),
    `saved at ${index} with a configuration that was not in force there`,
  );
  state.log.compact(snapshot, neededFrom(state), state.options.maxUncommittedBytes);
  state.configurations.compacted(index);
}

/** The first entry that a follower, of those that answer, has not got and is not being sent. */
function neededFrom(state: State): number {
  let from = Number.POSITIVE_INFINITY;
  if (state.role.kind !== 'leader') return from;
  for (const progress of state.role.peers.values()) {
    if (!isInContact(state, progress)) continue;
    const reached = progress.transmission?.snapshot.meta.index ?? progress.match;
    from = Math.min(from, reached + 1);
  }
  return from;
}

function onRead(state: State, readId: number): void {
  stepDownWithoutQuorum(state);
  if (state.role.kind === 'leader') addRead(state, state.role, readId);
  else state.outbox.readsRejected.push({ readId, leader: state.leader });
}

function ready(state: State, installed: Snapshot | null): Ready {
  const collected = state.outbox.take();
  const persist = nextPersist(state, installed);
  const committed = state.log.slice(state.deliveredIndex + 1, state.commitIndex);
  state.deliveredIndex = state.commitIndex;
  return {
    sendNow: collected.sendNow,
    persist,
    sendAfterPersist: collected.sendAfterPersist,
    restore: collected.restore,
    committed,
    reads: collected.reads,
    readsRejected: collected.readsRejected,
    rejected: collected.rejected,
    accepted: collected.accepted,
    transferEnded: collected.transferEnded,
    role: state.role.kind,
    leader: state.leader,
    term: state.term,
    commitIndex: state.commitIndex,
    // Among several events an election may have been won and lost again.
    horizonMs: state.role.kind === 'leader' ? collected.horizonMs : null,
    nextDeadlineMs:
      state.role.kind === 'leader' ? leaderDeadlineMs(state, state.role) : state.electionDeadlineMs,
  };
}

/**
 * Term, vote and entries go into one batch. A commit index that moved is written when something else
 * is: it is known again from the leader after a crash, so it is not worth a sync of its own.
 */
function nextPersist(state: State, snapshot: Snapshot | null): Persist | null {
  const { log, writes } = state;
  const entries = log.takeUnwritten();
  const { issued } = writes;
  const voted = issued.term !== state.term || issued.votedFor !== state.votedFor;
  if (!voted && entries.length === 0 && snapshot === null) return null;
  const hardState = hardStateOf(state);
  const moved = voted || issued.commitIndex !== hardState.commitIndex;
  const mark = writes.issue(hardState, log.lastIndex);
  return { mark, hardState: moved ? hardState : null, entries, snapshot };
}

function followersOf(role: Leadership): readonly FollowerStatus[] {
  return [...role.peers].map(([node, { state, match, contactMs }]) => {
    return { node, state, matchIndex: match, contactMs };
  });
}
