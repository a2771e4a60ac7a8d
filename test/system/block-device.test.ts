/**
 * The identity in a VPD page 83h, and the refusal of what is no disk. Claims: test/fencing/real-
 * disk.lab.test.ts.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  findBlockDevice,
  findByIdentity,
  identityOf,
  readDirect,
} from '../../src/system/block-device.ts';

const page = (...designators: readonly string[]) => {
  const body = Buffer.from(designators.join(''), 'hex');
  const header = Buffer.from([0, 0x83, body.length >> 8, body.length & 0xff]);
  return Buffer.concat([header, body]);
};
const NAA = '01030010' + '6001405ab00000000000000000000000';
const EUI = '01020008' + '0011223344556677';
const T10 = `02010008${Buffer.from('LIO-ORG\0').toString('hex')}`;
const PORT = '51940004' + '00000001';

describe('the identity of a disk', () => {
  it('is its NAA designator, wherever it stands in the page', () => {
    const wanted = 'naa.6001405ab00000000000000000000000';
    expect(identityOf(page(NAA, T10, PORT))).toBe(wanted);
    expect(identityOf(page(PORT, T10, EUI, NAA))).toBe(wanted);
  });

  it('is the EUI-64, else the vendor text, where there is no NAA', () => {
    expect(identityOf(page(T10, EUI))).toBe('eui.0011223344556677');
    expect(identityOf(page(PORT, T10))).toBe('t10.LIO-ORG');
  });

  it('is not that of a port, and not made up for a garbled page', () => {
    expect(identityOf(page(PORT))).toBeNull();
    expect(identityOf(Buffer.alloc(0))).toBeNull();
    expect(identityOf(Buffer.from([0, 0x80, 0, 4, 1, 2, 3, 4]))).toBeNull();
    expect(identityOf(page(NAA).subarray(0, 6))).not.toBe('naa.6001405ab00000000000000000000000');
  });
});

describe('what is no disk', () => {
  it('is refused by its name', async () => {
    const refused = { code: 'DISK_DEVICE_INVALID' };
    await expect(findBlockDevice('/dev/no-such-disk')).rejects.toMatchObject(refused);
    await expect(findBlockDevice('/dev/null')).rejects.toMatchObject(refused);
    expect(await findByIdentity('naa.nobody')).toEqual([]);
  });
});

describe('a read that no cache answers', () => {
  it('fails for a missing device, and is not begun after the deadline', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-read-'));
    const path = join(directory, 'missing');
    const soon = AbortSignal.timeout(10_000);
    await expect(readDirect(path, soon)).rejects.toMatchObject({ code: 'DISK_PATHS_LOST' });
    await writeFile(path, 'x');
    const late = AbortSignal.abort();
    await expect(readDirect(path, late)).rejects.toMatchObject({ code: 'DISK_PATH_SLOW' });
    await rm(directory, { recursive: true });
  });
});
