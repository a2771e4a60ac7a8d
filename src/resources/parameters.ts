/**
 * The parameters of a resource as an agent wants them. Files are checked when they are read, but a
 * definition may also come from a snapshot of an older version, so agents look again.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import { HoldfastError } from '../lib/error.ts';

/** @throws HoldfastError RESOURCE_MISCONFIGURED when it is missing or no text. */
export function requiredText(definition: ResourceDefinition, name: string): string {
  const value = optionalText(definition, name);
  if (value === null) throw misconfigured(definition, name, 'is missing');
  return value;
}

/** @throws HoldfastError RESOURCE_MISCONFIGURED when it is there and no text. */
export function optionalText(definition: ResourceDefinition, name: string): string | null {
  const value = definition.parameters[name];
  if (value === undefined) return null;
  if (typeof value !== 'string' || value === '')
    throw misconfigured(definition, name, 'is no text');
  return value;
}

/**
 * A list of words; a missing one is empty, a single text is a list of one.
 *
 * @throws HoldfastError RESOURCE_MISCONFIGURED
 */
export function words(definition: ResourceDefinition, name: string): readonly string[] {
  const value = definition.parameters[name];
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object') throw misconfigured(definition, name, 'is no list of words');
  return value;
}

export function misconfigured(
  { name, type }: ResourceDefinition,
  parameter: string,
  reason: string,
): HoldfastError {
  return new HoldfastError('RESOURCE_MISCONFIGURED', { resource: name, type, parameter, reason });
}
