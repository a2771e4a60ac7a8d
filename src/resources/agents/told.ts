/**
 * What a program of a resource is told about the failover, as environment variables. The same for every
 * type that starts one.
 *
 * - HOLDFAST_GROUP, HOLDFAST_RESOURCE, HOLDFAST_NODE, HOLDFAST_EPOCH: where it is.
 * - HOLDFAST_REASON: `boot`, `failover`, `move`, or `restart` (it ended here and comes again here).
 * - HOLDFAST_PREVIOUS_OWNER: the node that had the group before; empty for none.
 * - HOLDFAST_CLEAN: `yes` when whoever had it before stopped everything in order, `no` when it did
 *   not (what it wrote last may be half-written), `unknown` when nobody can tell.
 *
 * Reference: DESIGN §9.
 */
import type { Reason } from '../../cluster/command.ts';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { ActionContext } from '../agent.ts';

export type Circumstances = {
  readonly reason: Reason;
  /** See `ActionContext.clean`. */
  readonly clean: boolean | null;
};

/** Of a start that is the first in its epoch. */
export function circumstancesOf({ reason, clean }: ActionContext): Circumstances {
  return { reason, clean: clean ?? null };
}

export function told(
  { name }: ResourceDefinition,
  context: ActionContext,
  { reason, clean }: Circumstances,
): Readonly<Record<string, string>> {
  return {
    HOLDFAST_GROUP: context.group,
    HOLDFAST_RESOURCE: name,
    HOLDFAST_NODE: context.node,
    HOLDFAST_EPOCH: String(context.epoch),
    HOLDFAST_REASON: reason,
    HOLDFAST_PREVIOUS_OWNER: context.previousOwner ?? '',
    HOLDFAST_CLEAN: clean === null ? 'unknown' : clean ? 'yes' : 'no',
  };
}
