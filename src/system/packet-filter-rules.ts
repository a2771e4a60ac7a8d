/**
 * The words in which the packet filter speaks to nftables: pure text, in one of two layouts.
 *
 * - `layers`: families inet and arp, which see every packet of this machine. The ordinary case.
 * - `bridge`: family bridge alone, for kernels that have no other (user-mode Linux). It sees only what
 *   crosses a bridge, so it guards an address only on a device that stands on one.
 *
 * Reference: nft(8) "ADDRESS FAMILIES", "SETS" (timeout), netfilter hooks of each family.
 */
import type { Millis } from '../lib/ids.ts';
import type { Address } from './address.ts';

export type FilterLayout = 'layers' | 'bridge';

type Place = { readonly table: string; readonly layout: FilterLayout };

/** Family whose table holds the sets that are asked whether an address is live. */
export function mainFamily(layout: FilterLayout): string {
  return layout === 'layers' ? 'inet' : 'bridge';
}

export function familiesOf(layout: FilterLayout): readonly string[] {
  return layout === 'layers' ? ['inet', 'arp'] : ['bridge'];
}

function element(
  { table, layout }: Place,
  { family, text }: Address,
  verb: 'add' | 'delete',
  set: 'guarded' | 'live',
  timeout = '',
): readonly string[] {
  const families = family === 4 ? familiesOf(layout) : [mainFamily(layout)];
  return families.map(
    (name) => `${verb} element ${name} ${table} ${set}${family} { ${text}${timeout} }`,
  );
}

export const guarding = (place: Place, address: Address) =>
  element(place, address, 'add', 'guarded');

export const unguarding = (place: Place, address: Address) => [
  ...guarding(place, address),
  ...element(place, address, 'delete', 'guarded'),
];

/** The first line makes the second one succeed whether or not the element was there. */
export const dead = (place: Place, address: Address) => [
  ...element(place, address, 'add', 'live', ' timeout 1s'),
  ...element(place, address, 'delete', 'live'),
];

/** Adding an element that is there leaves its old timeout; so it goes and comes in one transaction. */
export const living = (place: Place, address: Address, timeoutMs: Millis) => [
  ...dead(place, address),
  ...element(place, address, 'add', 'live', ` timeout ${timeoutMs}ms`),
];

/** Succeeds where the kernel has every family of the layout, and leaves nothing. */
export function probe({ table, layout }: Place): string {
  const name = `${table}_probe`;
  return familiesOf(layout)
    .map((family) => `add table ${family} ${name}\ndelete table ${family} ${name}`)
    .join('\n');
}

export function removal({ table, layout }: Place): string {
  return familiesOf(layout)
    .map((family) => `add table ${family} ${table}\ndelete table ${family} ${table}`)
    .join('\n');
}

/**
 * Idempotent: what is there stays, the rules are replaced in the same transaction.
 *
 * Hooks: `prerouting` before and `postrouting` after any address translation, so that the floating
 * address is still (already) in the packet. An ARP request that comes from a guarded address is let
 * in: it is the announcement of the address's new owner.
 */
export function installation({ table, layout }: Place): string {
  const ip = mainFamily(layout);
  const arp = layout === 'layers' ? 'arp' : 'bridge';
  const frame = `
${sets(ip, table)}
${chains(ip, table, 'prerouting', 'postrouting')}
add rule ${ip} ${table} arriving ip daddr @guarded4 ip daddr != @live4 drop
add rule ${ip} ${table} arriving ip6 daddr @guarded6 ip6 daddr != @live6 drop
add rule ${ip} ${table} leaving ip saddr @guarded4 ip saddr != @live4 drop
add rule ${ip} ${table} leaving ip6 saddr @guarded6 ip6 saddr != @live6 drop`;
  const own =
    layout === 'layers' ? `\n${sets(arp, table)}\n${chains(arp, table, 'input', 'output')}` : '';
  return `${frame}${own}
add rule ${arp} ${table} arriving arp daddr ip @guarded4 arp daddr ip != @live4 arp saddr ip != @guarded4 drop
add rule ${arp} ${table} leaving arp saddr ip @guarded4 arp saddr ip != @live4 drop`.trim();
}

function sets(family: string, table: string): string {
  const kinds = family === 'arp' ? ['4'] : ['4', '6'];
  return [
    `add table ${family} ${table}`,
    ...kinds.flatMap((kind) => [
      `add set ${family} ${table} guarded${kind} { type ipv${kind}_addr; }`,
      `add set ${family} ${table} live${kind} { type ipv${kind}_addr; flags timeout; }`,
    ]),
  ].join('\n');
}

function chains(family: string, table: string, into: string, outOf: string): string {
  const late = family === 'arp' ? -300 : 300;
  return `add chain ${family} ${table} arriving { type filter hook ${into} priority -300; policy accept; }
add chain ${family} ${table} leaving { type filter hook ${outOf} priority ${late}; policy accept; }
flush chain ${family} ${table} arriving
flush chain ${family} ${table} leaving`;
}
