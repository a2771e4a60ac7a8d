/**
 * The Unix socket that operators talk to. Its permissions decide who can connect; where groups are
 * configured, `access.ts` judges each request beyond that.
 *
 * The fear: two daemons on one path, or a configuration slip that makes us delete somebody's file.
 * So a path is freed only when it is a socket and nobody answers on it (Litestream does the same).
 */
import { chmod, chown, lstat, mkdir, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { HoldfastError } from '../lib/error.ts';

const DIRECTORY_MODE = 0o755;
/** What `bind` must not grant, for the moment until chmod: everything but owner and group. */
const BIND_UMASK = 0o117;
/** A live daemon accepts at once; one that is stopped still has its backlog, and that counts too. */
const PROBE_LIMIT_MS = 1_000;

export type SocketRights = {
  /** Number of the group that it belongs to; null: that of the process. */
  readonly group: number | null;
  readonly mode: number;
};

/**
 * Binds `server` to `path` and resolves when it listens. A dead socket is removed first.
 * @throws {HoldfastError} SOCKET_IN_USE, NOT_A_SOCKET, SOCKET_UNUSABLE
 */
export async function listenOn(
  server: Server,
  path: string,
  { group, mode }: SocketRights,
): Promise<void> {
  try {
    await createDirectory(dirname(path));
    await removeDeadSocket(path);
    await bind(server, path);
    if (group !== null) await chown(path, process.getuid?.() ?? 0, group);
    await chmod(path, mode);
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    if (codeOf(error) === 'EADDRINUSE') throw new HoldfastError('SOCKET_IN_USE', { socket: path });
    const detail = error instanceof Error ? error.message : String(error);
    throw new HoldfastError('SOCKET_UNUSABLE', { socket: path, detail }, { cause: error });
  }
}

/** One level only: /run/holdfast below an existing /run; a misspelt path is not made real. */
async function createDirectory(path: string): Promise<void> {
  await mkdir(path, { mode: DIRECTORY_MODE }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
}

async function removeDeadSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return;
  if (!found.isSocket()) throw new HoldfastError('NOT_A_SOCKET', { path });
  if (await isAnswered(path)) throw new HoldfastError('SOCKET_IN_USE', { socket: path });
  await unlink(path);
}

/** Anything but a refusal means that a process still holds the socket. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.setTimeout(PROBE_LIMIT_MS, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error) => {
      const code = codeOf(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') resolve(false);
      else if (code === 'EAGAIN') resolve(true);
      else reject(error);
    });
  });
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // A path is bound inside this call, so the mask of the process changes for that long only.
    const before = process.umask(BIND_UMASK);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}
