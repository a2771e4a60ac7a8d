/**
 * Runs the contract of `FenceDevice` on a real disk and prints a report: `node
 * fence-device-runner.ts ADAPTER DEVICE_A DEVICE_B`, two block devices that are two nexuses of one
 * disk. Everything on the disk is lost. It runs in a guest of the laboratory, where starting vitest
 * would take longer than the suite.
 */
import { ADAPTERS, openFenceDevice } from '../../src/fencing/devices/choose.ts';
import { Fence } from '../../src/fencing/fence.ts';
import { proveIdle } from '../../src/fencing/idle-proof.ts';
import { packKey } from '../../src/fencing/protocol/key.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { run } from '../../src/system/run.ts';
import { blank, type Clause, FENCE_DEVICE_CONTRACT, type FenceLab } from './fence-device.ts';

export type ClauseReport = {
  readonly name: string;
  readonly error: string | null;
  readonly durationMs: number;
};

const [name, first = '', second = ''] = process.argv.slice(2);
const adapter = ADAPTERS.find((candidate) => candidate === name);
if (adapter === undefined) throw new Error(`adapter ${name} is not one of ${ADAPTERS.join(', ')}`);

const a = await openFenceDevice({ device: first, adapter, initiator: 'a', timeoutMs: 10_000 });
const b = await openFenceDevice({ device: second, adapter, initiator: 'b', timeoutMs: 10_000 });

async function write(who: 'a' | 'b'): Promise<'good' | 'reservation-conflict'> {
  const of = `of=${who === 'a' ? first : second}`;
  const argv = ['dd', 'if=/dev/zero', of, 'bs=4096', 'count=1', 'seek=256', 'oflag=direct'];
  const signal = AbortSignal.timeout(30_000);
  const { status, stderr } = await run([...argv, 'conv=notrunc'], { signal, timeoutMs: 30_000 });
  if (status === 0) return 'good';
  // EBADE, as the block layer names a reservation conflict.
  if (stderr.includes('Invalid exchange')) return 'reservation-conflict';
  throw new Error(stderr);
}

const lab: FenceLab = { a, b, write };

const takeover: Clause = {
  name: 'a whole takeover: idle proof, fence, page drop; the old owner writes no more',
  run: async () => {
    const fence = new Fence({ clock: monotonicClock });
    const facts = { identity: null, type: 1, volatileReservations: false } as const;
    for (const [device, node, predecessorFenced] of [
      [a, 1, false],
      [b, 2, true],
    ] as const) {
      const proof = await proveIdle(device.blockDevices);
      if (!proof.ok) throw new Error(JSON.stringify(proof.error));
      const held = await fence.takeOver({
        ...facts,
        device,
        key: packKey({ tag: 0x4846, node, epoch: node }),
        predecessorFenced,
        lastEpoch: 2,
        acceptLateWrites: false,
        signal: AbortSignal.timeout(30_000),
      });
      if (!held.ok) throw new Error(JSON.stringify(held.error));
      if (held.value.wasReset === predecessorFenced) throw new Error('reset against the rule');
      await proof.value.dropPages();
      await proof.value.release();
    }
    if ((await write('a')) !== 'reservation-conflict') throw new Error('the old owner wrote');
    if ((await write('b')) !== 'good') throw new Error('the new owner cannot write');
  },
};

const reports: ClauseReport[] = [];
for (const clause of [...FENCE_DEVICE_CONTRACT, takeover]) {
  const begunMs = performance.now();
  let error: string | null = null;
  try {
    await blank(lab);
    await clause.run(lab);
  } catch (failure) {
    error = failure instanceof Error ? failure.message : String(failure);
  }
  reports.push({ name: clause.name, error, durationMs: performance.now() - begunMs });
}
await blank(lab);
await Promise.all([a.close(), b.close()]);
process.stdout.write(`${JSON.stringify({ adapter, reports })}\n`);
