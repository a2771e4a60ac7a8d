/**
 * Is the owner of a group still its owner in fact? Fine, gone, or not yet known.
 *
 * The intuition: a proof of death is believed at once; silence only when it holds on every
 * interconnect and nobody whom we hear contradicts it; and a living owner is believed about itself.
 * Where others still hear the owner, its lease is the judge: while one may be valid the owner may be
 * serving, afterwards it cannot be.
 *
 * A wrong "gone" costs an interruption, never data: the disk is fenced and the lease is waited for
 * whatever is said here.
 */
import type { Evidence } from '../cluster/command.ts';
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { isHeardBy, type NodeView, nodeView } from '../membership/view.ts';
import type { PlannerInput } from './planner-input.ts';
import { ageOf, BOOT_GRACE_DETECTIONS, toAppearMs } from './planner-input.ts';

export type OwnerVerdict =
  | { readonly kind: 'fine' }
  /** `silentMs`: since its last sign of life; null when it lives, or was never heard. */
  | { readonly kind: 'gone'; readonly evidence: Evidence; readonly silentMs: Millis | null }
  | {
      readonly kind: 'wait';
      readonly code: ProblemCode;
      readonly why: string;
      readonly untilMs: Millis | null;
    };

const FINE: OwnerVerdict = { kind: 'fine' };

export function judgeOwner(input: PlannerInput, group: GroupState, owner: NodeId): OwnerVerdict {
  const seen = nodeView(input.view, owner);
  if (seen === null) return wait('OWNER_SUSPECT', `${owner} is not watched yet`, null);
  if (seen.state === 'alive') return judgeLiving(input, group, seen);
  if (seen.proofOfDeath) {
    const words = 'connections closed and new ones refused on every interconnect';
    return gone(input, seen, 'proof-of-death', words);
  }
  if (seen.state === 'suspect') {
    return wait('OWNER_SUSPECT', `${owner} is silent for ${millis(seen.silentMs)}`, null);
  }
  return judgeSilent(input, group, seen);
}

function judgeSilent(input: PlannerInput, group: GroupState, seen: NodeView): OwnerVerdict {
  const { now, leaderSinceMs, times, ledger } = input;
  if (seen.silentMs === null) {
    // This daemon is young and has never heard the owner: perhaps it is about to.
    const untilMs = leaderSinceMs + BOOT_GRACE_DETECTIONS * times.detectionMs;
    if (now < untilMs) return wait('BOOT_GRACE', `${seen.node} was never heard here`, untilMs);
  }
  const leaseMs = ledger.remainderMs(group, now);
  if (seen.heardByOthers && leaseMs > 0) {
    const words = `${seen.node} is heard by another node; its lease may last ${millis(leaseMs)}`;
    return wait('OWNER_HEARD_BY_OTHERS', words, now + leaseMs);
  }
  const witnesses = seen.heardByOthers
    ? 'another node hears it, but its lease has run out'
    : 'nobody that is heard here hears it';
  return gone(input, seen, 'silence', `silent on every interconnect; ${witnesses}`);
}

/** The owner lives; does it do what was committed? */
function judgeLiving(input: PlannerInput, group: GroupState, seen: NodeView): OwnerVerdict {
  const { now, leaderSinceMs } = input;
  const name = group.definition.group;
  const local = seen.groups.find((one) => one.group === name) ?? null;
  if (local?.epoch === group.epoch && local.state === 'failed') {
    return gone(input, seen, 'reported', `${seen.node} reports that the group failed`);
  }
  if (local?.epoch === group.epoch && local.state !== 'stopped') {
    return isBeyondReach(input, group, seen, local.state) ? cutOff(input, seen) : FINE;
  }
  const { changedMs, idleSinceMs } = ageOf(input, name);
  const sinceMs = Math.max(changedMs, leaderSinceMs, idleSinceMs ?? now);
  const untilMs = sinceMs + patienceMs(input, group, local !== null && local.state !== 'stopped');
  if (now < untilMs) {
    return wait('OWNER_NOT_RUNNING', `${seen.node} does not run epoch ${group.epoch} yet`, untilMs);
  }
  const words = `${seen.node} lives (incarnation ${seen.incarnation}) but does not run the group`;
  return gone(input, seen, 'reported', `${words} in epoch ${group.epoch}`);
}

/**
 * Its lease has run out, so it is not seen and stands still; and it does not hear us, so it cannot have
 * another one. It would give up by itself at the hard expiry; nobody is served until then.
 */
function isBeyondReach(
  { view, ledger, now }: PlannerInput,
  group: GroupState,
  seen: NodeView,
  state: string,
): boolean {
  return state === 'frozen' && !isHeardBy(view, seen) && ledger.remainderMs(group, now) === 0;
}

function cutOff(input: PlannerInput, seen: NodeView): OwnerVerdict {
  const words = `${seen.node} is frozen without a lease and does not hear ${input.self}`;
  return gone(input, seen, 'reported', words);
}

/**
 * How long a living owner may take to show the group: it applies the assignment and says so in its
 * next heartbeat. One that still brings an older epoch down gets the time that its resources may take.
 */
function patienceMs(input: PlannerInput, group: GroupState, stopping: boolean): Millis {
  const toAppear = toAppearMs(input);
  const { resources } = group.definition;
  const toStop = resources.reduce((sum, { stopTimeoutMs }) => sum + stopTimeoutMs, 0);
  return stopping ? toAppear + toStop : toAppear;
}

function gone(
  { self, now, leaderSinceMs }: PlannerInput,
  seen: NodeView,
  kind: Evidence['kind'],
  detail: string,
): OwnerVerdict {
  const silences = Object.entries(seen.links).map(
    ([over, link]) => [over, link.silentMs ?? Math.max(0, now - leaderSinceMs)] as const,
  );
  const perInterconnectMs = Object.fromEntries(silences);
  const silentMs = kind === 'reported' ? null : seen.silentMs;
  return { kind: 'gone', evidence: { kind, observer: self, perInterconnectMs, detail }, silentMs };
}

function wait(code: ProblemCode, why: string, untilMs: Millis | null): OwnerVerdict {
  return { kind: 'wait', code, why, untilMs };
}

function millis(value: Millis | null): string {
  return value === null ? 'ever' : `${Math.round(value)} ms`;
}
