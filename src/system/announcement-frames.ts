/**
 * The Ethernet frames by which a node says "this address is here now", and asks "has anybody got it?".
 * Only bytes; `announce.ts` puts them on a wire.
 *
 * Gratuitous ARP goes out in both forms, as a request and as a reply, since equipment exists that
 * learns from only one of them. IPv6 uses an unsolicited neighbour advertisement with the override
 * flag.
 *
 * Reference: RFC 826, RFC 903, RFC 5227 §2.1.1 (ARP probe) and §3 (announcement), RFC 4861 §4.3, §4.4, §7.2.6,
 * RFC 4862 §5.4.2 (duplicate probe), RFC 9131.
 */
import type { Address } from './address.ts';

export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;

const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255);
const ARP_REQUEST = 1;
const ARP_REPLY = 2;
const ETHERTYPE_RARP = 0x8035;
const RARP_REQUEST = 3;
const ICMPV6 = 58;
const NEIGHBOUR_SOLICITATION = 135;
const NEIGHBOUR_ADVERTISEMENT = 136;
const OVERRIDE = 0x2000_0000;
const SOURCE_LINK_LAYER_ADDRESS = 1;
const TARGET_LINK_LAYER_ADDRESS = 2;
const ETHERNET_HEADER = 14;
const IPV6_HEADER = 40;

/** Frames that make neighbours send the address's packets to `mac` from now on. */
export function announcements(mac: Uint8Array, address: Address): readonly Buffer[] {
  if (address.family === 6) return [neighbourAdvertisement(mac, address)];
  const { bytes } = address;
  return [
    arp({
      operation: ARP_REQUEST,
      mac,
      sender: bytes,
      target: bytes,
      targetMac: new Uint8Array(6),
    }),
    arp({ operation: ARP_REPLY, mac, sender: bytes, target: bytes, targetMac: BROADCAST }),
  ];
}

/**
 * "This MAC address is at this port now", for switches and for whoever speaks to it without IP: a reverse
 * ARP request, as hypervisors send it when a machine has moved. It changes no table of addresses.
 */
export function presence(mac: Uint8Array): Buffer {
  const none = new Uint8Array(4);
  const fields = { operation: RARP_REQUEST, mac, sender: none, target: none, targetMac: mac };
  return arp(fields, ETHERTYPE_RARP);
}

/** The question to which only a holder of the address answers; it changes nobody's table. */
export function duplicateProbe(mac: Uint8Array, address: Address): Buffer {
  if (address.family === 6) return neighbourSolicitation(mac, address);
  const nobody = new Uint8Array(4);
  const targetMac = new Uint8Array(6);
  return arp({ operation: ARP_REQUEST, mac, sender: nobody, target: address.bytes, targetMac });
}

/** "Who has `target`? Tell me": the everyday question of a neighbour, in the name of `own`. */
export function neighbourQuestion(mac: Uint8Array, own: Address, target: Address): Buffer {
  if (own.family === 6) return neighbourSolicitation(mac, target, own);
  const targetMac = new Uint8Array(6);
  const [sender, asked] = [own.bytes, target.bytes];
  return arp({ operation: ARP_REQUEST, mac, sender, target: asked, targetMac });
}

/** The MAC address that speaks for `address` in this frame, or null when the frame is about others. */
export function claimant(frame: Buffer, address: Address): Buffer | null {
  return address.family === 4 ? arpClaimant(frame, address) : ipv6Claimant(frame, address);
}

function arpClaimant(frame: Buffer, address: Address): Buffer | null {
  if (frame.length < 42 || frame.readUInt16BE(12) !== ETHERTYPE_ARP) return null;
  const sender = frame.subarray(28, 32);
  return sender.equals(address.bytes) ? frame.subarray(22, 28) : null;
}

function ipv6Claimant(frame: Buffer, address: Address): Buffer | null {
  const icmp = ETHERNET_HEADER + IPV6_HEADER;
  if (frame.length < icmp + 24 || frame.readUInt16BE(12) !== ETHERTYPE_IPV6) return null;
  if (frame[20] !== ICMPV6 || frame[icmp] !== NEIGHBOUR_ADVERTISEMENT) return null;
  const target = frame.subarray(icmp + 8, icmp + 24);
  return target.equals(address.bytes) ? frame.subarray(6, 12) : null;
}

function ethernet(to: Uint8Array, from: Uint8Array, type: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(ETHERNET_HEADER);
  header.set(to, 0);
  header.set(from, 6);
  header.writeUInt16BE(type, 12);
  return Buffer.concat([header, payload]);
}

function arp(
  fields: {
    readonly operation: number;
    readonly mac: Uint8Array;
    readonly sender: Uint8Array;
    readonly target: Uint8Array;
    readonly targetMac: Uint8Array;
  },
  type = ETHERTYPE_ARP,
): Buffer {
  const payload = Buffer.alloc(28);
  payload.writeUInt16BE(1, 0);
  payload.writeUInt16BE(0x0800, 2);
  payload.writeUInt8(6, 4);
  payload.writeUInt8(4, 5);
  payload.writeUInt16BE(fields.operation, 6);
  payload.set(fields.mac, 8);
  payload.set(fields.sender, 14);
  payload.set(fields.targetMac, 18);
  payload.set(fields.target, 24);
  return ethernet(BROADCAST, fields.mac, type, payload);
}

/** Unsolicited, to all nodes, with override: the caches take the new link-layer address at once. */
function neighbourAdvertisement(mac: Uint8Array, address: Address): Buffer {
  const allNodes = multicast(Uint8Array.of(0, 0, 0, 1));
  const message = Buffer.alloc(32);
  message.writeUInt8(NEIGHBOUR_ADVERTISEMENT, 0);
  message.writeUInt32BE(OVERRIDE, 4);
  message.set(address.bytes, 8);
  message.writeUInt8(TARGET_LINK_LAYER_ADDRESS, 24);
  message.writeUInt8(1, 25);
  message.set(mac, 26);
  const to = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1);
  return ethernet(to, mac, ETHERTYPE_IPV6, ipv6(address.bytes, allNodes, message));
}

/**
 * To the solicited-node group of the address: from the unspecified address it asks for duplicates, from
 * an address of one's own, with the link-layer address beside it, for the neighbour.
 */
function neighbourSolicitation(mac: Uint8Array, address: Address, own?: Address): Buffer {
  const [a = 0, b = 0, c = 0] = address.bytes.subarray(13);
  const group = multicast(Uint8Array.of(0xff, a, b, c), 1);
  const message = Buffer.alloc(own === undefined ? 24 : 32);
  message.writeUInt8(NEIGHBOUR_SOLICITATION, 0);
  message.set(address.bytes, 8);
  if (own !== undefined) {
    message.writeUInt8(SOURCE_LINK_LAYER_ADDRESS, 24);
    message.writeUInt8(1, 25);
    message.set(mac, 26);
  }
  const to = Uint8Array.of(0x33, 0x33, 0xff, a, b, c);
  const source = own?.bytes ?? new Uint8Array(16);
  return ethernet(to, mac, ETHERTYPE_IPV6, ipv6(source, group, message));
}

/** ff02::…: `groupPrefix` 1 at byte 11 makes it a solicited-node group (RFC 4291 §2.7.1). */
function multicast(last: Uint8Array, groupPrefix = 0): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = 0xff;
  bytes[1] = 0x02;
  bytes[11] = groupPrefix;
  bytes.set(last, 12);
  return bytes;
}

function ipv6(source: Uint8Array, destination: Uint8Array, message: Buffer): Buffer {
  const header = Buffer.alloc(IPV6_HEADER);
  header.writeUInt32BE(0x6000_0000, 0);
  header.writeUInt16BE(message.length, 4);
  header.writeUInt8(ICMPV6, 6);
  header.writeUInt8(255, 7);
  header.set(source, 8);
  header.set(destination, 24);
  const pseudo = Buffer.alloc(8);
  pseudo.writeUInt32BE(message.length, 0);
  pseudo.writeUInt8(ICMPV6, 7);
  message.writeUInt16BE(checksum(Buffer.concat([source, destination, pseudo, message])), 2);
  return Buffer.concat([header, message]);
}

/** RFC 1071, over an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
