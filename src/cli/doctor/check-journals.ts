/**
 * The size of each file system's journal. Replaying it is most of the phase `mount`: a large one on a
 * slow disk is the largest part of a failover, a tiny one slows the application down.
 *
 * Reference: mke2fs(8) on the default sizes; tune2fs(8), `-J size=`.
 */
import { type Findings, findingsOf } from './finding.ts';

export type JournalFacts = {
  readonly group: string;
  readonly resource: string;
  /** `ext4`, `xfs` … */
  readonly type: string;
  /** null: it could not be read, and `error` says why. */
  readonly journalBytes: number | null;
  readonly error: string;
};

const MEBIBYTE = 1 << 20;
const LARGE_BYTES = 256 * MEBIBYTE;
const SMALL_BYTES = 4 * MEBIBYTE;

export function checkJournals(all: readonly JournalFacts[]): Findings {
  const { good, unknown, warning } = findingsOf('journal');
  return all.map(({ group, resource, type, journalBytes, error }) => {
    const name = `${group}/${resource}`;
    if (journalBytes === null) {
      const advice = 'run `holdfast doctor` on the node that owns the group';
      return unknown(`${name}: the size of the journal is not known (${error})`, advice);
    }
    const size = `${Math.round(journalBytes / MEBIBYTE)} MiB`;
    const text = `${name}: the journal of ${type} has ${size}`;
    if (journalBytes > LARGE_BYTES) {
      const advice =
        'replaying it is part of every failover; with the file system unmounted: ' +
        '`tune2fs -O ^has_journal DEVICE`, `tune2fs -J size=64 DEVICE`';
      return warning(text, advice);
    }
    return journalBytes < SMALL_BYTES
      ? warning(text, 'writers wait for so small a journal; 64 MiB suits most')
      : good(text);
  });
}
