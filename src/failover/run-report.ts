/** What a run tells the cluster: its commands, and the phases that it has measured (DESIGN §2). */
import type { Command } from '../cluster/command.ts';
import type { Epoch, GroupId, Millis, NodeId } from '../lib/ids.ts';
import type { Phase, PhaseStamp } from '../lib/phases.ts';
import type { ActionEnd, RunClass } from './run-types.ts';

export type Reporter = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly node: NodeId;
  readonly incarnation: number;
};

export type Report =
  | { readonly kind: 'fenced'; readonly disk: string }
  | { readonly kind: 'serving'; readonly stamps: readonly PhaseStamp[] }
  | { readonly kind: 'stopped'; readonly clean: boolean }
  | { readonly kind: 'takeover-failed'; readonly code: string; readonly detail: string };

export function reportOf({ group, epoch, node }: Reporter, report: Report): Command {
  const guard = { group, expectedEpoch: epoch, node };
  return report.kind === 'stopped'
    ? { ...guard, ...report, proof: 'owner', secret: null }
    : { ...guard, ...report };
}

/** The phases that one start is worth; an application has two, since it runs before it answers. */
export function stampsOf(
  { node, incarnation }: Reporter,
  kind: RunClass,
  { startedMs, endedMs, spawnedMs }: ActionEnd,
): readonly PhaseStamp[] {
  const stamp = (phase: Phase, fromMs: Millis, toMs: Millis): PhaseStamp => ({
    phase,
    node,
    incarnation,
    startedMs: fromMs,
    durationMs: toMs - fromMs,
  });
  switch (kind) {
    case 'disk':
      return [stamp('fence', startedMs, endedMs)];
    case 'mount':
      return [stamp('mount', startedMs, endedMs)];
    case 'address':
      return [stamp('address', startedMs, endedMs)];
    case 'application': {
      const ranMs = spawnedMs ?? endedMs;
      return [stamp('application', startedMs, ranMs), stamp('serve', ranMs, endedMs)];
    }
  }
}
