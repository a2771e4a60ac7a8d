/**
 * `node stamper.ts DEVICE...`: the application that writes stamps to every disk of its group, past
 * the page cache and several at once, so that some are always on their way when the owner fails. Its
 * epoch is HOLDFAST_EPOCH. A write that is refused ends it with status 1.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicClock } from '../../../src/system/clock.ts';
import { offsetOf, SECTOR_BYTES, type Stamp, writeStamp } from './stamp.ts';

const LANES = 3;
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

async function lane(disk: FileHandle, lun: number, next: () => number): Promise<never> {
  const sector = aligned();
  for (;;) {
    const stamp: Stamp = { epoch, node, lun, sequence: next(), guestMs: monotonicClock.now() };
    writeStamp(sector, stamp);
    await disk.write(sector, 0, SECTOR_BYTES, offsetOf(stamp));
    await pause(PACE_MS);
  }
}

async function stampDisk(device: string, lun: number): Promise<never> {
  const disk = await open(device, constants.O_WRONLY | constants.O_DIRECT);
  let last = 0;
  const next = () => {
    last += 1;
    return last;
  };
  return await Promise.race(Array.from({ length: LANES }, () => lane(disk, lun, next)));
}

await Promise.all(devices.map(stampDisk)).catch((error: unknown) => {
  process.stderr.write(`stamper: epoch ${epoch} on node${node}: ${String(error)}\n`);
  process.exit(1);
});
