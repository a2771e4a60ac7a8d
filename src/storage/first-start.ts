/**
 * A mark beside the log: there has been one here.
 *
 * The fear: somebody deletes the directory of the log and keeps the node's key, or a mount of it is
 * missing at boot. The daemon would begin with an empty log under a name that has voted, and could
 * vote twice in one term. An empty log is lawful only where there has never been another.
 *
 * The mark is written after the first log was created and before anything was promised.
 *
 * Reference: Raft §5.1 (persistent state); etcd raft `doc.go` on nodes that lost their data.
 */
import { access, open } from 'node:fs/promises';
import { join } from 'node:path';
import { HoldfastError } from '../lib/error.ts';
import { syncPath } from './open-database.ts';

const NAME = 'HAS-A-LOG';
const WORDS =
  'This node has written a log. If the directory `log` is gone, so is what the node has promised:\n' +
  'remove the member from the cluster and let it join again under a new name.\n';

/**
 * Before the log is opened. Changes nothing.
 * @throws HoldfastError DATABASE_CORRUPT where there was a log and is none
 */
export async function refuseForgottenLog(
  dataDirectory: string,
  logDirectory: string,
): Promise<void> {
  if (!(await exists(join(dataDirectory, NAME)))) return;
  if (await exists(join(logDirectory, 'CURRENT'))) return;
  const detail = 'this node has had a log, and it is gone';
  throw new HoldfastError('DATABASE_CORRUPT', { directory: logDirectory, detail });
}

/**
 * When the log is open. Synced.
 * @throws HoldfastError DATA_DIRECTORY_UNUSABLE
 */
export async function noteFirstStart(dataDirectory: string): Promise<void> {
  const path = join(dataDirectory, NAME);
  if (await exists(path)) return;
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(WORDS);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncPath(dataDirectory);
  } catch (cause) {
    const context = { directory: dataDirectory, detail: String(cause) };
    throw new HoldfastError('DATA_DIRECTORY_UNUSABLE', context, { cause });
  }
}

/** Only what is certainly not there counts as missing; anything else is said by whoever opens it. */
async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
