import type { Millis, NodeId } from './ids.ts';

/**
 * The phases of a failover, in order. One constant list for logs, metrics, timeline, CLI, simulator
 * and benchmarks: a phase that is missing here exists nowhere.
 */
export const PHASES = [
  'detect',
  'elect',
  'decide',
  'fence',
  'mount',
  'address',
  'application',
  'serve',
] as const;

export type Phase = (typeof PHASES)[number];

/**
 * One phase as the node that ran it saw it. `startedMs` is that node's own monotonic clock and is
 * compared only with stamps of the same node and incarnation.
 */
export type PhaseStamp = {
  readonly phase: Phase;
  readonly node: NodeId;
  readonly startedMs: Millis;
  readonly durationMs: Millis;
  readonly incarnation: number;
};
