/**
 * No action after its lease. The lease is reckoned here anew from what the wires carry: it runs from
 * the moment at which the owner asked, on the owner's clock, for L, and only if that question was
 * granted. An address answers only while it runs. An application that starts or does something has
 * until the teardown's budget is over, and a start that was begun in time may end as late as its
 * daemon is slow. What was frozen is excused for 50 ms after it runs again.
 */
import type { Epoch, Millis } from '../../../src/lib/ids.ts';
import type { Report } from './report.ts';

export type Act = {
  readonly what: 'answer' | 'start-application' | 'resume-application' | 'append' | 'acknowledge';
  readonly group: string;
  readonly epoch: Epoch;
};

export type When = {
  /** On the node's own clock. */
  readonly now: Millis;
  /** It was frozen a moment ago. */
  readonly isExcused: boolean;
  /** How late its daemon is served: what it began in time may end later by so much. */
  readonly slowMs: Millis;
};

export class LeaseChecker {
  readonly #report: Report;
  readonly #leaseMs: Millis;
  readonly #teardownMs: Millis;
  /** By node, group, epoch: the questions under way, and the end of the lease. */
  readonly #asked = new Map<string, Map<number, Millis>>();
  readonly #endMs = new Map<string, Millis>();

  constructor(report: Report, times: { readonly leaseMs: Millis; readonly teardownMs: Millis }) {
    this.#report = report;
    this.#leaseMs = times.leaseMs;
    this.#teardownMs = times.teardownMs;
  }

  /** `now` on the node's own clock, here and below. */
  asked(node: string, group: string, epoch: Epoch, requestId: number, now: Millis): void {
    const key = keyOf(node, group, epoch);
    const asked = this.#asked.get(key) ?? new Map<number, Millis>();
    this.#asked.set(key, asked.set(requestId, now));
    for (const [older, at] of asked) if (at < now - 4 * this.#leaseMs) asked.delete(older);
  }

  granted(node: string, group: string, epoch: Epoch, requestId: number): void {
    const key = keyOf(node, group, epoch);
    const askedMs = this.#asked.get(key)?.get(requestId);
    if (askedMs === undefined) return;
    const endMs = askedMs + this.#leaseMs;
    this.#endMs.set(key, Math.max(endMs, this.#endMs.get(key) ?? 0));
  }

  /** Another life of the node: its clock may have begun anew. */
  restarted(node: string): void {
    for (const key of [...this.#endMs.keys()]) {
      if (key.startsWith(`${node} `)) this.#endMs.delete(key);
    }
  }

  act(node: string, { what, group, epoch }: Act, when: When): void {
    const { now, isExcused, slowMs } = when;
    const endMs = this.#endMs.get(keyOf(node, group, epoch));
    const slackMs = what === 'answer' ? 0 : this.#teardownMs + slowMs;
    if (endMs !== undefined && now <= endMs + slackMs) return;
    if (isExcused) return;
    const late = endMs === undefined ? 'without a lease' : `${(now - endMs).toFixed(1)} ms late`;
    this.#report('no action after its lease', node, `${what} of ${group}, epoch ${epoch}, ${late}`);
  }
}

function keyOf(node: string, group: string, epoch: Epoch): string {
  return `${node} ${group} ${epoch}`;
}
