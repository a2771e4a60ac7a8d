/**
 * A test cluster over libp2p on the loopback. Each interconnect is a network of its own (127.0.1.x,
 * 127.0.2.x). With gates, each pair of nodes meets through a proxy that a test can cut.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Member } from '../../../src/cluster/definition.ts';
import { known } from '../../../src/lib/assert.ts';
import type { Interconnect, NodeId } from '../../../src/lib/ids.ts';
import { type Identity, loadOrCreateIdentity } from '../../../src/mesh/identity.ts';
import { Libp2pMesh, type Libp2pMeshOptions } from '../../../src/mesh/libp2p-mesh.ts';
import { monotonicClock } from '../../../src/system/clock.ts';
import {
  type Adapter,
  INTERCONNECTS,
  NAMES,
  type Name,
  type StartOptions,
  type TestCluster,
  type TestNode,
} from './cluster.ts';
import { freePorts } from './free-ports.ts';
import { TcpGate } from './tcp-gate.ts';

/** Generous: the machine may be busy with something else. */
const BOUND_MS = 20_000;
const POLL_MS = 5;
const SETTLE_MS = 300;

export const libp2pAdapter: Adapter = { name: 'libp2p', create: () => Libp2pCluster.create(false) };
export const gatedAdapter: Adapter = {
  name: 'libp2p through wires that can be cut',
  create: () => Libp2pCluster.create(true),
};

export class Libp2pCluster implements TestCluster {
  readonly members: readonly Member[];
  readonly #identities: ReadonlyMap<Name, Identity>;
  /** `from>to>over`: where `from` finds `to`, instead of its own address. */
  readonly #gates: ReadonlyMap<string, { readonly address: string; readonly gate: TcpGate }>;
  readonly #directory: string;
  readonly #nodes: TestNode[] = [];
  #incarnation = 1000;

  static async create(gated: boolean): Promise<Libp2pCluster> {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-mesh-'));
    const identities = new Map<Name, Identity>();
    for (const name of NAMES) {
      identities.set(name, await loadOrCreateIdentity(join(directory, name)));
    }
    const members = await Promise.all(
      NAMES.map(async (node, index) => ({
        node,
        number: index + 1,
        peerId: known(identities.get(node), node).peerId,
        addresses: { red: await address(1, index + 1), blue: await address(2, index + 1) },
      })),
    );
    const gates = gated ? await openGates(members) : new Map();
    return new Libp2pCluster({ directory, identities, members, gates });
  }

  private constructor(parts: {
    directory: string;
    identities: ReadonlyMap<Name, Identity>;
    members: readonly Member[];
    gates: ReadonlyMap<string, { readonly address: string; readonly gate: TcpGate }>;
  }) {
    this.members = parts.members;
    this.#directory = parts.directory;
    this.#identities = parts.identities;
    this.#gates = parts.gates;
  }

  async start(
    name: Name,
    options: StartOptions & Partial<Libp2pMeshOptions> = {},
  ): Promise<TestNode> {
    const listed = known(
      this.members.find(({ node }) => node === name),
      name,
    );
    const identity = await this.identity(name, options.strange === true);
    const member = { ...listed, peerId: identity.peerId };
    this.#incarnation += 1;
    const { strange: _, clusterId = 'cluster', ...changes } = options;
    const mesh = new Libp2pMesh({
      ...changes,
      clusterId,
      self: member,
      incarnation: this.#incarnation,
      identity,
      interconnects: INTERCONNECTS,
      redialMs: 50,
      connectTimeoutMs: 2000,
      clock: monotonicClock,
    });
    const node: TestNode = { member, mesh, events: [] };
    mesh.events((event) => node.events.push(event));
    mesh.admit(this.seenBy(name));
    await mesh.start();
    this.#nodes.push(node);
    return node;
  }

  dataDirectory(name: Name): string {
    return join(this.#directory, name);
  }

  async identity(name: Name, strange: boolean): Promise<Identity> {
    if (strange) return loadOrCreateIdentity(join(this.#directory, `strange-${name}`));
    return known(this.#identities.get(name), name);
  }

  /** The member list with the addresses under which this node finds the others. */
  seenBy(name: Name): readonly Member[] {
    return this.members.map((member) => {
      const at = (over: Interconnect): string =>
        this.#gates.get(gateKey(name, member.node, over))?.address ??
        known(member.addresses[over], over);
      return { ...member, addresses: { red: at('red'), blue: at('blue') } };
    });
  }

  async until(predicate: () => boolean, what: string): Promise<void> {
    const limitMs = monotonicClock.now() + BOUND_MS;
    while (!predicate()) {
      if (monotonicClock.now() > limitMs) throw new Error(`not within ${BOUND_MS} ms: ${what}`);
      await pause(POLL_MS);
    }
  }

  settle(): Promise<void> {
    return pause(SETTLE_MS);
  }

  cut(one: Name, other: Name, over: Interconnect): void {
    for (const key of [gateKey(one, other, over), gateKey(other, one, over)]) {
      known(this.#gates.get(key), key).gate.cut();
    }
  }

  heal(one: Name, other: Name, over: Interconnect): void {
    for (const key of [gateKey(one, other, over), gateKey(other, one, over)]) {
      known(this.#gates.get(key), key).gate.heal();
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#nodes.map(({ mesh }) => mesh.stop()));
    await Promise.all([...this.#gates.values()].map(({ gate }) => gate.stop()));
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function openGates(members: readonly Member[]) {
  const gates = new Map<string, { readonly address: string; readonly gate: TcpGate }>();
  for (const from of members) {
    for (const to of members) {
      if (from === to) continue;
      for (const [index, over] of INTERCONNECTS.entries()) {
        const own = await address(index + 1, 100 + from.number);
        const gate = new TcpGate({ own, target: known(to.addresses[over], over) });
        await gate.start();
        gates.set(gateKey(from.node, to.node, over), { address: own, gate });
      }
    }
  }
  return gates;
}

async function address(network: number, host: number): Promise<string> {
  const ip = `127.0.${network}.${host}`;
  const [port] = await freePorts(ip, 1);
  return `${ip}:${port}`;
}

function gateKey(from: NodeId, to: NodeId, over: Interconnect): string {
  return `${from}>${to}>${over}`;
}

function pause(durationMs: number): Promise<void> {
  return monotonicClock.after(durationMs, new AbortController().signal);
}
