/**
 * The leader's side of the owners' leases (DESIGN §7). A request is noted when it comes, a quorum
 * round begins after that, and only when that round is through is the grant written down and sent.
 *
 * It keeps no promise by itself: the ledger knows what was granted and what may be, and a desk whose
 * node does not lead refuses everything.
 */
import type { ClusterState } from '../cluster/state.ts';
import type { ControlMessage } from '../failover/control.ts';
import type { LeaseLedger } from '../failover/lease-ledger.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { success } from '../lib/result.ts';

type LeaseRequest = ControlMessage & { readonly kind: 'lease-request' };

export type LeaseDeskOptions = {
  readonly self: NodeId;
  readonly ledger: LeaseLedger;
  readonly leads: () => boolean;
  readonly state: () => ClusterState;
  readonly send: (message: ControlMessage) => void;
  /** Test only: leases for any epoch, so that a checker must report two owners. */
  readonly grantAnyEpoch: boolean;
};

const MAX_WAITING = 4_096;

export class LeaseDesk {
  readonly #options: LeaseDeskOptions;
  readonly #waiting = new Map<
    number,
    { readonly request: LeaseRequest; readonly receivedMs: Millis }
  >();

  constructor(options: LeaseDeskOptions) {
    this.#options = options;
  }

  /** Answers a read id to ask the core for, or null when the request was refused at once. */
  request(request: LeaseRequest, now: Millis, nextReadId: () => number): number | null {
    if (!this.#options.leads() || this.#waiting.size >= MAX_WAITING) {
      this.#refuse(request, 'NOT_LEADER');
      return null;
    }
    const may = this.#may(request);
    if (!may.ok) {
      this.#refuse(request, may.error.code);
      return null;
    }
    const readId = nextReadId();
    this.#waiting.set(readId, { request, receivedMs: now });
    return readId;
  }

  /** The quorum round of this read is through, and everything before it is applied. */
  confirmed(readId: number): boolean {
    const waiting = this.#waiting.get(readId);
    if (waiting === undefined) return false;
    this.#waiting.delete(readId);
    const { request, receivedMs } = waiting;
    const { ledger, self, send } = this.#options;
    // Asked again: the group may have been given away while the round was under way.
    const may = this.#may(request);
    if (!may.ok || !this.#options.leads()) {
      this.#refuse(request, may.ok ? 'NOT_LEADER' : may.error.code);
      return true;
    }
    const { group, epoch, requestId } = request;
    ledger.granted(group, epoch, receivedMs);
    send({ kind: 'lease-grant', from: self, to: request.from, group, epoch, requestId });
    return true;
  }

  rejected(readId: number): boolean {
    const waiting = this.#waiting.get(readId);
    this.#waiting.delete(readId);
    if (waiting !== undefined) this.#refuse(waiting.request, 'NOT_LEADER');
    return waiting !== undefined;
  }

  lostLeadership(): void {
    this.#waiting.clear();
  }

  #may(request: LeaseRequest): ReturnType<LeaseLedger['mayGrant']> {
    const { ledger, state, grantAnyEpoch } = this.#options;
    const { group, epoch, from } = request;
    return grantAnyEpoch ? success(null) : ledger.mayGrant(group, epoch, state(), from);
  }

  #refuse(request: LeaseRequest, code: string): void {
    const { group, epoch, requestId } = request;
    const newestEpoch = this.#options.state().groups[group]?.epoch ?? 0;
    const answer = { group, epoch, requestId, code, newestEpoch } as const;
    this.#options.send({
      kind: 'lease-refused',
      from: this.#options.self,
      to: request.from,
      ...answer,
    });
  }
}
