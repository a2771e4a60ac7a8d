/**
 * What would have to be undone, as a file of the service's runtime directory: for the one case that a
 * guardian cannot serve, its own death together with the daemon's. After the service has ended the
 * manager starts `main.ts --undo FILE` (systemd: ExecStopPost), which waits until the guardian is done
 * and then takes down whatever is still in the file. The file is gone with the next boot, as what it
 * names is.
 *
 * It is no proof for the cluster: nothing is published, and the next owner waits for the lease.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import { type ProcessMark, processStat } from '../system/process.ts';
import type { Teardown } from '../system/teardown.ts';

export type LeftOverGroup = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly teardown: readonly Teardown[];
};

export type LeftOver = {
  readonly clusterId: string;
  /** The guardian that keeps the file; as long as it lives it undoes everything itself. */
  readonly guardian: ProcessMark;
  readonly groups: readonly LeftOverGroup[];
};

const FILE = 'left-over.json';

/** Where the service manager gave the service a directory; null where it gave none. */
export function leftOverPath(environment: Record<string, string | undefined>): string | null {
  const [directory = ''] = (environment['RUNTIME_DIRECTORY'] ?? '').split(':');
  return directory.startsWith('/') ? join(directory, FILE) : null;
}

/** Whole or not at all. @throws an error of the file system */
export function writeLeftOver(path: string, leftOver: LeftOver): void {
  writeFileSync(`${path}.new`, JSON.stringify(leftOver), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export type UndoLeftOverOptions = {
  readonly path: string;
  readonly clock: Clock;
  readonly undo: (clusterId: string, item: Teardown) => Promise<void>;
  readonly log: (line: string) => void;
};

const GUARDIAN_LIMIT_MS: Millis = 20_000;
const LOOK_EVERY_MS: Millis = 50;

/** Answers whether nothing is left. The file goes only then. */
export async function undoLeftOver(options: UndoLeftOverOptions): Promise<boolean> {
  const { path, log, undo } = options;
  const first = read(path);
  if (first === null) return true;
  if (!(await gone(first.guardian, options))) log('the guardian does not end; what it holds goes');
  const { clusterId, groups } = read(path) ?? first;
  let whole = true;
  for (const { group, epoch, teardown } of groups) {
    for (const item of teardown) {
      log(`left over of ${group} epoch ${epoch}: ${item.kind}`);
      await undo(clusterId, item).catch((error: unknown) => {
        whole = false;
        log(`${group}: ${item.kind}: ${String(error)}`);
      });
    }
  }
  if (whole) rmSync(path, { force: true });
  return whole;
}

/** null where there is no such file: no guardian was ever armed. */
function read(path: string): LeftOver | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LeftOver;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function gone(mark: ProcessMark, { clock }: UndoLeftOverOptions): Promise<boolean> {
  const never = new AbortController().signal;
  const untilMs = clock.now() + GUARDIAN_LIMIT_MS;
  while (isSame(mark)) {
    if (clock.now() >= untilMs) return false;
    await clock.after(LOOK_EVERY_MS, never);
  }
  return true;
}

function isSame({ pid, startTicks }: ProcessMark): boolean {
  const stat = processStat(pid);
  return stat !== null && stat.state !== 'Z' && stat.startTicks === startTicks;
}
