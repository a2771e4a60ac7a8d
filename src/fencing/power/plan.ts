/**
 * Cutting a node's power, as a pure state machine: which device is asked for what, how often, after
 * which pause, and when the node counts as down.
 *
 * The intuition: an agent's word is not enough. A management board says "done" and does nothing, or
 * is cut off after it did it. So what counts is the state that is read back, whatever the order was
 * answered with. The fear: to wait for ever for a board that died with its machine; so everything is
 * bounded, and the operator says whether a group then starts all the same.
 *
 * Levels are tried in their order; within a level every device has to succeed (two power supplies).
 * It runs nothing: `power-fence.ts` does. Reference: FenceAgentAPI.md of fence-agents (actions and
 * exit statuses); Pacemaker Explained, "Fencing Topologies".
 */
import { known } from '../../lib/assert.ts';
import type { Millis } from '../../lib/ids.ts';

export type PowerDevice = {
  /** `fence_ipmilan`, or an absolute path. */
  readonly program: string;
  /** What the agent is told besides the action, such as `ip=10.0.0.1`. */
  readonly options: Readonly<Record<string, string>>;
  /** 1 is tried first. */
  readonly level: number;
  /** Before the first attempt: lets one of two nodes that fence each other win. */
  readonly delayMs: Millis;
  /** Attempts after the first one. */
  readonly retries: number;
  readonly retryDelayMs: Millis;
  /** Of one run of the agent. */
  readonly timeoutMs: Millis;
  /** Read the state back. Without it the agent's word counts. */
  readonly verify: boolean;
};

export type PowerGoal = {
  /** `reboot`: off, and on again as soon as it is known to be off. */
  readonly action: 'off' | 'reboot';
  /** Of the one node that is to be down. Not empty. */
  readonly devices: readonly PowerDevice[];
};

export type AgentAction = 'off' | 'on' | 'status';
export type PowerCommand = {
  readonly device: PowerDevice;
  readonly action: AgentAction;
  readonly afterMs: Millis;
};

/** `status` is the exit status of the agent; null: it did not answer in time or did not start. */
export type PowerInput = { readonly status: number | null; readonly said: string };

type Facts = {
  readonly goal: PowerGoal;
  /** Levels that are left, the one at work first. */
  readonly levels: readonly (readonly PowerDevice[])[];
  /** Devices of this level that are not down yet, the one at work first. */
  readonly left: readonly PowerDevice[];
  readonly attempt: number;
  readonly reasons: readonly string[];
};

export type PowerState =
  | { readonly kind: 'ordering'; readonly facts: Facts }
  | { readonly kind: 'verifying'; readonly facts: Facts; readonly ordered: PowerInput }
  /** The node is down; what is left is to bring it up again. */
  | { readonly kind: 'restoring'; readonly facts: Facts; readonly left: readonly PowerDevice[] }
  | { readonly kind: 'down'; readonly level: number; readonly reasons: readonly string[] }
  | { readonly kind: 'failed'; readonly reasons: readonly string[] };

export type PowerStep = { readonly state: PowerState; readonly command: PowerCommand | null };

/** FenceAgentAPI.md: `status` ends with 0 when the machine is on, with 2 when it is off. */
const DONE = 0;
const IS_OFF = 2;

export function beginPowerFence(goal: PowerGoal): PowerStep {
  const numbers = [...new Set(goal.devices.map(({ level }) => level))].toSorted((a, b) => a - b);
  const levels = numbers.map((level) => goal.devices.filter((device) => device.level === level));
  const left = known(levels[0], 'a device');
  return emit({ kind: 'ordering', facts: { goal, levels, left, attempt: 0, reasons: [] } });
}

export function stepPowerFence(state: PowerState, input: PowerInput): PowerStep {
  switch (state.kind) {
    case 'ordering':
      return emit(onOrdered(state.facts, input));
    case 'verifying':
      return emit(onStatus(state.facts, state.ordered, input));
    case 'restoring': {
      // It is down, and that was the point: what does not come up again is only told.
      const device = known(state.left[0], 'a device');
      const facts = input.status === DONE ? state.facts : noted(state.facts, device, 'on', input);
      return emit(restore(facts, state.left.slice(1)));
    }
    default:
      return { state, command: null };
  }
}

function onOrdered(facts: Facts, input: PowerInput): PowerState {
  const device = known(facts.left[0], 'a device');
  if (device.verify) return { kind: 'verifying', facts, ordered: input };
  return input.status === DONE ? nextDevice(facts) : retry(noted(facts, device, 'off', input));
}

function onStatus(facts: Facts, ordered: PowerInput, input: PowerInput): PowerState {
  if (input.status === IS_OFF) return nextDevice(facts);
  const device = known(facts.left[0], 'a device');
  const first = ordered.status === DONE ? facts : noted(facts, device, 'off', ordered);
  return retry(noted(first, device, 'status', input));
}

function nextDevice(facts: Facts): PowerState {
  const left = facts.left.slice(1);
  if (left.length > 0) return { kind: 'ordering', facts: { ...facts, left, attempt: 0 } };
  const level = known(facts.levels[0], 'a level');
  return restore(facts, facts.goal.action === 'reboot' ? level : []);
}

function restore(facts: Facts, left: readonly PowerDevice[]): PowerState {
  if (left.length > 0) return { kind: 'restoring', facts, left };
  const level = known(facts.levels[0]?.[0], 'a level').level;
  return { kind: 'down', level, reasons: facts.reasons };
}

function retry(facts: Facts): PowerState {
  const device = known(facts.left[0], 'a device');
  if (facts.attempt < device.retries) {
    return { kind: 'ordering', facts: { ...facts, attempt: facts.attempt + 1 } };
  }
  const levels = facts.levels.slice(1);
  const [left] = levels;
  if (left === undefined) return { kind: 'failed', reasons: facts.reasons };
  return { kind: 'ordering', facts: { ...facts, levels, left, attempt: 0 } };
}

function noted(
  facts: Facts,
  device: PowerDevice,
  action: AgentAction,
  { status, said }: PowerInput,
): Facts {
  const outcome = status === null ? 'no answer in time' : meaning(action, status);
  const words = said === '' ? '' : ` (${said})`;
  const reason = `level ${device.level}, ${device.program} ${action}: ${outcome}${words}`;
  return { ...facts, reasons: [...facts.reasons, reason] };
}

function meaning(action: AgentAction, status: number): string {
  return action === 'status' && status === DONE ? 'the machine is still on' : `status ${status}`;
}

function emit(state: PowerState): PowerStep {
  switch (state.kind) {
    case 'ordering': {
      const device = known(state.facts.left[0], 'a device');
      const afterMs = state.facts.attempt === 0 ? device.delayMs : device.retryDelayMs;
      return { state, command: { device, action: 'off', afterMs } };
    }
    case 'verifying': {
      const device = known(state.facts.left[0], 'a device');
      return { state, command: { device, action: 'status', afterMs: 0 } };
    }
    case 'restoring': {
      const device = known(state.left[0], 'a device');
      return { state, command: { device, action: 'on', afterMs: 0 } };
    }
    default:
      return { state, command: null };
  }
}
