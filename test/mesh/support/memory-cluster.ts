/** A test cluster over the network in memory, in virtual time. */
import type { Member } from '../../../src/cluster/definition.ts';
import { MemoryMesh } from '../../../src/mesh/memory-mesh.ts';
import { MemoryNetwork } from '../../../src/mesh/memory-network.ts';
import { VirtualTime } from '../../../src/mesh/virtual-time.ts';
import {
  type Adapter,
  INTERCONNECTS,
  NAMES,
  type Name,
  type StartOptions,
  type TestCluster,
  type TestNode,
} from './cluster.ts';

const BOUND_MS = 60_000;

export const memoryAdapter: Adapter = {
  name: 'memory',
  create: async () => new MemoryCluster(),
};

class MemoryCluster implements TestCluster {
  readonly #time = new VirtualTime();
  readonly #network = new MemoryNetwork({ scheduler: this.#time, latencyMs: 0.5 });
  #incarnation = 1000;
  readonly members: readonly Member[] = NAMES.map((node, index) => ({
    node,
    number: index + 1,
    peerId: `peer-${node}`,
    addresses: { red: `192.0.2.${index + 1}:7400`, blue: `198.51.100.${index + 1}:7400` },
  }));

  async start(name: Name, options: StartOptions = {}): Promise<TestNode> {
    const listed = this.members.find(({ node }) => node === name);
    if (listed === undefined) throw new Error(`no member ${name}`);
    const member = options.strange === true ? { ...listed, peerId: `strange-${name}` } : listed;
    this.#incarnation += 1;
    const mesh = new MemoryMesh({
      network: this.#network,
      clusterId: options.clusterId ?? 'cluster',
      self: member,
      incarnation: this.#incarnation,
      interconnects: INTERCONNECTS,
      redialMs: 100,
      connectTimeoutMs: 1000,
    });
    const node: TestNode = { member, mesh, events: [] };
    mesh.events((event) => node.events.push(event));
    mesh.admit(this.members);
    await mesh.start();
    return node;
  }

  async until(predicate: () => boolean, what: string): Promise<void> {
    const limitMs = this.#time.now() + BOUND_MS;
    while (!predicate()) {
      if (this.#time.now() > limitMs) throw new Error(`not within ${BOUND_MS} ms: ${what}`);
      this.#time.advance(1);
      // What waits for a promise gets its turn.
      await Promise.resolve();
    }
  }

  async settle(): Promise<void> {
    this.#time.advance(500);
  }

  cut(one: Name, other: Name, over: string): void {
    this.#network.cut(one, other, over);
    this.#network.cut(other, one, over);
  }

  heal(one: Name, other: Name, over: string): void {
    this.#network.heal(one, other, over);
    this.#network.heal(other, one, over);
  }

  async end(): Promise<void> {}
}
