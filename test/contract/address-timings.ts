/**
 * Measures what the actions of an address cost on this machine: `node address-timings.ts`, in a network
 * namespace of its own. One line of JSON: milliseconds at the median and at most.
 */
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { nftables, nftablesCommand } from '../../src/system/nftables.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import {
  addressOn,
  addressOnMac,
  filter,
  floatingIp,
  lease,
  MAC,
  virtualMac,
} from '../resources/stories/labs.ts';
import { contextOf } from '../resources/support/definitions.ts';
import { NetworkStage, PUBLIC } from '../resources/support/network-stage.ts';

const ROUNDS = 15;
const taken = new Map<string, number[]>();

async function timed(name: string, act: () => Promise<unknown>): Promise<void> {
  const beganMs = clock.now();
  await act();
  taken.set(name, [...(taken.get(name) ?? []), clock.now() - beganMs]);
}

const stage = await NetworkStage.build();
const context = contextOf({ resources: [MAC] });
const address = '192.0.2.9';
const plain = addressOn(PUBLIC, `${address}/24`);
const slow = new PacketFilter({ clusterId: 'slow', clock, nftables: nftablesCommand });
for (let round = 0; round < ROUNDS; round += 1) {
  await timed('floating-ip prepare', () => floatingIp.prepare(plain, context));
  await timed('filter renewed', () => lease(address));
  await timed('floating-ip start', () => floatingIp.start(plain, context));
  await timed('floating-ip monitor', () => floatingIp.monitor(plain, context));
  await timed('floating-ip suspend', () => floatingIp.suspend(plain, context));
  await timed('floating-ip stop', () => floatingIp.stop(plain, context));
  await timed('virtual-mac prepare', () => virtualMac.prepare(MAC, context));
  await timed('virtual-mac start', () => virtualMac.start(MAC, context));
  await lease('192.0.2.10');
  const above = addressOnMac('192.0.2.10/24');
  await timed('floating-ip on virtual MAC start', () => floatingIp.start(above, context));
  await floatingIp.kill(above, context);
  await timed('virtual-mac stop', () => virtualMac.stop(MAC, context));
  await timed('filter renewed by a process', () => slow.open([address], clock.now() + 60_000));
}
/** How much later than asked the kernel lets an address fall silent. */
for (let round = 0; round < 5; round += 1) {
  const untilMs = clock.now() + 150;
  await filter.open([address], untilMs);
  while (await filter.isLive(address));
  taken.set('silence after its time', [
    ...(taken.get('silence after its time') ?? []),
    clock.now() - untilMs,
  ]);
}
await stage.destroy();
const rounded = (value: number | undefined) => Math.round((value ?? 0) * 100) / 100;
const rows = [...taken].map(([name, values]) => {
  const sorted = values.toSorted((a, b) => a - b);
  return [name, { median: rounded(sorted[sorted.length >> 1]), most: rounded(sorted.at(-1)) }];
});
process.stdout.write(
  `${JSON.stringify({ engine: nftables().name, ...Object.fromEntries(rows) })}\n`,
);
process.exit(0);
