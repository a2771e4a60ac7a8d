/**
 * In calm weather the owner of each group holds its disk, with the key of its epoch. An owner that
 * lost the reservation and has not noticed is guarded by nothing.
 */
import { unpackKey } from '../../../src/fencing/protocol/key.ts';
import type { Epoch } from '../../../src/lib/ids.ts';
import type { Report } from './report.ts';

export type Held = {
  readonly group: string;
  readonly owner: string;
  readonly epoch: Epoch;
  /** I_T nexus and key; null: nobody holds it. */
  readonly holder: { readonly nexus: string; readonly key: bigint } | null;
};

export class ReservationChecker {
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  judge({ group, owner, epoch, holder }: Held): void {
    const held = holder === null ? null : unpackKey(holder.key).epoch;
    if (holder?.nexus.startsWith(`${owner}:`) === true && held === epoch) return;
    const found = holder === null ? 'nobody holds it' : `${holder.nexus} holds it in ${held}`;
    this.#report('the owner holds the disk', owner, `${group}, epoch ${epoch}: ${found}`);
  }
}
