/**
 * P2, judged on the disk: after the takeover of an epoch has returned, no write of an older epoch
 * lands. Excused only is a disk that lost its reservations with its power, where the operator has
 * accepted one that does, until it is taken again.
 */
import type { Epoch } from '../../../src/lib/ids.ts';
import type { Report } from './report.ts';

export type Disk = {
  readonly name: string;
  readonly takenBy: Epoch;
  readonly unfencedSince: number | null;
};

export class LateWriteChecker {
  readonly #report: Report;
  /** The newest epoch that was seen to write: not even a mount may be older than that. */
  readonly #newest = new Map<string, Epoch>();

  constructor(report: Report) {
    this.#report = report;
  }

  landed(disk: Disk, nexus: string, epoch: Epoch): void {
    if (disk.unfencedSince !== null) return;
    const newest = Math.max(disk.takenBy, this.#newest.get(disk.name) ?? 0);
    this.#newest.set(disk.name, Math.max(newest, epoch));
    if (epoch >= newest) return;
    const words = `a write of epoch ${epoch} lands after epoch ${newest} has the disk`;
    this.#report('no late write', nexus, `${disk.name}: ${words}`);
  }
}
