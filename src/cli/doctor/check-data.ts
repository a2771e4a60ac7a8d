/**
 * The directory of log, term and vote. A vote that is not on a disk when it is said to be is two
 * leaders after a power loss; a slow one is a slow cluster.
 */
import { type Findings, findingsOf } from './finding.ts';

export type DataFacts = {
  readonly directory: string;
  /** Why it could not be looked at; null: it was. */
  readonly error: string | null;
  /** tmpfs, ramfs: gone with the power. */
  readonly volatile: boolean;
  readonly freeBytes: number;
  readonly logBytes: number;
  /** Permission bits of the directory. */
  readonly mode: number;
  /** The slowest of some synced writes. */
  readonly syncMs: number;
  /** What the configuration assumes (`times: assume: sync:`); null: not known. */
  readonly assumedSyncMs: number | null;
};

const LEAST_FREE_BYTES = 1 << 30;
/** Snapshots keep the log small; one that is larger does not get compacted. */
const LARGE_LOG_BYTES = 1 << 30;
const OTHERS = 0o007;

export function checkData(facts: DataFacts): Findings {
  const { good, unknown, warning, failure } = findingsOf('data');
  const { directory, error, volatile, freeBytes, logBytes, mode, syncMs, assumedSyncMs } = facts;
  if (error !== null) {
    return [unknown(`${directory} cannot be looked at: ${error}`, 'run it as root on the node')];
  }
  const slow = assumedSyncMs !== null && syncMs > assumedSyncMs;
  const speed = `a synced write to ${directory} takes ${syncMs.toFixed(1)} ms`;
  return [
    slow
      ? warning(
          `${speed}, and the configuration assumes ${assumedSyncMs} ms at most`,
          'use a faster disk, or say the truth in `times: assume: sync:` on all nodes',
        )
      : good(speed),
    ...(volatile
      ? [
          failure(
            `${directory} is in memory: log and vote are gone with the power`,
            'put it on a disk of its own',
          ),
        ]
      : []),
    ...(freeBytes < LEAST_FREE_BYTES
      ? [
          warning(
            `${directory} has ${Math.round(freeBytes / (1 << 20))} MiB left`,
            'a node whose log cannot be written does not lead: make room',
          ),
        ]
      : []),
    ...(logBytes > LARGE_LOG_BYTES
      ? [
          warning(
            `the log has ${Math.round(logBytes / (1 << 20))} MiB`,
            'restart the daemon; if it stays large, look for what proposes so much',
          ),
        ]
      : []),
    ...((mode & OTHERS) === 0
      ? []
      : [failure(`${directory} is open to everybody, and the key lies in it`, 'chmod o= it')]),
  ];
}
