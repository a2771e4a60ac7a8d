/**
 * Four Ethernets in one namespace of the host, each a bridge, with a tap for every guest: 0 is the
 * SAN, 1 and 2 are the interconnects, 3 is the public network. The namespace holds .254 on each of
 * them: it is the client.
 *
 * A fault is a set element of one nftables table in the bridge family: frames vanish, nobody is
 * told, connections hang, which is what a dead switch looks like. Several faults set in one call
 * start at the same instant. What it cannot do: a loss of carrier (the guests' vector devices have
 * none), nor delay or random loss.
 */

import { run } from './host.ts';

export type NetworkNumber = 0 | 1 | 2 | 3;
export const networks: readonly NetworkNumber[] = [0, 1, 2, 3];
export const networkNames = ['san', 'interconnect-1', 'interconnect-2', 'public'] as const;

/** What is cut: one guest's cable (both ways, or one way), or the way between two guests only. */
export type Cut =
  | {
      readonly guest: number;
      readonly network: NetworkNumber;
      readonly direction?: 'both' | 'from-guest' | 'to-guest';
    }
  | { readonly between: readonly [number, number]; readonly network: NetworkNumber };

export const guestAddress = (guest: number, network: NetworkNumber): string =>
  `10.99.${network}.${10 + guest}`;
export const clientAddress = (network: NetworkNumber): string => `10.99.${network}.254`;
export const guestMac = (guest: number, network: NetworkNumber): string =>
  `02:bb:00:00:0${network}:${(16 + guest).toString(16)}`;
export const tapOf = (guest: number, network: NetworkNumber): string => `g${guest}n${network}`;

const faultTable = `table bridge lab {
  set silenced { typeof iifname; }
  set deafened { typeof oifname; }
  set apart { typeof iifname . oifname; }
  chain from { type filter hook prerouting priority -300; iifname @silenced drop; }
  chain between { type filter hook forward priority 0; iifname . oifname @apart drop; }
  chain to { type filter hook postrouting priority 300; oifname @deafened drop; }
}
`;

export class Network {
  readonly namespace: string;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** Makes the namespace, the bridges, and taps for guests 0 to `lastGuest`; −1: no taps. */
  async up(lastGuest: number): Promise<void> {
    await run(['ip', 'netns', 'add', this.namespace]);
    const lines = ['link set lo up'];
    for (const n of networks) {
      // No snooping and no IPv6 chatter: what crosses a bridge is what the guests and the client say.
      lines.push(`link add br${n} type bridge forward_delay 0 mcast_snooping 0`);
      lines.push(`addr add ${clientAddress(n)}/24 dev br${n}`, `link set br${n} up`);
      for (let guest = 0; guest <= lastGuest; guest += 1) {
        const tap = tapOf(guest, n);
        lines.push(`tuntap add dev ${tap} mode tap`, `link set ${tap} master br${n} up`);
      }
    }
    await run(['ip', '-n', this.namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
    await this.#nft(faultTable);
  }

  /** Frames vanish from now on, for all of these cuts at once. Cutting twice is cutting once. */
  async cut(...cuts: readonly Cut[]): Promise<void> {
    await this.#nft(
      cuts
        .flatMap(elements)
        .map((e) => `add element bridge lab ${e}\n`)
        .join(''),
    );
  }

  async restore(...cuts: readonly Cut[]): Promise<void> {
    // Deleting what is not there is an error in nft, so each is added first, in the same transaction.
    const both = cuts.flatMap(elements);
    const lines = both.map((e) => `add element bridge lab ${e}\ndelete element bridge lab ${e}\n`);
    await this.#nft(lines.join(''));
  }

  async restoreAll(): Promise<void> {
    await this.#nft(
      ['silenced', 'deafened', 'apart'].map((s) => `flush set bridge lab ${s}\n`).join(''),
    );
  }

  async #nft(script: string): Promise<void> {
    await run(['ip', 'netns', 'exec', this.namespace, 'nft', '-f', '-'], { input: script });
  }
}

function elements(cut: Cut): readonly string[] {
  if ('between' in cut) {
    const [a, b] = [tapOf(cut.between[0], cut.network), tapOf(cut.between[1], cut.network)];
    return [`apart { "${a}" . "${b}" }`, `apart { "${b}" . "${a}" }`];
  }
  const tap = tapOf(cut.guest, cut.network);
  const direction = cut.direction ?? 'both';
  return [
    ...(direction === 'to-guest' ? [] : [`silenced { "${tap}" }`]),
    ...(direction === 'from-guest' ? [] : [`deafened { "${tap}" }`]),
  ];
}
