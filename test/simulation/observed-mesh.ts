/** The mesh of one node, which the checkers hear: votes that leave, and questions for leases. */
import type { ControlMessage } from '../../src/failover/control.ts';
import { known } from '../../src/lib/assert.ts';
import { MemoryMesh } from '../../src/mesh/memory-mesh.ts';
import type { RaftMessage } from '../../src/raft/types.ts';
import type { Cluster } from './cluster.ts';
import type { Machine } from './machine.ts';
import { TRUSTING } from './trusting-codec.ts';

export class ObservedMesh extends MemoryMesh {
  readonly #cluster: Cluster;
  readonly #machine: Machine;

  constructor(cluster: Cluster, machine: Machine, incarnation: number) {
    const { clusterId, interconnects, members } = cluster.configOf(machine.name);
    const self = known(
      members.find((member) => member.node === machine.name),
      `member ${machine.name}`,
    );
    const { network, options } = cluster;
    const times = { redialMs: 50, connectTimeoutMs: 200 };
    const codec = options.trusting === true ? { codec: TRUSTING } : {};
    super({ network, clusterId, self, incarnation, interconnects, ...times, ...codec });
    this.#cluster = cluster;
    this.#machine = machine;
  }

  override sendRaft(message: RaftMessage): void {
    this.#cluster.checkers.raft.sent(message);
    super.sendRaft(message);
  }

  override sendControl(message: ControlMessage): void {
    if (message.kind === 'lease-request') {
      const { group, epoch, requestId } = message;
      const { lease } = this.#cluster.checkers;
      lease.asked(this.#machine.name, group, epoch, requestId, this.#machine.hostNow);
    }
    super.sendControl(message);
  }
}
