/**
 * Nodes that are connected by a mesh, whichever adapter it is: what a contract test can see and do.
 */
import type { Member } from '../../../src/cluster/definition.ts';
import type { Interconnect } from '../../../src/lib/ids.ts';
import type { Mesh, MeshEvent } from '../../../src/mesh/mesh.ts';
import type { Traffic } from '../../../src/mesh/router.ts';

export const INTERCONNECTS = ['red', 'blue'] as const;
export const NAMES = ['a', 'b', 'c'] as const;
export type Name = (typeof NAMES)[number];

export type TestNode = {
  readonly member: Member;
  readonly mesh: Mesh & { traffic(): Traffic };
  /** Everything that was told, oldest first. */
  readonly events: MeshEvent[];
};

export type StartOptions = {
  readonly clusterId?: string;
  /** A key that is on nobody's list. */
  readonly strange?: boolean;
};

export type TestCluster = {
  readonly members: readonly Member[];
  /** Starts a process of this node: the first one, or the next after `stop`. */
  start(name: Name, options?: StartOptions): Promise<TestNode>;
  /** Waits, or moves virtual time, until the predicate holds; throws after a generous bound. */
  until(predicate: () => boolean, what: string): Promise<void>;
  /** Lets time pass in which something could happen that must not: some round trips. */
  settle(): Promise<void>;
  /** Both ways: frames vanish, connections stay. */
  cut(one: Name, other: Name, over: Interconnect): void;
  heal(one: Name, other: Name, over: Interconnect): void;
  end(): Promise<void>;
};

export type Adapter = { readonly name: string; create(): Promise<TestCluster> };

/** What the node believes about a link, from the events that it was told. */
export function linkState(node: TestNode, peer: Name, over: Interconnect): string {
  const changes = node.events.filter(
    (event) => event.kind === 'link' && event.node === peer && event.over === over,
  );
  const last = changes.at(-1);
  return last?.kind === 'link' ? last.state : 'never';
}

export function received<K extends MeshEvent['kind']>(
  node: TestNode,
  kind: K,
): readonly Extract<MeshEvent, { kind: K }>[] {
  return node.events.filter((event): event is Extract<MeshEvent, { kind: K }> => {
    return event.kind === kind;
  });
}

export function refusals(node: TestNode): readonly string[] {
  return received(node, 'refusal').map(({ code }) => code);
}
