/**
 * The owner looks after its disk: is it still mine, on every path? A pure state machine like
 * `takeover.ts`, run again each `defendIntervalMs` and after each IO error.
 *
 * The intuition: a node that was fenced learns it from the disk before anybody can tell it. Its key
 * is gone or a newer one stands there: it stops at once. What it may do is little: it preempts
 * older keys (a thawed machine that registered late). It never registers what is not registered and
 * never reserves: a live mount must not gain rights that it lost, since its dirty pages would be
 * written with them.
 *
 * Reference: DESIGN §8 (Defence; "a live mount never gains a registration").
 */
import { assert, known, unreachable } from '../../lib/assert.ts';
import type {
  PathId,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../fence-device.ts';
import { standing } from './key.ts';
import { MAX_REPEATS } from './takeover.ts';

export type DefenceGoal = {
  readonly key: ReservationKey;
  readonly type: ReservationType;
  /** The paths that the takeover verified. */
  readonly paths: readonly PathId[];
  readonly aptpl: boolean;
};

export type DefenceVerdict =
  | {
      readonly kind: 'mine';
      /** Paths that gave no answer in time; the others are still ours. */
      readonly silent: readonly PathId[];
      /** Keys that are not of this cluster: with type 5 their owners can write. An alarm. */
      readonly strangers: readonly ReservationKey[];
      readonly preempted: readonly ReservationKey[];
    }
  /** Stop at once. `by` is the newer key or the holder; null when nobody is seen. */
  | { readonly kind: 'fenced'; readonly by: ReservationKey | null }
  /**
   * The disk still names us, yet this live path may no longer write: stop, come back by an epoch.
   */
  | { readonly kind: 'registration-lost'; readonly path: PathId }
  /** No path answers: nothing is known. The path monitor decides, not the defence. */
  | { readonly kind: 'unreachable' };

type Facts = {
  readonly goal: DefenceGoal;
  /** Paths still to look at; the first one is being looked at. */
  readonly left: readonly PathId[];
  readonly repeats: number;
  readonly silent: readonly PathId[];
  readonly keys: readonly ReservationKey[];
  readonly preempted: readonly ReservationKey[];
};

export type DefenceState =
  | { readonly kind: 'reading-keys'; readonly facts: Facts }
  | { readonly kind: 'reading-reservation'; readonly facts: Facts }
  | { readonly kind: 'touching'; readonly facts: Facts }
  | {
      readonly kind: 'preempting';
      readonly facts: Facts;
      readonly victims: readonly ReservationKey[];
    }
  | { readonly kind: 'over'; readonly verdict: DefenceVerdict };

export type DefenceStep = {
  readonly state: DefenceState;
  readonly commands: readonly PrCommand[];
};

type Looking = Exclude<DefenceState, { kind: 'over' }>;

export function beginDefence(goal: DefenceGoal): DefenceStep {
  assert(goal.paths.length > 0, 'a defence needs a path');
  const facts = { goal, left: goal.paths, repeats: 0, silent: [], keys: [], preempted: [] };
  return emit({ kind: 'reading-keys', facts });
}

export function defend(state: DefenceState, reply: PrReply): DefenceStep {
  if (state.kind === 'over') return { state, commands: [] };
  assert(reply.path === commandOf(state).path, 'a reply of another path');
  switch (reply.kind) {
    case 'unit-attention':
    case 'busy':
      return emit(repeat(state));
    case 'path-lost':
    case 'timeout':
      return emit(silent(state));
    case 'not-supported':
      // A target without PREEMPT AND ABORT: the older key stays until the next takeover.
      return emit(state.kind === 'preempting' ? nextPath(state.facts) : silent(state));
    case 'reservation-conflict':
      return emit(onConflict(state));
    case 'keys':
      return emit(onKeys(state.facts, reply.keys));
    case 'reservation':
      return emit(onReservation(state.facts, reply.holder));
    case 'good':
      return emit(onGood(state));
    default:
      return unreachable(reply);
  }
}

function commandOf(state: Looking): PrCommand {
  const { goal, left } = state.facts;
  const { key, type, aptpl } = goal;
  const path = known(left[0], 'a path to look at');
  switch (state.kind) {
    case 'reading-keys':
      return { kind: 'read-keys', path };
    case 'reading-reservation':
      return { kind: 'read-reservation', path };
    case 'touching':
      return { kind: 'register', path, current: key, key, aptpl };
    case 'preempting':
      return {
        kind: 'preempt-and-abort',
        path,
        key,
        victim: known(state.victims[0], 'a victim'),
        type,
      };
    default:
      return unreachable(state);
  }
}

function onKeys(facts: Facts, keys: readonly ReservationKey[]): DefenceState {
  const { key } = facts.goal;
  const rival = keys.find((other) => standing(key, other) === 'rival');
  if (rival !== undefined) return over({ kind: 'fenced', by: rival });
  const next = { ...facts, keys, repeats: 0 };
  // Our key may be gone; who took it stands in the reservation.
  return { kind: 'reading-reservation', facts: next };
}

function onReservation(facts: Facts, holder: ReservationKey | null): DefenceState {
  const { key, paths } = facts.goal;
  if (!facts.keys.includes(key) || holder !== key) {
    return over({ kind: 'fenced', by: holder === key ? null : holder });
  }
  const next = { ...facts, repeats: 0 };
  // One path, one key: it is this path's. With several, only touching each tells which one lost it.
  return paths.length > 1 ? { kind: 'touching', facts: next } : preemptOlder(next);
}

function onGood(state: Looking): DefenceState {
  const facts = { ...state.facts, repeats: 0 };
  if (state.kind !== 'preempting') return preemptOlder(facts);
  const [victim, ...victims] = state.victims;
  const preempted = [...facts.preempted, known(victim, 'the victim')];
  const next = { ...facts, preempted };
  return victims.length > 0 ? { kind: 'preempting', facts: next, victims } : nextPath(next);
}

/**
 * Nothing of ours conflicts with our own reservation: a conflict is a loss, unless a victim is
 * gone.
 */
function onConflict(state: Looking): DefenceState {
  const facts = { ...state.facts, repeats: 0 };
  const path = known(facts.left[0], 'a path');
  if (state.kind === 'touching') return over({ kind: 'registration-lost', path });
  // The victim may have left, or we may just have been fenced: the next look tells.
  return nextPath(facts);
}

function preemptOlder(facts: Facts): DefenceState {
  const older = facts.keys.filter((key) => {
    const place = standing(facts.goal.key, key);
    return place === 'older' || place === 'own-older';
  });
  const victims = [...new Set(older)].filter((key) => !facts.preempted.includes(key));
  return victims.length > 0 ? { kind: 'preempting', facts, victims } : nextPath(facts);
}

function nextPath(facts: Facts): DefenceState {
  const left = facts.left.slice(1);
  if (left.length > 0) return { kind: 'reading-keys', facts: { ...facts, left, repeats: 0 } };
  const { goal, silent, preempted, keys } = facts;
  if (silent.length === goal.paths.length) return over({ kind: 'unreachable' });
  const strangers = keys.filter((key) => standing(goal.key, key) === 'stranger');
  return over({ kind: 'mine', silent, strangers: [...new Set(strangers)], preempted });
}

function repeat(state: Looking): DefenceState {
  const { facts } = state;
  if (facts.repeats >= MAX_REPEATS) return silent(state);
  return { ...state, facts: { ...facts, repeats: facts.repeats + 1 } };
}

function silent({ facts }: Looking): DefenceState {
  const path = known(facts.left[0], 'a path');
  return nextPath({ ...facts, silent: [...facts.silent, path] });
}

function over(verdict: DefenceVerdict): DefenceState {
  return { kind: 'over', verdict };
}

function emit(state: DefenceState): DefenceStep {
  return { state, commands: state.kind === 'over' ? [] : [commandOf(state)] };
}
