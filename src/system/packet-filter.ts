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

export type PacketFilterOptions = {
  readonly clusterId: string;
  readonly clock: Clock;
  /** Default: the library, or the command where there is none. */
  readonly nftables?: Nftables;
};

/** An element may outlive the asked moment by this much; a machine that stood still is caught by it. */
const OVERSHOOT_MS: Millis = 5;
const OPEN_ATTEMPTS = 3;

export class PacketFilter {
  /** Name of the tables, one for each of the families inet and arp. */
  readonly table: string;
  readonly #clock: Clock;
  readonly #given: Nftables | undefined;
  #engine: Nftables | null = null;

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
    await this.#perform(`${installation(this.table)}\n${this.#each(addresses, guarding)}`);
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
      await this.#tend(
        this.#each(addresses, (table, address) => [
          ...guarding(table, address),
          ...living(table, address, timeoutMs),
        ]),
      );
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
    await this.#tend(
      this.#each(addresses, (table, address) => [
        ...guarding(table, address),
        ...dead(table, address),
      ]),
    );
  }

  /** Neither guarded nor live any more: only for an address that this machine does not have. */
  async forget(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    await this.#tend(
      this.#each(addresses, (table, address) => [
        ...dead(table, address),
        ...guarding(table, address),
        ...element(table, address, 'delete', 'guarded'),
      ]),
    );
  }

  /** What the kernel says now: may packets of this address pass? */
  async isLive(address: string): Promise<boolean> {
    const { family, text } = parseAddress(address);
    const set = `inet ${this.table} live${family}`;
    const { ok } = await this.#nftables().apply(`get element ${set} { ${text} }`);
    return ok;
  }

  /** Takes both tables away with everything in them. */
  async remove(): Promise<void> {
    const { table } = this;
    await this.#perform(
      ['inet', 'arp']
        .map((family) => `add table ${family} ${table}\ndelete table ${family} ${table}`)
        .join('\n'),
    );
  }

  /** Elements need their sets. Where these are missing (first use, a flush), all is built at once. */
  async #tend(elements: string): Promise<void> {
    const { ok } = await this.#nftables().apply(elements);
    if (!ok) await this.#perform(`${installation(this.table)}\n${elements}`);
  }

  async #perform(script: string): Promise<void> {
    const { ok, error } = await this.#nftables().apply(script);
    if (!ok) throw new HoldfastError('PACKET_FILTER_FAILED', { error: error.trim().slice(0, 300) });
  }

  #each(
    addresses: readonly string[],
    lines: (table: string, address: Address) => readonly string[],
  ): string {
    return addresses.flatMap((text) => lines(this.table, parseAddress(text))).join('\n');
  }

  #nftables(): Nftables {
    this.#engine ??= this.#given ?? nftables();
    return this.#engine;
  }
}

function element(
  table: string,
  { family, text }: Address,
  verb: 'add' | 'delete',
  set: 'guarded' | 'live',
  timeout = '',
): readonly string[] {
  const families = family === 4 ? ['inet', 'arp'] : ['inet'];
  return families.map(
    (name) => `${verb} element ${name} ${table} ${set}${family} { ${text}${timeout} }`,
  );
}

const guarding = (table: string, address: Address) => element(table, address, 'add', 'guarded');

/** The first line makes the second one succeed whether or not the element was there. */
const dead = (table: string, address: Address) => [
  ...element(table, address, 'add', 'live', ' timeout 1s'),
  ...element(table, address, 'delete', 'live'),
];

/** Adding an element that is there leaves its old timeout; so it goes and comes in one transaction. */
const living = (table: string, address: Address, timeoutMs: Millis) => [
  ...dead(table, address),
  ...element(table, address, 'add', 'live', ` timeout ${timeoutMs}ms`),
];

/**
 * Idempotent: what is there stays, the rules are replaced in the same transaction.
 *
 * Hooks: `prerouting` before and `postrouting` after any address translation, so that the floating
 * address is still (already) in the packet. An ARP request that comes from a guarded address is let
 * in: it is the announcement of the address's new owner.
 */
function installation(table: string): string {
  return `
add table inet ${table}
add set inet ${table} guarded4 { type ipv4_addr; }
add set inet ${table} guarded6 { type ipv6_addr; }
add set inet ${table} live4 { type ipv4_addr; flags timeout; }
add set inet ${table} live6 { type ipv6_addr; flags timeout; }
add chain inet ${table} arriving { type filter hook prerouting priority -300; policy accept; }
add chain inet ${table} leaving { type filter hook postrouting priority 300; policy accept; }
flush chain inet ${table} arriving
flush chain inet ${table} leaving
add rule inet ${table} arriving ip daddr @guarded4 ip daddr != @live4 drop
add rule inet ${table} arriving ip6 daddr @guarded6 ip6 daddr != @live6 drop
add rule inet ${table} leaving ip saddr @guarded4 ip saddr != @live4 drop
add rule inet ${table} leaving ip6 saddr @guarded6 ip6 saddr != @live6 drop
add table arp ${table}
add set arp ${table} guarded4 { type ipv4_addr; }
add set arp ${table} live4 { type ipv4_addr; flags timeout; }
add chain arp ${table} arriving { type filter hook input priority -300; policy accept; }
add chain arp ${table} leaving { type filter hook output priority -300; policy accept; }
flush chain arp ${table} arriving
flush chain arp ${table} leaving
add rule arp ${table} arriving arp daddr ip @guarded4 arp daddr ip != @live4 arp saddr ip != @guarded4 drop
add rule arp ${table} leaving arp saddr ip @guarded4 arp saddr ip != @live4 drop`.trim();
}
