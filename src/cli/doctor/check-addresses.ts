/**
 * Settings of the kernel that make another node's floating address answer here: with the default
 * `arp_ignore` a machine answers ARP for any address that it has, on any card.
 *
 * Reference: the kernel's ip-sysctl, `arp_ignore`.
 */
import { type Findings, findingsOf } from './finding.ts';

export type AddressFacts = {
  /** Whether any group has a floating address. */
  readonly floating: boolean;
  /** net.ipv4.conf.all.arp_ignore; null: not readable. */
  readonly arpIgnore: number | null;
};

export function checkAddresses({ floating, arpIgnore }: AddressFacts): Findings {
  const { good, warning } = findingsOf('addresses');
  if (!floating) return [];
  return arpIgnore === null || arpIgnore >= 1
    ? [good('ARP is answered only where the address is')]
    : [
        warning(
          'net.ipv4.conf.all.arp_ignore is 0: a parent interface answers for a floating address with its own MAC',
          'sysctl net.ipv4.conf.all.arp_ignore=1, and in /etc/sysctl.d',
        ),
      ];
}
