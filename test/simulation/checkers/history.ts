/**
 * At the end: the committed history explains what was seen. Each epoch in which clients were served
 * has a line that says who got the group, why, and on what evidence; and its timeline has every phase
 * that an owner runs through, none of them of negative length.
 */
import type { ClusterState, HistoryEntry } from '../../../src/cluster/state.ts';
import { timelines } from '../../../src/failover/timeline.ts';
import type { Phase } from '../../../src/lib/phases.ts';
import type { Report } from './report.ts';

/** Of the owner; `detect`, `elect` and `decide` are the leader's and not in every failover. */
const OWNERS_PHASES: readonly Phase[] = ['fence', 'mount', 'address', 'application'];

export class HistoryChecker {
  readonly #report: Report;
  /** By group: the epochs in which a client was served, and by whom. */
  readonly #served = new Map<string, Map<number, string>>();

  constructor(report: Report) {
    this.#report = report;
  }

  served(group: string, epoch: number, host: string): void {
    const epochs = this.#served.get(group) ?? new Map<number, string>();
    this.#served.set(group, epochs.set(epoch, host));
  }

  judge(state: ClusterState): void {
    const first = Math.min(...state.history.slice(0, 1).map(({ index }) => index));
    for (const [group, epochs] of this.#served) {
      for (const [epoch, host] of epochs) {
        const line = state.history.find(
          (entry) => entry.event === 'assigned' && entry.group === group && entry.epoch === epoch,
        );
        if (line !== undefined) this.#explains(line, host);
        else if (first <= 1) this.#report('history', host, `${group} in epoch ${epoch} is missing`);
      }
    }
    for (const { group, epoch, to, stamps } of timelines(state.history)) {
      const wasServed = state.history.some(
        (entry) => entry.event === 'serving' && entry.group === group && entry.epoch === epoch,
      );
      if (!wasServed) continue;
      for (const phase of OWNERS_PHASES) {
        const some = stamps.filter((stamp) => stamp.phase === phase);
        if (some.length === 0) this.#report('timeline', to, `${group} epoch ${epoch}: no ${phase}`);
        for (const { durationMs } of some) {
          if (durationMs >= 0) continue;
          this.#report('timeline', to, `${group} epoch ${epoch}: ${phase} of ${durationMs} ms`);
        }
      }
    }
  }

  #explains(line: HistoryEntry, host: string): void {
    const { group, epoch, node, reason, evidence } = line;
    const what = `${group} in epoch ${epoch}`;
    if (node !== host) this.#report('history', host, `${what} was given to ${node}`);
    if (reason === null || evidence === null) {
      this.#report('history', host, `${what}: nobody says why it is there`);
    }
  }
}
