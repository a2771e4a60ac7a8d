/** Made for failover groups: a small journal, and nothing overwritten unasked. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, format, formatCommand } from '../../src/system/format.ts';
import { run } from '../../src/system/run.ts';

const calm = new AbortController().signal;
const MIB = 1024 * 1024;

let directory = '';
let file = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-format-'));
  file = join(directory, 'disk');
  await writeFile(file, '');
  await truncate(file, 400 * MIB);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const missing = ['mkfs.ext4', 'mkfs.xfs', 'xfs_db', 'dumpe2fs', 'wipefs'].filter((program) => {
  return ['/usr/sbin', '/sbin', '/usr/bin'].every((place) => !existsSync(join(place, program)));
});
const skip = missing.length > 0;
if (skip) process.stderr.write(`formatting is not tried: ${missing.join(', ')} missing\n`);

const said = async (...argv: string[]) => {
  return (await run(argv, { signal: calm, timeoutMs: 20_000 })).stdout;
};

describe.skipIf(skip)('what a disk carries', () => {
  it('nothing, some data, a file system', async () => {
    expect(await contentOf(file, calm)).toEqual([]);
    await format({ device: file, type: 'ext4', label: null, bytes: 400 * MIB }, calm);
    expect(await contentOf(file, calm)).toEqual(['ext4']);
    await writeFile(file, 'a database that writes raw');
    expect(await contentOf(file, calm)).toEqual(['data']);
  });

  it('is not known of a device that is not there', async () => {
    await expect(contentOf(join(directory, 'none'), calm)).rejects.toMatchObject({
      code: 'DEVICE_UNREADABLE',
    });
  });
});

describe.skipIf(skip)('a file system for a group', () => {
  it('ext4: a small journal, read-only after an error, no blocks kept back', async () => {
    await format({ device: file, type: 'ext4', label: 'ledger', bytes: 400 * MIB }, calm);
    const facts = await said('dumpe2fs', '-h', file);
    expect(facts).toMatch(/Filesystem volume name: +ledger/);
    expect(facts).toMatch(/Total journal size: +4096k/);
    expect(facts).toMatch(/Errors behavior: +Remount read-only/);
    expect(facts).toMatch(/Reserved block count: +0/);
    expect(facts).toMatch(/metadata_csum/);
  });

  it('XFS: a log of 64 MiB', async () => {
    await format({ device: file, type: 'xfs', label: 'ledger', bytes: 400 * MIB }, calm);
    const facts = await said('xfs_db', '-r', '-c', 'sb 0', '-c', 'p logblocks blocksize', file);
    const [, blocks] = /logblocks = (\d+)/.exec(facts) ?? [];
    const [, bytes] = /blocksize = (\d+)/.exec(facts) ?? [];
    expect(Number(blocks) * Number(bytes)).toBe(64 * MIB);
  });

  it.each([
    [400 * MIB, 'size=4'],
    [2048 * MIB, 'size=16'],
    [1024 * 1024 * MIB, 'size=64'],
  ])('of %i bytes has a journal of %s MiB', (bytes, journal) => {
    expect(formatCommand({ device: '/dev/x', type: 'ext4', label: null, bytes })).toContain(
      journal,
    );
  });

  it('that cannot be made says what the program said', async () => {
    await truncate(file, 1024);
    const what = { device: file, type: 'ext4', label: null, bytes: 1024 } as const;
    await expect(format(what, calm)).rejects.toMatchObject({ code: 'FORMAT_FAILED' });
  });
});
