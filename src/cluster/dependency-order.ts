/**
 * The order in which the resources of one group may start: waves of names, each wave needing only
 * earlier ones (Kahn's algorithm, with the waves kept). Everything of a wave may run in parallel;
 * the orderly stop is the same list, reversed.
 *
 * It knows nothing of agents, deadlines or leases: `resources/` lays those over the waves, and
 * `config/` uses the same check, so that a file that loads can also be started.
 */
import { failure, type Result, success } from '../lib/result.ts';
import type { ResourceDefinition } from './definition.ts';

export type DependencyProblem =
  /** `cycle` begins and ends with the same name: each needs the next one. */
  | { readonly code: 'CYCLIC_DEPENDENCY'; readonly cycle: readonly string[] }
  | { readonly code: 'UNKNOWN_DEPENDENCY'; readonly resource: string; readonly needs: string }
  | { readonly code: 'DUPLICATE_NAME'; readonly resource: string };

type Dependent = Pick<ResourceDefinition, 'name' | 'needs'>;

/**
 * Waves of resource names; within a wave the order of the definition. A name that is needed twice
 * by the same resource counts once.
 */
export function dependencyOrder(
  resources: readonly Dependent[],
): Result<readonly (readonly string[])[], DependencyProblem> {
  const problem = misnamed(resources);
  if (problem !== null) return failure(problem);
  const waves: (readonly string[])[] = [];
  const started = new Set<string>();
  let waiting = resources;
  while (waiting.length > 0) {
    const wave = waiting.filter((resource) => resource.needs.every((name) => started.has(name)));
    if (wave.length === 0) {
      return failure({ code: 'CYCLIC_DEPENDENCY', cycle: cycleAmong(waiting, started) });
    }
    waves.push(wave.map((resource) => resource.name));
    for (const resource of wave) started.add(resource.name);
    waiting = waiting.filter((resource) => !started.has(resource.name));
  }
  return success(waves);
}

function misnamed(resources: readonly Dependent[]): DependencyProblem | null {
  const names = new Set<string>();
  for (const { name } of resources) {
    if (names.has(name)) return { code: 'DUPLICATE_NAME', resource: name };
    names.add(name);
  }
  for (const { name, needs } of resources) {
    const missing = needs.find((needed) => !names.has(needed));
    if (missing !== undefined)
      return { code: 'UNKNOWN_DEPENDENCY', resource: name, needs: missing };
  }
  return null;
}

/**
 * Each of `waiting` needs another one of `waiting` (else it would have been in the wave), so a walk
 * along those needs must come back to a name that it has seen, after at most `waiting.length` steps.
 */
function cycleAmong(
  waiting: readonly Dependent[],
  started: ReadonlySet<string>,
): readonly string[] {
  const next = new Map(
    waiting.map(({ name, needs }) => [name, needs.find((needed) => !started.has(needed)) ?? name]),
  );
  const walk: string[] = [];
  let name = waiting[0]?.name ?? '';
  while (!walk.includes(name)) {
    walk.push(name);
    name = next.get(name) ?? name;
  }
  return [...walk.slice(walk.indexOf(name)), name];
}
