import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { IDENTITY_FILE, loadIdentity, loadOrCreateIdentity } from '../../src/mesh/identity.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-identity-'));
  file = join(directory, IDENTITY_FILE);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function place(bytes: Uint8Array | string): Promise<void> {
  await writeFile(file, bytes, { mode: 0o600 });
}

describe('identity', () => {
  test('it is made once and found again', async () => {
    const first = await loadOrCreateIdentity(directory);
    const second = await loadOrCreateIdentity(directory);
    expect(first.peerId).toMatch(/^12D3KooW/);
    expect(second.peerId).toBe(first.peerId);
    expect(await readdir(directory)).toEqual([IDENTITY_FILE]);
  });

  test('a daemon makes none: without a key it is not the member that it should be', async () => {
    await expect(loadIdentity(directory)).rejects.toMatchObject({ code: 'IDENTITY_MISSING' });
    expect(await readdir(directory)).toEqual([]);
    const made = await loadOrCreateIdentity(directory);
    expect((await loadIdentity(directory)).peerId).toBe(made.peerId);
  });

  test('only its owner may read it', async () => {
    await loadOrCreateIdentity(join(directory, 'new', 'node'));
    const { mode } = await stat(join(directory, 'new', 'node', IDENTITY_FILE));
    expect(mode & 0o777).toBe(0o600);
  });

  test('two starts at the same time end with one key', async () => {
    const found = await Promise.all([1, 2, 3, 4].map(() => loadOrCreateIdentity(directory)));
    const later = await loadOrCreateIdentity(directory);
    expect(new Set([...found, later].map(({ peerId }) => peerId)).size).toBe(1);
  });

  test.each([
    ['an empty file', ''],
    ['a text', 'no key at all\n'],
    ['a key that was cut short', Uint8Array.of(8, 1, 18, 64, 1, 2, 3)],
  ])('%s is refused and left alone', async (_, content) => {
    await place(content);
    const before = await readFile(file);
    await expect(loadOrCreateIdentity(directory)).rejects.toMatchObject({
      code: 'IDENTITY_UNREADABLE',
    });
    expect(await readFile(file)).toEqual(before);
  });

  test('a key of another type is refused', async () => {
    await place(privateKeyToProtobuf(await generateKeyPair('secp256k1')));
    await expect(loadOrCreateIdentity(directory)).rejects.toMatchObject({
      code: 'IDENTITY_UNREADABLE',
      context: { reason: 'it is a secp256k1 key' },
    });
  });

  test('a key that others may read is refused', async () => {
    await loadOrCreateIdentity(directory);
    await chmod(file, 0o644);
    await expect(loadOrCreateIdentity(directory)).rejects.toMatchObject({
      code: 'IDENTITY_EXPOSED',
      context: { mode: '644' },
    });
  });

  test('a directory in its place is refused', async () => {
    await mkdir(file, { mode: 0o700 });
    await expect(loadOrCreateIdentity(directory)).rejects.toMatchObject({
      code: 'IDENTITY_UNREADABLE',
    });
  });

  test('a data directory that is a file is refused', async () => {
    await place('');
    await expect(loadOrCreateIdentity(file)).rejects.toMatchObject({ code: 'IDENTITY_UNREADABLE' });
  });
});
