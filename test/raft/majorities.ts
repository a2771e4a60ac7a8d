/** Majorities by their definition, for properties: sets of nodes instead of arithmetic. */
import { settled, towards } from '../../src/raft/change.ts';
import { votersOf } from '../../src/raft/configuration.ts';
import type { ChangeTarget, Configuration } from '../../src/raft/types.ts';

/** Every subset of `nodes`. */
export function subsetsOf(nodes: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: 2 ** nodes.length }, (_, bits) =>
    nodes.filter((_node, i) => (bits >> i) % 2 === 1),
  );
}

/** More than half of each half that is not empty. */
export function isQuorum({ voters, outgoing }: Configuration, set: readonly string[]): boolean {
  return [voters, outgoing].every((half) => {
    const there = half.filter((node) => set.includes(node)).length;
    return half.length === 0 || 2 * there > half.length;
  });
}

/**
 * A quorum of one that no member of some quorum of the other belongs to, or null. Larger sets of
 * voters are quorums too, so it is enough to try each set against its complement.
 */
export function disjointQuorum(one: Configuration, other: Configuration): readonly string[] | null {
  const nodes = [...new Set([...votersOf(one), ...votersOf(other)])];
  const found = subsetsOf(nodes).find(
    (set) =>
      isQuorum(one, set) &&
      isQuorum(
        other,
        nodes.filter((node) => !set.includes(node)),
      ),
  );
  return found ?? null;
}

/** Each configuration that is in force on the way, the first one included; null when it is refused. */
export function pathTo(from: Configuration, target: ChangeTarget): readonly Configuration[] | null {
  const first = towards(from, target);
  if (!first.ok) return null;
  if (first.value.outgoing.length === 0) return [from, first.value];
  return [from, first.value, settled(first.value)];
}
