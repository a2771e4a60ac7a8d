/** The emulated disk, over its socket, keeps the same contract as a real one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { EmulatedDevice, EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../src/fencing/devices/emulated/server.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { blank, FENCE_DEVICE_CONTRACT, type FenceLab } from '../contract/fence-device.ts';

describe.each(['a Unix socket', 'loopback TCP'])('an emulated disk on %s', (where) => {
  let directory: string;
  let server: DiskServer;
  let lab: FenceLab;
  const opened: { close(): void }[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-disk-'));
    server = new DiskServer({
      address: where === 'loopback TCP' ? '127.0.0.1:0' : join(directory, 'disk.sock'),
      disks: { '0': { ...DEFAULT_TARGET, identity: 'naa.6001405000000000' } },
      file: join(directory, 'image.json'),
      blocks: 64,
      writeDelayMs: 0,
      clock: monotonicClock,
    });
    const address = await server.start();
    const common = { address, lun: '0', timeoutMs: 10_000 };
    const device = (initiator: string) => {
      const made = new EmulatedDevice({ ...common, initiator, paths: ['a'] });
      opened.push(made);
      return made;
    };
    const disk = (initiator: string) => {
      const made = new EmulatedDisk({ ...common, initiator, path: 'a' });
      opened.push(made);
      return made;
    };
    const disks = { a: disk('a'), b: disk('b') };
    const write: FenceLab['write'] = async (who) => {
      try {
        await disks[who].writeBlock(1, Buffer.from(who), AbortSignal.timeout(10_000));
        return 'good';
      } catch (error) {
        if (error instanceof HoldfastError && error.code === 'RESERVATION_CONFLICT') {
          return 'reservation-conflict';
        }
        throw error;
      }
    };
    lab = { a: device('a'), b: device('b'), write };
  });

  afterAll(async () => {
    for (const each of opened) each.close();
    await server.stop();
    await rm(directory, { recursive: true });
  });

  it.each(FENCE_DEVICE_CONTRACT)('$name', async ({ run }) => {
    await blank(lab);
    await run(lab);
  });
});
