/**
 * The emulated disk as a process serves it: conflicts for writers, flights cut short, bad input,
 * restarts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFenceDevice } from '../../../src/fencing/devices/choose.ts';
import { parseEmulated } from '../../../src/fencing/devices/emulated/address.ts';
import { EmulatedDevice, EmulatedDisk } from '../../../src/fencing/devices/emulated/client.ts';
import { DEFAULT_TARGET } from '../../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../../src/fencing/devices/emulated/server.ts';
import { MAX_LINE_BYTES } from '../../../src/fencing/devices/emulated/wire.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { ask } from '../../contract/fence-device.ts';

const soon = () => AbortSignal.timeout(10_000);

/** Writes stay in flight until the test lets them land. */
class Gate implements Clock {
  #release: (() => void)[] = [];
  now(): number {
    return 0;
  }
  after(): Promise<void> {
    return new Promise((resolve) => this.#release.push(resolve));
  }
  get waiting(): number {
    return this.#release.length;
  }
  open(): void {
    for (const release of this.#release.splice(0)) release();
  }
}

let directory: string;
let server: DiskServer;
let address: string;
let gate: Gate;
const opened: { close(): unknown }[] = [];

async function serve(writeDelayMs = 0): Promise<void> {
  gate = new Gate();
  server = new DiskServer({
    address: join(directory, 'disk.sock'),
    disks: { '0': { ...DEFAULT_TARGET, identity: 'naa.1' } },
    file: join(directory, 'image.json'),
    blocks: 16,
    writeDelayMs,
    clock: gate,
  });
  address = await server.start();
}

function kept<T extends { close(): unknown }>(it: T): T {
  opened.push(it);
  return it;
}

const disk = (initiator: string) =>
  kept(new EmulatedDisk({ address, lun: '0', initiator, path: 'a', timeoutMs: 10_000 }));
const device = (initiator: string) =>
  kept(new EmulatedDevice({ address, lun: '0', initiator, paths: ['a'], timeoutMs: 10_000 }));

async function takenBy(initiator: string, key: bigint): Promise<EmulatedDevice> {
  const made = device(initiator);
  await ask(made, { kind: 'register', current: 0n, key, aptpl: true });
  await ask(made, { kind: 'reserve', key, type: 1 });
  return made;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-disk-'));
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  gate.open();
  await server.stop();
  await rm(directory, { recursive: true });
});

describe('an application on an emulated disk', () => {
  it('reads what it wrote; a block that nobody wrote is empty', async () => {
    await serve();
    await takenBy('a', 1n);
    const ledger = disk('a');
    await ledger.writeBlock(3, Buffer.from('record'), soon());
    await ledger.flush(soon());
    expect((await ledger.readBlock(3, soon())).toString('utf8', 0, 6)).toBe('record');
    expect(await ledger.readBlock(4, soon())).toHaveLength(0);
  });

  it('of another node gets a conflict for writes and flushes, and may read', async () => {
    await serve();
    await takenBy('a', 1n);
    const other = disk('b');
    const refused = { code: 'RESERVATION_CONFLICT' };
    await expect(other.writeBlock(0, Buffer.from('x'), soon())).rejects.toMatchObject(refused);
    await expect(other.flush(soon())).rejects.toMatchObject(refused);
    expect(await other.readBlock(0, soon())).toHaveLength(0);
  });

  it('whose write is in flight when it is fenced is told that it did not happen', async () => {
    await serve(1);
    await takenBy('a', 1n);
    const write = disk('a').writeBlock(0, Buffer.from('late'), soon());
    const told = expect(write).rejects.toMatchObject({ code: 'DISK_WRITE_ABORTED' });
    await expect.poll(() => gate.waiting, { timeout: 10_000 }).toBe(1);
    const b = device('b');
    await ask(b, { kind: 'register', current: 0n, key: 2n, aptpl: true });
    await ask(b, { kind: 'preempt-and-abort', key: 2n, victim: 1n, type: 1 });
    gate.open();
    await told;
    expect(await disk('b').readBlock(0, soon())).toHaveLength(0);
  });

  it('sees a lost path when the disk is gone, and finds it again when it is back', async () => {
    await serve();
    await takenBy('a', 1n);
    const ledger = disk('a');
    await ledger.writeBlock(0, Buffer.from('kept'), soon());
    await ledger.flush(soon());
    await ledger.writeBlock(1, Buffer.from('only in the cache'), soon());
    await server.stop();
    const lost = { code: 'DISK_PATHS_LOST' };
    await expect(ledger.writeBlock(0, Buffer.from('x'), soon())).rejects.toMatchObject(lost);
    await serve();
    // The reservation has outlived the power loss: APTPL.
    await ledger.writeBlock(2, Buffer.from('again'), soon());
    expect((await ledger.readBlock(0, soon())).toString('utf8', 0, 4)).toBe('kept');
    expect(await ledger.readBlock(1, soon())).toHaveLength(0);
    const refused = { code: 'RESERVATION_CONFLICT' };
    await expect(disk('b').writeBlock(0, Buffer.from('x'), soon())).rejects.toMatchObject(refused);
  });

  it('does not write beyond the end', async () => {
    await serve();
    await expect(disk('a').writeBlock(16, Buffer.from('x'), soon())).rejects.toMatchObject({
      code: 'DISK_PATHS_LOST',
    });
    await expect(disk('a').writeBlock(0, Buffer.alloc(4097), soon())).rejects.toThrow(RangeError);
  });
});

describe('bad input', () => {
  it.each([
    'nonsense\n',
    '{}\n',
    '{"id":1,"lun":"0","nexus":"x","operation":{"kind":"format"}}\n',
    '{"id":1,"lun":"0","nexus":"x","operation":{"kind":"write","block":-1,"data":""}}\n',
    'x'.repeat(2 * MAX_LINE_BYTES),
  ])('%.60s ends the connection, and nobody else is disturbed', async (text) => {
    await serve();
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ path: address }, () => socket.write(text));
      socket.once('close', () => resolve());
      socket.once('error', reject);
      socket.setTimeout(10_000, () => reject(new Error('it stayed open')));
    });
    expect(await device('a').identity(soon())).toBe('naa.1');
  });

  it('a disk that the server does not have', async () => {
    await serve();
    const missing = await openFenceDevice({ device: `emulated:${address}#9`, initiator: 'a' });
    await expect(missing.identity(soon())).rejects.toMatchObject({ code: 'DISK_NOT_FOUND' });
    kept(missing);
  });

  it.each([
    'emulated:',
    'emulated:/run/x.sock',
    'emulated:host name:1#0',
    'emulated:1.2.3.4:99999#0',
  ])('the name %s', async (name) => {
    await serve();
    expect(() => parseEmulated(name)).toThrow(
      expect.objectContaining({ code: 'DISK_DEVICE_INVALID' }),
    );
  });
});
