/**
 * Who this node is: an Ed25519 key whose public half is its peer id, the only thing that lets it in
 * (P7). Made once, at the first start; kept in the data directory, readable by the daemon alone.
 *
 * It never overwrites a key, not even a broken one: a node that silently got a new identity would
 * be a stranger to its own cluster, and the operator would look for the fault in the network. For the
 * same reason a daemon only loads its key; keys are made by `holdfast identity`.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { HoldfastError } from '../lib/error.ts';

export const IDENTITY_FILE = 'identity.key';

export type Identity = {
  readonly peerId: string;
  /** For `Libp2pMesh` only. */
  readonly privateKey: Ed25519PrivateKey;
};

/**
 * @throws {HoldfastError} IDENTITY_UNREADABLE when the file is there and is no Ed25519 key, or can be
 *   neither read nor made; IDENTITY_EXPOSED when others may read it
 */
export async function loadOrCreateIdentity(dataDirectory: string): Promise<Identity> {
  const path = join(dataDirectory, IDENTITY_FILE);
  return await explained(path, async () => (await load(path)) ?? create(dataDirectory, path));
}

/** @throws {HoldfastError} as `loadOrCreateIdentity`; IDENTITY_MISSING when there is no key. */
export async function loadIdentity(dataDirectory: string): Promise<Identity> {
  const path = join(dataDirectory, IDENTITY_FILE);
  const found = await explained(path, () => load(path));
  if (found === null) throw new HoldfastError('IDENTITY_MISSING', { path });
  return found;
}

async function explained<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const context = { path, reason: reason(error) };
    throw new HoldfastError('IDENTITY_UNREADABLE', context, { cause: error });
  }
}

async function load(path: string): Promise<Identity | null> {
  const found = await stat(path).catch((error: unknown) => {
    if (errno(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return null;
  if (!found.isFile()) {
    throw new HoldfastError('IDENTITY_UNREADABLE', { path, reason: 'it is not a file' });
  }
  if ((found.mode & 0o077) !== 0) {
    throw new HoldfastError('IDENTITY_EXPOSED', { path, mode: (found.mode & 0o777).toString(8) });
  }
  const key = privateKeyFromProtobuf(await readFile(path));
  if (key.type !== 'Ed25519') {
    throw new HoldfastError('IDENTITY_UNREADABLE', { path, reason: `it is a ${key.type} key` });
  }
  return identityOf(key);
}

/** Written beside its place and linked there: complete and synced, or not there at all. */
async function create(dataDirectory: string, path: string): Promise<Identity> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const key = await generateKeyPair('Ed25519');
  const draft = `${path}.${randomUUID()}.new`;
  try {
    await writeSynced(draft, privateKeyToProtobuf(key));
    await link(draft, path);
  } catch (error) {
    // Another start was faster: its key counts.
    const winner = errno(error) === 'EEXIST' ? await load(path) : null;
    if (winner === null) throw error;
    return winner;
  } finally {
    await rm(draft, { force: true });
  }
  await syncDirectory(dataDirectory);
  return identityOf(key);
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function identityOf(privateKey: Ed25519PrivateKey): Identity {
  return { peerId: peerIdFromPrivateKey(privateKey).toString(), privateKey };
}

function errno(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
