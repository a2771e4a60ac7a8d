/**
 * The owner's side of the lease for one (group, epoch): until when may this node be seen as the owner
 * (DESIGN §7)?
 *
 * The intuition: the lease is counted from the moment of *asking*, on the owner's own clock. Whatever
 * happens between asking and hearing the grant (a slow network, a slow leader, a frozen process) only
 * shortens it. Asked at t, the owner may be seen until t + L − W and is down by t + L, and a grant
 * counts only when the guardian has acknowledged that deadline, since the guardian is who keeps it
 * when this process cannot.
 *
 * Expiry has two steps. Soft: `suspend`, undone by a later grant of the same epoch. Hard: `lost`. When
 * the soft step comes late, because this process stood still, the hard one waits its full time from
 * then on: after a gap nothing is torn down before the lease has been asked for anew.
 *
 * It neither sends nor blocks anything: it says what to send and when to be silent. The leader's side
 * is `failover/lease-ledger.ts`. Reference: Gray and Cheriton, "Leases" (SOSP 1989).
 */
import { assert } from '../lib/assert.ts';
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';

/** L, R, W of DESIGN §7 and the time from soft to hard expiry. */
export type LeaseOptions = {
  readonly leaseMs: Millis;
  readonly leaseRenewMs: Millis;
  readonly teardownMs: Millis;
  readonly quorumLossGraceMs: Millis;
};

export type LeaseEvent =
  | { readonly kind: 'begin' }
  | { readonly kind: 'granted'; readonly requestId: number }
  | { readonly kind: 'refused'; readonly requestId: number; readonly newestEpoch: Epoch }
  /** The guardian has acknowledged the deadline of this grant. */
  | { readonly kind: 'armed'; readonly requestId: number }
  /** We were paused, or cannot know: nothing that was asked before counts any more. */
  | { readonly kind: 'void'; readonly cause: string }
  | { readonly kind: 'end' }
  | { readonly kind: 'deadline' };

export type LeaseEffect =
  /** Ask the leader; the id comes back in `granted` or `refused`. */
  | { readonly kind: 'request'; readonly requestId: number }
  | {
      readonly kind: 'arm';
      readonly requestId: number;
      readonly serveUntilMs: Millis;
      readonly downByMs: Millis;
    }
  /** Valid for the first time: what clients see may come up. */
  | { readonly kind: 'serve' }
  /** Soft expiry: what clients see is silent from now on. */
  | { readonly kind: 'suspend' }
  /** The same epoch is valid again. */
  | { readonly kind: 'resume' }
  /** Hard expiry, or another epoch: the end of this lease. */
  | { readonly kind: 'lost'; readonly cause: string };

type Request = { readonly requestId: number; readonly askedMs: Millis; readonly granted: boolean };

/** `waiting`: never valid yet. `lost` and `ended` are final. */
type State = 'idle' | 'waiting' | 'serving' | 'suspended' | 'lost' | 'ended';

/** More requests than this are never under way; the oldest is worth least. */
const MAX_REQUESTS = 16;

export class OwnerLease {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly #options: LeaseOptions;
  #state: State = 'idle';
  /** Under way, oldest first; each could still give a valid lease. */
  #requests: readonly Request[] = [];
  #lastRequestId = 0;
  #nextRequestMs: Millis = Number.POSITIVE_INFINITY;
  /** End of the newest armed grant; everything is silent from then on. */
  #serveUntilMs: Millis = Number.NEGATIVE_INFINITY;
  #hardMs: Millis = Number.POSITIVE_INFINITY;
  #effects: LeaseEffect[] = [];

  constructor(group: GroupId, epoch: Epoch, options: LeaseOptions, _now: Millis) {
    assert(options.teardownMs < options.leaseMs, 'a lease must be longer than its teardown');
    this.group = group;
    this.epoch = epoch;
    this.#options = options;
  }

  /**
   * `nextDeadlineMs`: call with `deadline` then; Infinity when only events can change anything. Every
   * step looks at the clock first, so an expiry is told before whatever the event brings.
   */
  step(
    event: LeaseEvent,
    now: Millis,
  ): { readonly effects: readonly LeaseEffect[]; readonly nextDeadlineMs: Millis } {
    this.#effects = [];
    this.#expire(now);
    if (!this.#final) this.#take(event, now);
    this.#ask(now);
    return { effects: this.#effects, nextDeadlineMs: this.#earliest() };
  }

  /** Whether the owner may be seen now. Answers by the clock, whether or not `step` was called. */
  valid(now: Millis): boolean {
    return this.#state === 'serving' && now < this.#serveUntilMs;
  }

  /** Time that is left until soft expiry; null when not valid. */
  remainingMs(now: Millis): Millis | null {
    return this.valid(now) ? this.#serveUntilMs - now : null;
  }

  get #final(): boolean {
    return this.#state === 'lost' || this.#state === 'ended';
  }

  #take(event: LeaseEvent, now: Millis): void {
    switch (event.kind) {
      case 'begin':
        assert(this.#state === 'idle', 'a lease begins once');
        this.#state = 'waiting';
        this.#nextRequestMs = now;
        break;
      case 'granted':
        this.#granted(event.requestId, now);
        break;
      case 'armed':
        this.#armed(event.requestId, now);
        break;
      case 'refused':
        this.#drop(event.requestId);
        if (event.newestEpoch > this.epoch) this.#lose(`epoch ${event.newestEpoch} is newer`);
        break;
      case 'void':
        this.#void(now);
        break;
      case 'end':
        this.#state = 'ended';
        this.#requests = [];
        break;
      case 'deadline':
        break;
    }
  }

  /** A grant that is too late to be of use, or older than one that is armed, is dropped. */
  #granted(requestId: number, now: Millis): void {
    const request = this.#requests.find((one) => one.requestId === requestId);
    if (request === undefined || request.granted) return;
    const { serveUntilMs, downByMs } = this.#endOf(request);
    if (serveUntilMs <= now || serveUntilMs <= this.#serveUntilMs) {
      this.#drop(requestId);
      return;
    }
    this.#requests = this.#requests.map((one) =>
      one === request ? { ...one, granted: true } : one,
    );
    this.#effects.push({ kind: 'arm', requestId, serveUntilMs, downByMs });
  }

  /** waiting -> serving, suspended -> serving, or only a later end. */
  #armed(requestId: number, now: Millis): void {
    const request = this.#requests.find((one) => one.requestId === requestId);
    if (request === undefined || !request.granted) return;
    this.#requests = this.#requests.filter((one) => one.askedMs > request.askedMs);
    const { serveUntilMs } = this.#endOf(request);
    if (serveUntilMs <= now || serveUntilMs <= this.#serveUntilMs) return;
    this.#serveUntilMs = serveUntilMs;
    if (this.#state === 'waiting') this.#effects.push({ kind: 'serve' });
    if (this.#state === 'suspended') this.#effects.push({ kind: 'resume' });
    this.#state = 'serving';
    this.#hardMs = Number.POSITIVE_INFINITY;
  }

  /** serving -> suspended, and every answer to what was asked so far is worthless. */
  #void(now: Millis): void {
    this.#requests = [];
    this.#serveUntilMs = Number.NEGATIVE_INFINITY;
    if (this.#state === 'serving') this.#suspend(now);
    if (this.#state !== 'idle') this.#nextRequestMs = now;
  }

  /** serving -> suspended by the clock, or suspended -> lost; never both in one step. */
  #expire(now: Millis): void {
    this.#requests = this.#requests.filter((one) => this.#endOf(one).serveUntilMs > now);
    if (this.#state === 'serving' && now >= this.#serveUntilMs) this.#suspend(now);
    else if (this.#state === 'suspended' && now >= this.#hardMs) this.#lose('not renewed in time');
  }

  /** On time, this is down-by plus grace; late or early, it is that much counted from now. */
  #suspend(now: Millis): void {
    this.#state = 'suspended';
    this.#hardMs = now + this.#options.teardownMs + this.#options.quorumLossGraceMs;
    this.#effects.push({ kind: 'suspend' });
  }

  #lose(cause: string): void {
    this.#state = 'lost';
    this.#requests = [];
    this.#effects.push({ kind: 'lost', cause });
  }

  #ask(now: Millis): void {
    if (this.#final || now < this.#nextRequestMs) return;
    this.#lastRequestId += 1;
    const requestId = this.#lastRequestId;
    const request = { requestId, askedMs: now, granted: false };
    this.#requests = [...this.#requests, request].slice(-MAX_REQUESTS);
    this.#nextRequestMs = now + this.#options.leaseRenewMs;
    this.#effects.push({ kind: 'request', requestId });
  }

  #endOf(request: Request): { readonly serveUntilMs: Millis; readonly downByMs: Millis } {
    const downByMs = request.askedMs + this.#options.leaseMs;
    return { serveUntilMs: downByMs - this.#options.teardownMs, downByMs };
  }

  #drop(requestId: number): void {
    this.#requests = this.#requests.filter((one) => one.requestId !== requestId);
  }

  #earliest(): Millis {
    if (this.#final || this.#state === 'idle') return Number.POSITIVE_INFINITY;
    const expiry =
      this.#state === 'serving'
        ? this.#serveUntilMs
        : this.#state === 'suspended'
          ? this.#hardMs
          : Number.POSITIVE_INFINITY;
    return Math.min(this.#nextRequestMs, expiry);
  }
}
