/**
 * On which device an address (or a route) of a group belongs: one that the definition names, or the
 * virtual MAC's, whose name follows from cluster, group and resource.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { ActionContext } from '../agent.ts';
import { misconfigured, optionalText, requiredText } from '../parameters.ts';
import { virtualMacDevice } from './virtual-mac.ts';

export type Place = {
  readonly address: string;
  readonly device: string;
  /** A device that is up even before the virtual MAC is: where the wire can be asked. */
  readonly through: string;
};

export function placeOf(definition: ResourceDefinition, context: ActionContext): Place {
  const address = requiredText(definition, 'address');
  const device = deviceOf(definition, context);
  const below = virtualMacOf(definition, context);
  return { address, device, through: below === null ? device : requiredText(below, 'parent') };
}

export function deviceOf(definition: ResourceDefinition, context: ActionContext): string {
  const below = virtualMacOf(definition, context);
  return below === null
    ? requiredText(definition, 'device')
    : virtualMacDevice(below.name, context);
}

function virtualMacOf(
  definition: ResourceDefinition,
  context: ActionContext,
): ResourceDefinition | null {
  const name = optionalText(definition, 'on');
  if (name === null) return null;
  const found = context.resources.find((resource) => resource.name === name);
  if (found?.type === 'virtual-mac') return found;
  throw misconfigured(definition, 'on', `no virtual-mac resource ${name}`);
}
