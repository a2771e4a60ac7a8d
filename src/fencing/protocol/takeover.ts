/**
 * Taking a disk away from its earlier owners, as a pure state machine: one command of SPC-4 goes
 * out, its result comes in, until this node is the proven sole holder, or until it is plain why it
 * cannot be.
 *
 * The intuition: nothing that was read stays true. Another node may take the disk between any two
 * commands, so every change is a compare and swap made on keys that were just read, a conflict only
 * means "read again", and the end is not the last change but a read-back on every path. The fear is
 * the write that is late: one that the old owner sent before it lost its key and that the target
 * accepted but has not carried out. Only an abort by the target, confirmed, rules it out.
 *
 * It does no IO, knows no time (the deadline comes in as an input) and does not prove that the node
 * holds nothing of the disk: `idle-proof.ts` does, before. Types 1 and 5 are proven; for 3 and 6
 * the rules are the same; 7 and 8 (no single holder) are refused.
 *
 * Reference: DESIGN §8 steps 1–5; SPC-4 §5.13.7 (REGISTER), §5.13.9 (RESERVE), §5.13.11.2
 * (PREEMPT).
 */
import { assert, known, unreachable } from '../../lib/assert.ts';
import type { PathId, PrCommand, PrReply, ReservationKey } from '../fence-device.ts';
import { unpackKey } from './key.ts';
import {
  aloneOn,
  failed,
  holdsByPath,
  isPredecessor,
  lateWritePossible,
  obstacle,
  olderKeys,
  ownCandidates,
  withGap,
  withHolder,
  withKeys,
} from './takeover-rules.ts';
import {
  CHECKS,
  type Facts,
  type Running,
  type TakeoverGoal,
  type TakeoverHeld,
  type TakeoverInput,
  type TakeoverState,
  type TakeoverStep,
} from './takeover-state.ts';

/** Full passes from the first read on; each lost path allows one more. */
const MAX_ROUNDS = 6;
/** A nexus queues a handful of unit attentions; a target that is busy for longer is not usable. */
export const MAX_REPEATS = 10;

type Preempting = Extract<TakeoverState, { kind: 'preempting' }>;
type Verifying = Extract<TakeoverState, { kind: 'verifying' }>;
type Success = Extract<PrReply, { kind: 'keys' }> | ReservationReply | { readonly kind: 'good' };
type ReservationReply = Extract<PrReply, { kind: 'reservation' }>;

export function begin(goal: TakeoverGoal): TakeoverStep {
  assert(goal.paths.length > 0, 'a takeover needs a path');
  assert(new Set(goal.paths).size === goal.paths.length, 'a path is named twice');
  assert(unpackKey(goal.key).epoch <= goal.lastEpoch, 'the own epoch is not committed');
  const facts: Facts = {
    goal,
    paths: goal.paths,
    round: 1,
    repeats: 0,
    keys: [],
    unaborted: [],
    abortedSome: false,
    took: false,
    gap: false,
    elsewhere: false,
    canAbort: !goal.omit.includes('abort'),
    wasReset: false,
    guaranteed: true,
  };
  const noSingleHolder = goal.type === 7 || goal.type === 8;
  if (noSingleHolder || (holdsByPath(facts) && goal.paths.length > 1)) {
    return emit(failed('RESERVATION_TYPE_UNSUPPORTED', null));
  }
  return emit({ kind: 'reading-keys', facts, next: 'register' });
}

export function step(state: TakeoverState, input: TakeoverInput): TakeoverStep {
  if (state.kind === 'held' || state.kind === 'failed') return { state, commands: [] };
  if (input.kind === 'deadline') return emit(failed('TAKEOVER_TIMED_OUT', null));
  const { reply } = input;
  assert(reply.path === commandOf(state).path, 'a reply of another path');
  switch (reply.kind) {
    case 'unit-attention':
    case 'busy':
      return emit(repeat(state, reply.path));
    case 'path-lost':
      return emit(withoutPath(state.facts, reply.path));
    case 'timeout':
      return emit(afterTimeout(state.facts, reply.path));
    case 'not-supported':
      return emit(withoutSupport(state));
    case 'reservation-conflict':
      return emit(onConflict(state));
    case 'keys':
    case 'reservation':
      return emit(onSuccess(calm(state), reply));
    case 'good':
      return emit(onSuccess(calm(state), { kind: 'good' }));
    default:
      return unreachable(reply);
  }
}

/** The command that a state waits for: the whole conversation, at one glance. */
function commandOf(state: Running): PrCommand {
  const { goal, paths, canAbort } = state.facts;
  const path = known(paths[0], 'a path that answers');
  switch (state.kind) {
    case 'reading-keys':
      return { kind: 'read-keys', path };
    case 'reading-reservation':
      return { kind: 'read-reservation', path };
    case 'registering':
      return {
        kind: 'register',
        path: known(state.left[0], 'a path to register'),
        current: known(state.candidates[0], 'a candidate key'),
        key: goal.key,
        aptpl: goal.aptpl,
      };
    case 'reserving':
      return { kind: 'reserve', path, key: goal.key, type: goal.type };
    case 'preempting':
      return {
        kind: canAbort ? 'preempt-and-abort' : 'preempt',
        path,
        key: goal.key,
        victim: known(state.victims[0], 'a victim'),
        type: goal.type,
      };
    case 'verifying':
      return verification(state);
    case 'resetting':
      return { kind: 'logical-unit-reset', path };
    case 'flushing':
      return { kind: 'synchronize-cache', path };
    default:
      return unreachable(state);
  }
}

/**
 * REGISTER of the own key onto itself changes nothing and succeeds only on a registered path (keys
 * do not tell which path they came from); RESERVE by the holder changes nothing and succeeds only
 * on the holding path.
 */
function verification(state: Verifying): PrCommand {
  const { key, type, aptpl } = state.facts.goal;
  const path = known(state.left[0], 'a path to verify');
  switch (state.check) {
    case 'keys':
      return { kind: 'read-keys', path };
    case 'reservation':
      return { kind: 'read-reservation', path };
    case 'registration':
      return { kind: 'register', path, current: key, key, aptpl };
    case 'holding':
      return { kind: 'reserve', path, key, type };
    default:
      return unreachable(state.check);
  }
}

function onSuccess(state: Running, reply: Success): TakeoverState {
  const { facts } = state;
  switch (state.kind) {
    case 'reading-keys': {
      assert(reply.kind === 'keys', 'READ KEYS answers keys');
      const read = withKeys(facts, reply.keys);
      return obstacle(read) ?? { kind: 'reading-reservation', facts: read, next: state.next };
    }
    case 'reading-reservation': {
      assert(reply.kind === 'reservation', 'READ RESERVATION answers a reservation');
      if (reply.type === 7 || reply.type === 8) {
        return failed('RESERVATION_TYPE_UNSUPPORTED', reply.holder);
      }
      // The holder may have come after the keys were read: it is judged like each of them.
      const read = withHolder(facts, reply.holder);
      const stop = obstacle(read);
      if (stop !== null) return stop;
      if (state.next === 'register') return register(read, facts.paths);
      return take(withGap(read, reply.holder), reply);
    }
    case 'registering':
      return register(facts, state.left.slice(1));
    case 'reserving':
      return preempt({ ...facts, took: true }, olderKeys(facts));
    case 'preempting':
      return preempt(afterPreempt(state), state.victims.slice(1));
    case 'verifying':
      return afterCheck(state, reply);
    case 'resetting':
      // What was in flight is gone; what was registered stays and is looked at again.
      return verify({ ...facts, wasReset: true, gap: false, unaborted: [] });
    case 'flushing':
      return held(facts);
    default:
      return unreachable(state);
  }
}

/** A conflict says that the disk is not as it was read. Nothing was done: read again. */
function onConflict(state: Running): TakeoverState {
  if (state.kind === 'verifying' && state.check === 'holding') {
    return nextRound({ ...state.facts, elsewhere: true });
  }
  if (state.kind !== 'registering' || state.candidates.length < 2) return nextRound(state.facts);
  return { ...calm(state), candidates: state.candidates.slice(1) };
}

/**
 * reading → registering → reading: on each path the key that it may hold now is swapped for ours.
 */
function register(facts: Facts, left: readonly PathId[]): TakeoverState {
  if (left.length === 0) return { kind: 'reading-keys', facts, next: 'preempt' };
  return { kind: 'registering', facts, left, candidates: ownCandidates(facts) };
}

/**
 * reading → reserving | preempting | verifying: registered and read again, now the disk is taken.
 */
function take(facts: Facts, { holder, type }: ReservationReply): TakeoverState {
  const { goal } = facts;
  if (holder === null) return { kind: 'reserving', facts };
  if (holder === goal.key) {
    // Ours already, yet under another type or by a nexus of ours that this path no longer is (it
    // logged in anew): SPC-4 lets a registrant preempt its own key, and keeps it registered.
    const again = type === goal.type && !facts.elsewhere ? [] : [goal.key];
    return preempt(facts, [...again, ...olderKeys(facts)]);
  }
  return preempt(facts, [holder, ...olderKeys(facts).filter((key) => key !== holder)]);
}

/** → preempting, one victim after the other → verifying */
function preempt(facts: Facts, victims: readonly ReservationKey[]): TakeoverState {
  return victims.length > 0 ? { kind: 'preempting', facts, victims } : verify(facts);
}

function afterPreempt({ facts, victims }: Preempting): Facts {
  if (!facts.canAbort) return { ...facts, took: true, elsewhere: false };
  const victim = known(victims[0], 'a victim');
  // What is ended of our own says nothing about the predecessor's tasks.
  if (victim === facts.goal.key) return { ...facts, took: true, elsewhere: false };
  const unaborted = facts.unaborted.filter((key) => key !== victim);
  const abortedSome = facts.abortedSome || isPredecessor(facts, victim);
  return { ...facts, took: true, abortedSome, unaborted };
}

function verify(facts: Facts): TakeoverState {
  const { omit } = facts.goal;
  if (omit.includes('verify')) return settle(facts);
  const left = omit.includes('verify-every-path') ? facts.paths.slice(0, 1) : facts.paths;
  return { kind: 'verifying', facts, left, check: 'keys' };
}

/** verifying → verifying | resetting | flushing, or reading in another round. */
function afterCheck(state: Verifying, reply: Success): TakeoverState {
  const facts = reply.kind === 'keys' ? withKeys(state.facts, reply.keys) : state.facts;
  if (reply.kind === 'keys') {
    const stop = obstacle(facts);
    if (stop !== null) return stop;
    if (!aloneOn(facts)) return nextRound(facts);
  }
  if (reply.kind === 'reservation') {
    const { key, type } = facts.goal;
    if (reply.holder !== key || reply.type !== type) return nextRound(facts);
  }
  const check = CHECKS[CHECKS.indexOf(state.check) + 1];
  if (check !== undefined && (check !== 'holding' || holdsByPath(facts))) {
    return { ...state, facts, check };
  }
  const left = state.left.slice(1);
  return left.length > 0 ? { ...state, facts, left, check: 'keys' } : settle(facts);
}

/** verified → resetting | flushing */
function settle(facts: Facts): TakeoverState {
  return { kind: lateWritePossible(facts) ? 'resetting' : 'flushing', facts };
}

function repeat(state: Running, path: PathId): TakeoverState {
  const { facts } = state;
  if (facts.repeats >= MAX_REPEATS) return withoutPath(facts, path);
  return { ...state, facts: { ...facts, repeats: facts.repeats + 1 } };
}

/**
 * Whether the lost command was carried out is unknown: everything is read anew on the other paths.
 */
function withoutPath(facts: Facts, path: PathId): TakeoverState {
  const paths = facts.paths.filter((other) => other !== path);
  if (paths.length === 0) return failed('DISK_PATHS_LOST', null);
  return nextRound({ ...facts, paths });
}

/**
 * Slow is not lost: the last path is asked again, in another round, as long as the deadline allows.
 */
function afterTimeout(facts: Facts, path: PathId): TakeoverState {
  return facts.paths.length > 1 ? withoutPath(facts, path) : nextRound(facts);
}

function withoutSupport(state: Running): TakeoverState {
  const { facts } = state;
  switch (state.kind) {
    case 'preempting':
      if (!facts.canAbort) return failed('RESERVATIONS_UNSUPPORTED', null);
      return { ...state, facts: { ...facts, repeats: 0, canAbort: false } };
    case 'resetting':
      if (!facts.goal.acceptLateWrites) return failed('LATE_WRITES_POSSIBLE', null);
      return { kind: 'flushing', facts: { ...facts, repeats: 0, guaranteed: false } };
    case 'flushing':
      // SBC-3: optional. A target without it has no volatile cache to write back.
      return held(facts);
    default:
      return failed('RESERVATIONS_UNSUPPORTED', null);
  }
}

function nextRound(facts: Facts): TakeoverState {
  const lost = facts.goal.paths.length - facts.paths.length;
  if (facts.round >= MAX_ROUNDS + lost) return failed('TAKEOVER_ROUNDS_EXHAUSTED', null);
  const next = { ...facts, repeats: 0, round: facts.round + 1 };
  return { kind: 'reading-keys', facts: next, next: 'register' };
}

function held({ goal, paths, round, wasReset, guaranteed }: Facts): TakeoverHeld {
  const { key, type } = goal;
  return { kind: 'held', key, type, paths, rounds: round, wasReset, guaranteed };
}

function calm<T extends Running>(state: T): T {
  return { ...state, facts: { ...state.facts, repeats: 0 } };
}

function emit(state: TakeoverState): TakeoverStep {
  const over = state.kind === 'held' || state.kind === 'failed';
  return { state, commands: over ? [] : [commandOf(state)] };
}
