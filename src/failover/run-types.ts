/**
 * The words between a run (`group-run.ts`) and whoever carries it out: what happened, and what is to
 * be done. Plain data, so a trace of a run can be written down and fed back.
 */
import type { Command } from '../cluster/command.ts';
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';

export type ActionVerb = 'prepare' | 'start' | 'stop' | 'kill' | 'suspend' | 'resume';

/** The class decides what an action waits for and in which order a lost lease takes things down. */
export type RunClass = 'disk' | 'mount' | 'address' | 'application';

export type RunResourceState =
  | 'stopped'
  | 'preparing'
  | 'prepared'
  | 'starting'
  | 'started'
  | 'suspending'
  | 'suspended'
  | 'resuming'
  | 'stopping'
  | 'killing'
  | 'failed';

export type RunPhase = 'starting' | 'serving' | 'stopping' | 'killing' | 'down';

export type ActionEnd = {
  readonly ok: boolean;
  readonly code: string | null;
  readonly detail: string;
  readonly startedMs: Millis;
  readonly endedMs: Millis;
  /** Application only: when its process ran, before it answered. */
  readonly spawnedMs: Millis | null;
};

export type RunEvent =
  | { readonly kind: 'begin' }
  | {
      readonly kind: 'action-done';
      readonly resource: string;
      readonly verb: ActionVerb;
      readonly end: ActionEnd;
    }
  /** A monitor or watch found the resource not running or broken. */
  | {
      readonly kind: 'broken';
      readonly resource: string;
      readonly code: string;
      readonly detail: string;
    }
  | { readonly kind: 'lease'; readonly state: 'serve' | 'suspend' | 'resume' | 'lost' }
  /** A committed `release`, or the daemon is asked to stop. */
  | { readonly kind: 'stop' }
  /** Under maintenance now, by name: not watched, and what is found broken changes nothing. */
  | { readonly kind: 'paused'; readonly resources: readonly string[] }
  /** A newer epoch of the group is known: not ours any more, whoever has it. */
  | { readonly kind: 'superseded' }
  /** Every earlier epoch is known to be down: nothing is left of a lease that one would wait for. */
  | { readonly kind: 'predecessors-down' }
  | { readonly kind: 'deadline' };

export type RunEffect =
  | {
      readonly kind: 'act';
      readonly resource: string;
      readonly verb: ActionVerb;
      readonly timeoutMs: Millis;
    }
  | { readonly kind: 'watch'; readonly resource: string }
  | { readonly kind: 'unwatch'; readonly resource: string }
  | { readonly kind: 'propose'; readonly command: Command }
  | { readonly kind: 'lease'; readonly verb: 'begin' | 'end' }
  /** A thing that must not stay up cannot be brought down: reset the machine. */
  | { readonly kind: 'self-fence'; readonly cause: string }
  | { readonly kind: 'state'; readonly phase: RunPhase; readonly detail: string };

export type RunOptions = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly incarnation: number;
  readonly resources: readonly ResourceDefinition[];
  readonly classOf: (resource: ResourceDefinition) => RunClass;
  /** Nothing visible outside before this time on the local clock. */
  readonly visibleFromMs: Millis;
  /** How often an application that dies is started again here before the group is given away. */
  readonly restarts: { readonly count: number; readonly windowMs: Millis };
  readonly killTimeoutMs: Millis;
};

export type RunResource = {
  readonly name: string;
  readonly type: string;
  readonly state: RunResourceState;
  /** How the last action on it failed; null: it did not. */
  readonly code: string | null;
  /** Under maintenance. */
  readonly paused: boolean;
};
