/**
 * A path that comes back beside a live mount: may it be put back into the map? A pure state machine
 * like `defence.ts`, run by the owner after a look that found everything its own.
 *
 * The fear: this machine stood still and was fenced meanwhile; the registration of the fresh path would
 * then be new rights for old dirty pages. So the path is registered while nothing can use it, and only
 * afterwards it is asked whether we are still the owner: no newer key, the reservation ours, and an *old*
 * path still registered. The last is a REGISTER of the own key onto itself there, since the list of keys
 * does not tell a registration of the old path from the one that was just made. Whoever fenced us before
 * the registration is found by one of these; whoever fences us after them removes our key on every path,
 * this one included (SPC-4 §5.13.11.2.5: all registrations with that key).
 *
 * What was registered here and is not admitted is unregistered again; it never held the reservation.
 *
 * It changes no map: that is the device's (`StrayPath`). Reference: DESIGN §8 ("a live mount never gains
 * a registration on a path that the block layer can already use").
 */
import { assert, unreachable } from '../../lib/assert.ts';
import type {
  PathId,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../fence-device.ts';
import { standing } from './key.ts';
import { MAX_REPEATS } from './takeover.ts';

export type AdmissionGoal = {
  readonly key: ReservationKey;
  readonly type: ReservationType;
  /** Outside the map, and kept there until the answer. */
  readonly path: PathId;
  /** In the map, and verified by the takeover. */
  readonly witness: PathId;
  readonly aptpl: boolean;
};

export type AdmissionVerdict = { readonly kind: 'admitted' | 'refused' };

type Facts = {
  readonly goal: AdmissionGoal;
  readonly repeats: number;
  /** It was not registered before this attempt. */
  readonly fresh: boolean;
};

export type AdmissionState =
  | {
      readonly kind:
        | 'registering'
        | 'confirming'
        | 'reading-keys'
        | 'reading-reservation'
        | 'touching-witness'
        | 'withdrawing';
      readonly facts: Facts;
    }
  | { readonly kind: 'over'; readonly verdict: AdmissionVerdict };

export type AdmissionStep = {
  readonly state: AdmissionState;
  readonly commands: readonly PrCommand[];
};

type Asking = Exclude<AdmissionState, { kind: 'over' }>;

export function beginAdmission(goal: AdmissionGoal): AdmissionStep {
  assert(goal.path !== goal.witness, 'a path cannot be its own witness');
  return emit({ kind: 'registering', facts: { goal, repeats: 0, fresh: true } });
}

export function admit(state: AdmissionState, reply: PrReply): AdmissionStep {
  if (state.kind === 'over') return { state, commands: [] };
  assert(reply.path === commandOf(state).path, 'a reply of another path');
  switch (reply.kind) {
    case 'unit-attention':
    case 'busy':
      return emit(repeat(state));
    case 'path-lost':
    case 'timeout':
    case 'not-supported':
      return emit(refuse(state));
    case 'reservation-conflict':
      return emit(onConflict(state));
    case 'keys':
      return emit(onKeys(state, reply.keys));
    case 'reservation':
      return emit(onReservation(state, reply.holder));
    case 'good':
      return emit(onGood(state));
    default:
      return unreachable(reply);
  }
}

function commandOf({ kind, facts }: Asking): PrCommand {
  const { key, path, witness, aptpl } = facts.goal;
  switch (kind) {
    case 'registering':
      return { kind: 'register', path, current: 0n, key, aptpl };
    case 'confirming':
      return { kind: 'register', path, current: key, key, aptpl };
    case 'reading-keys':
      return { kind: 'read-keys', path: witness };
    case 'reading-reservation':
      return { kind: 'read-reservation', path: witness };
    case 'touching-witness':
      return { kind: 'register', path: witness, current: key, key, aptpl };
    case 'withdrawing':
      return { kind: 'register', path, current: key, key: 0n, aptpl };
    default:
      return unreachable(kind);
  }
}

function onGood(state: Asking): AdmissionState {
  if (state.kind === 'touching-witness') return over('admitted');
  if (state.kind === 'withdrawing') return over('refused');
  return next(state, 'reading-keys');
}

function onConflict(state: Asking): AdmissionState {
  if (state.kind !== 'registering') return refuse(state);
  // It is registered: with our key when only its link was away; it keeps what it had, whatever comes.
  return { kind: 'confirming', facts: { ...state.facts, repeats: 0, fresh: false } };
}

function onKeys(state: Asking, keys: readonly ReservationKey[]): AdmissionState {
  const { key } = state.facts.goal;
  const fenced = keys.some((other) => standing(key, other) === 'rival') || !keys.includes(key);
  return fenced ? refuse(state) : next(state, 'reading-reservation');
}

function onReservation(state: Asking, holder: ReservationKey | null): AdmissionState {
  return holder === state.facts.goal.key ? next(state, 'touching-witness') : refuse(state);
}

function next(state: Asking, kind: Asking['kind']): AdmissionState {
  return { kind, facts: { ...state.facts, repeats: 0 } };
}

function repeat(state: Asking): AdmissionState {
  if (state.facts.repeats >= MAX_REPEATS) return refuse(state);
  return { ...state, facts: { ...state.facts, repeats: state.facts.repeats + 1 } };
}

/** A register whose answer was lost may have been done: it is withdrawn too. */
function refuse(state: Asking): AdmissionState {
  if (state.kind === 'withdrawing' || !state.facts.fresh) return over('refused');
  return next(state, 'withdrawing');
}

function over(kind: AdmissionVerdict['kind']): AdmissionState {
  return { kind: 'over', verdict: { kind } };
}

function emit(state: AdmissionState): AdmissionStep {
  return { state, commands: state.kind === 'over' ? [] : [commandOf(state)] };
}
