/**
 * A node in a process of its own: answers each vote with the same term, until its input ends; then
 * it stops the mesh and must end by itself. Argument: JSON of `ChildOptions`.
 */
import type { Member } from '../../../src/cluster/definition.ts';
import { known } from '../../../src/lib/assert.ts';
import { loadOrCreateIdentity } from '../../../src/mesh/identity.ts';
import { Libp2pMesh } from '../../../src/mesh/libp2p-mesh.ts';
import { monotonicClock } from '../../../src/system/clock.ts';

export type ChildOptions = {
  readonly name: string;
  readonly members: readonly Member[];
  readonly dataDirectory: string;
  readonly interconnects: readonly string[];
};

const options = JSON.parse(known(process.argv[2], 'options')) as ChildOptions;
const self = known(
  options.members.find(({ node }) => node === options.name),
  'self',
);
const mesh = new Libp2pMesh({
  clusterId: 'cluster',
  self,
  incarnation: process.pid,
  identity: await loadOrCreateIdentity(options.dataDirectory),
  interconnects: options.interconnects,
  redialMs: 50,
  connectTimeoutMs: 1000,
  clock: monotonicClock,
});
mesh.events((event) => {
  if (event.kind !== 'raft' || event.message.kind !== 'vote') return;
  mesh.sendRaft({ ...event.message, from: self.node, to: event.message.from });
});
mesh.admit(options.members);
await mesh.start();
process.stdout.write('started\n');
process.stdin.on('end', async () => {
  await mesh.stop();
  process.stdout.write('stopped\n');
});
process.stdin.resume();
