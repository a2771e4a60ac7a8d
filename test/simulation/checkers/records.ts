/**
 * P3: every record that a client was told is durable is read by each later owner. Judged when a
 * mount is through, before anything is let in. Excused is a disk whose write cache, or reservations,
 * went with its power although the operator was told of it.
 */
import type { Report } from './report.ts';

export class RecordChecker {
  readonly #report: Report;
  readonly #acknowledged = new Map<string, Set<string>>();
  acknowledgements = 0;

  constructor(report: Report) {
    this.#report = report;
  }

  acknowledged(group: string, record: string): void {
    this.shown(group, record);
    this.acknowledgements += 1;
  }

  /** A reader has seen it, after its application had synced the file. */
  shown(group: string, record: string): void {
    const known = this.#acknowledged.get(group) ?? new Set<string>();
    this.#acknowledged.set(group, known.add(record));
  }

  /** What the new owner finds in the file. */
  mounted(group: string, host: string, records: readonly string[]): void {
    const found = new Set(records);
    const lost = [...(this.#acknowledged.get(group) ?? [])].filter((record) => !found.has(record));
    if (lost.length === 0) return;
    const words = `${lost.length} acknowledged records are gone: ${lost.slice(0, 3).join(', ')}`;
    this.#report('no acknowledged record is lost', host, `${group}: ${words}`);
  }

  /** A disk that promised nothing any more: what was there before is not asked for. */
  forget(group: string): void {
    this.#acknowledged.delete(group);
  }
}
