/**
 * `node stamper.ts DEVICE...`: the application that writes stamps to every disk of its group. Several
 * at once go past the page cache, so that some are on their way when the owner fails; others go into
 * it, so that the kernel still has some to write when this process is gone. Its epoch is
 * HOLDFAST_EPOCH. A write that is refused ends it with status 1.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicClock } from '../../../src/system/clock.ts';
import { offsetOf, SECTOR_BYTES, type Stamp, writeStamp } from './stamp.ts';

const LANES: readonly Stamp['way'][] = ['direct', 'direct', 'cached'];
/** Leaves the guest's processor to the others; not a wait for anything. */
const PACE_MS = 40;

const devices = process.argv.slice(2);
const epoch = Number(process.env['HOLDFAST_EPOCH']);
const node = Number(/\d+$/.exec(process.env['HOLDFAST_NODE'] ?? '')?.[0]);
if (devices.length === 0 || !(epoch > 0) || !(node > 0)) {
  process.stderr.write('usage: HOLDFAST_EPOCH=N HOLDFAST_NODE=nodeN stamper.ts DEVICE...\n');
  process.exit(2);
}

/** Node has it; the types of Node leave it to the browser's. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
};

/** O_DIRECT wants memory at a multiple of the sector; that of WebAssembly begins with a page. */
function aligned(): Buffer {
  return Buffer.from(new WebAssembly.Memory({ initial: 1 }).buffer, 0, SECTOR_BYTES);
}

async function stampFor(disk: FileHandle, lun: number, way: Stamp['way'], next: () => number) {
  const sector = aligned();
  for (;;) {
    const stamp: Stamp = { epoch, node, lun, way, sequence: next(), guestMs: monotonicClock.now() };
    writeStamp(sector, stamp);
    await disk.write(sector, 0, SECTOR_BYTES, offsetOf(stamp));
    await pause(PACE_MS);
  }
}

/** Ends only by an error. */
async function stampDisk(device: string, lun: number): Promise<void> {
  const last = { direct: 0, cached: 0 };
  const lanes = LANES.map(async (way) => {
    const past = way === 'direct' ? constants.O_DIRECT : 0;
    const disk = await open(device, constants.O_WRONLY | past);
    await stampFor(disk, lun, way, () => {
      last[way] += 1;
      return last[way];
    });
  });
  await Promise.race(lanes);
}

await Promise.all(devices.map(stampDisk)).catch((error: unknown) => {
  process.stderr.write(`stamper: epoch ${epoch} on node${node}: ${String(error)}\n`);
  process.exit(1);
});
