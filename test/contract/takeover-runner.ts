/**
 * One takeover of a real disk, as the disk agent does it, and a report: `node takeover-runner.ts
 * DEVICE NODE EPOCH first|after-fenced [ADAPTER] [TYPE]`. For guests of the laboratory. Everything on the
 * disk may be lost.
 */

import { openFenceDevice } from '../../src/fencing/devices/choose.ts';
import { createDiskAgent } from '../../src/resources/agents/disk.ts';
import { monotonicClock } from '../../src/system/clock.ts';

const [device = '', node = '1', epoch = '1', history = 'first', adapter = 'scsi', type = '1'] =
  process.argv.slice(2);
const signal = AbortSignal.timeout(60_000);
const looked = await openFenceDevice({ device, initiator: 'unused' });
const identity = await looked.identity(signal);
await looked.close();

const agent = createDiskAgent({ initiator: 'unused', sabotage: { fence: false } });
const definition = {
  name: 'disk',
  type: 'disk',
  needs: [],
  parameters: { identity, device, adapter, 'reservation-type': Number(type) },
  startTimeoutMs: 60_000,
  stopTimeoutMs: 10_000,
  monitorIntervalMs: 1000,
  monitorTimeoutMs: 10_000,
};
const context = {
  group: 'group',
  node: `node${node}`,
  nodeNumber: Number(node),
  clusterId: 'takeover-runner',
  epoch: Number(epoch),
  reason: 'failover',
  previousOwner: null,
  resources: [definition],
  predecessorFenced: history === 'after-fenced',
  lastEpoch: Number(epoch),
  signal,
} as const;

const timed = async <T>(work: () => Promise<T>) => {
  const begunMs = monotonicClock.now();
  const outcome = await work();
  return { outcome, durationMs: Math.round(monotonicClock.now() - begunMs) };
};
const fitness = await timed(() => agent.fitness(definition, context));
const start = await timed(() => agent.start(definition, context));
const monitor = await timed(() => agent.monitor(definition, context));
process.stdout.write(`${JSON.stringify({ fitness, start, monitor })}\n`);
process.exit(0);
