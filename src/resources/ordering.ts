/**
 * In which order the resources of a group come and go. There are two ways down: the orderly one is
 * the way up, reversed; on loss of the lease what is visible outside goes first, because somebody else
 * may be coming up, and order among the rest protects nobody any more.
 *
 * Pure: it knows names, needs and classes, not agents.
 *
 * Reference: DESIGN §7 (expiry), §9 (start order).
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import { type DependencyProblem, dependencyOrder } from '../cluster/dependency-order.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { RESOURCE_CLASSES, type ResourceClass } from './agent.ts';

/** Names; everything of a wave may run in parallel, a wave begins when the one before has ended. */
export type Waves = readonly (readonly string[])[];

const LOSS_ORDER: readonly (readonly ResourceClass[])[] = [
  ['address'],
  ['application'],
  ['mount', 'disk'],
];

/** Waves in which the resources may start: each needs only what stands in earlier waves. */
export function startOrder(
  resources: readonly ResourceDefinition[],
): Result<Waves, DependencyProblem> {
  return dependencyOrder(resources);
}

/** The orderly stop: whatever needs something stops before it. */
export function stopOrder(
  resources: readonly ResourceDefinition[],
): Result<Waves, DependencyProblem> {
  const order = dependencyOrder(resources);
  return order.ok ? success(order.value.toReversed()) : failure(order.error);
}

/**
 * The way down when the lease is lost: addresses, then applications, then the rest, whatever they
 * need. Within a wave in the order of the definition. Types without a class count as the rest.
 */
export function lossOrder(resources: readonly ResourceDefinition[]): Waves {
  return LOSS_ORDER.map((classes) =>
    resources
      .filter(({ type }) => classes.includes(RESOURCE_CLASSES[type] ?? 'disk'))
      .map(({ name }) => name),
  ).filter((wave) => wave.length > 0);
}
