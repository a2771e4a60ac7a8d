/**
 * Repeats an announcement. One frame may be lost, and some caches keep a wrong entry for hours, so an
 * address is announced at once, again in growing pauses over some seconds, when its link comes back,
 * and now and then for ever.
 *
 * The address lives in the kernel for a minute only and is renewed here, so that one whose daemon and
 * guardian are both gone does not stay for ever.
 *
 * The frames pass below the packet filter. So before each one the filter is asked whether the address
 * may speak at all: an announcer that was frozen for a minute says nothing when it thaws.
 */
import { type Clock, WITHDRAWN } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import { announce } from '../../system/announce.ts';
import { watchLinks } from '../../system/link-events.ts';
import { addAddress, addressState, findLink } from '../../system/network.ts';
import type { PacketFilter } from '../../system/packet-filter.ts';

export type AnnouncerOptions = {
  readonly device: string;
  readonly address: string;
  readonly clock: Clock;
  readonly filter: Pick<PacketFilter, 'isLive'>;
  readonly log: (line: string) => void;
};

/** Pauses of a burst; after it `REFRESH_MS` for ever. */
const BURST_MS: readonly Millis[] = [20, 100, 300, 700, 1_500, 3_000];
const REFRESH_MS: Millis = 60_000;
/** Beside the kernel's word that something changed, which may be missing. */
const LOOK_EVERY_MS: Millis = 250;
/** What the kernel gives the address; a third of it later it is renewed. */
export const LIFETIME_S = 60;
const RENEW_MS: Millis = (LIFETIME_S * 1_000) / 3;

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #stopped = new AbortController();
  #burst = 0;
  #nextMs: Millis = Infinity;
  #hadCarrier = true;
  #renewedMs: Millis;
  #waiting = new AbortController();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#renewedMs = options.clock.now();
  }

  start(): void {
    watchLinks(this.#stopped.signal, () => this.#waiting.abort(WITHDRAWN));
    this.#repeat().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#options.log(`announcer: ${String(error)}`);
    });
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Once now, and a burst in the background. The caller has seen that the address is live. */
  announce(): void {
    this.#burst = 0;
    this.#send();
  }

  /** Silent until `announce`. */
  pause(): void {
    this.#nextMs = Infinity;
  }

  async #repeat(): Promise<void> {
    const { clock, device, filter, address } = this.#options;
    while (!this.#stopped.signal.aborted) {
      const delayMs = Math.max(0, Math.min(this.#nextMs - clock.now(), LOOK_EVERY_MS));
      await this.#wait(delayMs);
      this.#renew();
      const carrier = findLink(device)?.carrier ?? false;
      const back = carrier && !this.#hadCarrier;
      this.#hadCarrier = carrier;
      if (back && this.#nextMs !== Infinity) this.#burst = 0;
      const due = back ? this.#nextMs !== Infinity : clock.now() >= this.#nextMs;
      if (!due) continue;
      if (carrier && (await filter.isLive(address))) this.#send();
      else this.#schedule();
    }
  }

  /** For so long, or until the kernel tells of a change. */
  async #wait(delayMs: Millis): Promise<void> {
    const stopped = this.#stopped.signal;
    this.#waiting = new AbortController();
    const either = AbortSignal.any([stopped, this.#waiting.signal]);
    await this.#options.clock.after(delayMs, either).catch(() => stopped.throwIfAborted());
  }

  /** Never brings back what somebody has removed. */
  #renew(): void {
    const { clock, device, address } = this.#options;
    if (clock.now() - this.#renewedMs < RENEW_MS) return;
    this.#renewedMs = clock.now();
    if (addressState(device, address) === 'usable') addAddress(device, address, LIFETIME_S);
  }

  #send(): void {
    const { device, address, log } = this.#options;
    try {
      announce(device, address);
    } catch (error) {
      // The monitor sees a device that is gone; an announcement is repeated anyway.
      log(`announcement of ${address}: ${String(error)}`);
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#nextMs = this.#options.clock.now() + (BURST_MS[this.#burst] ?? REFRESH_MS);
    this.#burst += 1;
  }
}
