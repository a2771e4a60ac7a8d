/**
 * The lease as the kernel holds it. The intuition: a frozen process cannot take its address back, so
 * the permission to speak must run out by itself. A packet to or from a *guarded* address passes only
 * while the address is also *live*; being live is an element of a set with a timeout in milliseconds,
 * renewed together with the lease. No process need run for an address to fall silent.
 *
 * Fail closed: guarding comes first and has no timeout; a lost live element is silence. If somebody
 * flushes the whole rule set, the next renewal fails, builds the table again and renews.
 *
 * What is covered: IP (also forwarded, so that a published container port obeys), ARP answers and the
 * neighbour advertisements of IPv6, whose source is the address itself. Not covered: frames that are
 * written to the device below the IP layer. The announcer does that, and asks `isLive` before each.
 *
 * It does not decide how long; that is the lease (DESIGN §7). All methods can be called by daemon and
 * guardian alike: the state is in the kernel, and every script is one atomic transaction.
 *
 * Reference: nft(8) "SETS" timeout, "RULESET"; netfilter hooks of families inet and arp.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type Address, parseAddress } from './address.ts';
import { type Nftables, nftables } from './nftables.ts';
import {
  dead,
  type FilterLayout,
  guarding,
  installation,
  living,
  mainFamily,
  probe,
  removal,
  unguarding,
} from './packet-filter-rules.ts';

export type PacketFilterOptions = {
  readonly clusterId: string;
  readonly clock: Clock;
  /** Default: the library, or the command where there is none. */
  readonly nftables?: Nftables;
};

type Lines = (
  place: { readonly table: string; readonly layout: FilterLayout },
  address: Address,
) => readonly string[];

/** An element may outlive the asked moment by this much; a machine that stood still is caught by it. */
const OVERSHOOT_MS: Millis = 5;
const OPEN_ATTEMPTS = 3;

export class PacketFilter {
  /** Name of the tables, one for each of the families inet and arp. */
  readonly table: string;
  readonly #clock: Clock;
  readonly #given: Nftables | undefined;
  #engine: Nftables | null = null;
  #layout: FilterLayout | null = null;

  constructor(options: PacketFilterOptions) {
    const tag = createHash('sha256').update(options.clusterId).digest('hex').slice(0, 8);
    this.table = `holdfast_${tag}`;
    this.#clock = options.clock;
    this.#given = options.nftables;
  }

  /**
   * From now on these addresses are silent unless live. Also mends the tables.
   *
   * @throws HoldfastError PACKET_FILTER_FAILED
   */
  async guard(addresses: readonly string[]): Promise<void> {
    const layout = await this.layout();
    const guard = this.#each(layout, addresses, guarding);
    await this.#perform(`${installation({ table: this.table, layout })}\n${guard}`);
  }

  /**
   * Guards the addresses and lets them speak until `untilMs` (monotonic). A moment that has passed
   * closes them. Answers whether they are open.
   *
   * A machine that stood still between the reading of the clock and the kernel's would give away
   * that time on top, so the call measures itself and corrects.
   *
   * @throws HoldfastError PACKET_FILTER_FAILED
   */
  async open(addresses: readonly string[], untilMs: Millis): Promise<boolean> {
    let marginMs = 0;
    for (let attempt = 0; attempt < OPEN_ATTEMPTS && addresses.length > 0; attempt += 1) {
      const beganMs = this.#clock.now();
      const timeoutMs = Math.floor(untilMs - beganMs - marginMs);
      if (timeoutMs < 1) break;
      await this.#tend(addresses, (place, address) => [
        ...guarding(place, address),
        ...living(place, address, timeoutMs),
      ]);
      const tookMs = this.#clock.now() - beganMs;
      if (tookMs <= marginMs + OVERSHOOT_MS) return true;
      marginMs = tookMs;
    }
    await this.block(addresses);
    return false;
  }

  /**
   * Silence at once. The addresses stay guarded.
   *
   * @throws HoldfastError PACKET_FILTER_FAILED
   */
  async block(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    await this.#tend(addresses, (place, address) => [
      ...guarding(place, address),
      ...dead(place, address),
    ]);
  }

  /** Neither guarded nor live any more: only for an address that this machine does not have. */
  async forget(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    await this.#tend(addresses, (place, address) => [
      ...dead(place, address),
      ...unguarding(place, address),
    ]);
  }

  /** What the kernel says now: may packets of this address pass? */
  async isLive(address: string): Promise<boolean> {
    const { family, text } = parseAddress(address);
    const set = `${mainFamily(await this.layout())} ${this.table} live${family}`;
    const { ok } = await this.#nftables().apply(`get element ${set} { ${text} }`);
    return ok;
  }

  /** Takes both tables away with everything in them. */
  async remove(): Promise<void> {
    await this.#perform(removal({ table: this.table, layout: await this.layout() }));
  }

  /** Found out once: which families of nftables this kernel has. */
  async layout(): Promise<FilterLayout> {
    if (this.#layout !== null) return this.#layout;
    for (const layout of ['layers', 'bridge'] as const) {
      const { ok } = await this.#nftables().apply(probe({ table: this.table, layout }));
      if (ok) this.#layout = layout;
      if (ok) return layout;
    }
    return 'layers'; // none works, and the first use of it says why
  }

  /** Elements need their sets. Where these are missing (first use, a flush), all is built at once. */
  async #tend(addresses: readonly string[], lines: Lines): Promise<void> {
    const layout = await this.layout();
    const elements = this.#each(layout, addresses, lines);
    const { ok } = await this.#nftables().apply(elements);
    if (!ok) await this.#perform(`${installation({ table: this.table, layout })}\n${elements}`);
  }

  async #perform(script: string): Promise<void> {
    const { ok, error } = await this.#nftables().apply(script);
    if (!ok) throw new HoldfastError('PACKET_FILTER_FAILED', { error: error.trim().slice(0, 300) });
  }

  #each(layout: FilterLayout, addresses: readonly string[], lines: Lines): string {
    const place = { table: this.table, layout };
    return addresses.flatMap((text) => lines(place, parseAddress(text))).join('\n');
  }

  #nftables(): Nftables {
    this.#engine ??= this.#given ?? nftables();
    return this.#engine;
  }
}
