/**
 * No file system is mounted on two hosts that can write: the way to corrupt one. And none is mounted
 * before the takeover of its epoch has returned.
 */
import type { Epoch } from '../../../src/lib/ids.ts';
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

  opened(group: string, host: string, epoch: Epoch, takenBy: Epoch): void {
    if (epoch <= takenBy) return;
    const words = `${group} is mounted in epoch ${epoch}, and its disk was taken in ${takenBy}`;
    this.#report('fenced before it is mounted', host, words);
  }

  judge(group: string, mounts: readonly Mounted[]): void {
    const writers = mounts.filter(({ canWrite }) => canWrite).map(({ host }) => host);
    if (writers.length < 2) return;
    this.#report('one writer', writers.join(' and '), `${group} is mounted there, and writable`);
  }
}
