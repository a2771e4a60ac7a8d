/** No file system is mounted on two hosts that can write: the way to corrupt one. */
import type { Report } from './report.ts';

export type Mounted = {
  readonly host: string;
  /** Mounted, awake, and the target would accept a write of it now. */
  readonly canWrite: boolean;
};

export class MountChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  judge(group: string, mounts: readonly Mounted[]): void {
    const writers = mounts.filter(({ canWrite }) => canWrite).map(({ host }) => host);
    if (writers.length < 2) return;
    this.#report('one writer', writers.join(' and '), `${group} is mounted there, and writable`);
  }
}
