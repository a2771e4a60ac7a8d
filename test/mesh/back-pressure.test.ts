/**
 * A peer that does not read. The stream must neither spin nor grow without bound, and must go on
 * when the peer reads again: `stream.onDrain()` of libp2p resolves only once, so code that awaits it
 * passes a first stall and dies in the second. Hence several stalls here.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { linkState, received } from './support/cluster.ts';
import { Libp2pCluster } from './support/libp2p-cluster.ts';
import { append, heartbeat } from './support/messages.ts';

const AB = { from: 'a', to: 'b' };
const CHUNK = 512 * 1024;

let cluster: Libp2pCluster;
beforeEach(async () => {
  cluster = await Libp2pCluster.create(true);
});
afterEach(() => cluster.end());

test('a stream that stalls again and again goes on each time, and drops what is too much', async () => {
  const a = await cluster.start('a');
  const b = await cluster.start('b');
  for (const over of ['red', 'blue']) {
    await cluster.until(() => linkState(a, 'b', over) === 'open', 'open');
    await cluster.until(() => linkState(b, 'a', over) === 'open', 'open');
  }
  for (const round of [1, 2, 3]) {
    for (const over of ['red', 'blue']) cluster.cut('a', 'b', over);
    // 64 MiB for queues of 8 MiB: most of it must be dropped.
    for (let index = 0; index < 128; index += 1) {
      a.mesh.sendRaft({ ...append(AB, new Uint8Array(CHUNK)), term: round });
    }
    for (let sequence = 0; sequence < 1000; sequence += 1) {
      a.mesh.sendHeartbeat('b', 'red', heartbeat('a', round * 1000 + sequence));
    }
    for (const over of ['red', 'blue']) cluster.heal('a', 'b', over);
    const mark = 1000 + round;
    await cluster.until(() => {
      a.mesh.sendRaft({ ...append(AB, new Uint8Array(1)), term: mark });
      return received(b, 'raft').some(({ message }) => message.term === mark);
    }, 'it flows again');
    const delivered = received(b, 'raft').filter(({ message }) => message.term === round).length;
    expect(delivered).toBeGreaterThan(0);
    expect(delivered).toBeLessThan(64);
    // Of the heartbeats that could not leave, the newest did.
    const newest = round * 1000 + 999;
    await cluster.until(
      () => received(b, 'heartbeat').some((event) => event.heartbeat.sequence === newest),
      'the newest heartbeat arrives',
    );
  }
  expect(linkState(a, 'b', 'red')).toBe('open');
});
