/**
 * Network devices and addresses of this host: look, add, remove. Adding what is there and removing
 * what is gone are successes, so that every action above can be repeated.
 *
 * Only devices and addresses; routes, bridges and bonds belong to the administrator.
 *
 * Reference: rtnetlink(7), linux/if_link.h, linux/if_addr.h.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { HoldfastError } from '../lib/error.ts';
import { type Address, familyNumber, parseAddress } from './address.ts';
import {
  ask,
  askAside,
  attribute,
  attributes,
  type NetlinkAnswer,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  text,
  uint32,
} from './netlink.ts';

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_LINK = 5;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_DADFAILED = 0x08;
const IFF_UP = 0x1;
const IFF_LOWER_UP = 0x1_0000;
/** INFINITY_LIFE_TIME */
const FOR_EVER = 0xffff_ffff;
/** Linux's limit for the name of a device (IFNAMSIZ less its terminator). */
const LONGEST_NAME = 15;

export type Link = {
  readonly name: string;
  readonly index: number;
  /** `02:00:5e:00:00:01`; empty for devices without one. */
  readonly mac: string;
  readonly up: boolean;
  /** The cable, or what stands for it, is connected. */
  readonly carrier: boolean;
  /** Index of the device below, 0 for none. */
  readonly parentIndex: number;
  /** `macvlan`, `veth` …; empty for real hardware. */
  readonly kind: string;
};

export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4 } as const;
export type MacvlanMode = keyof typeof MACVLAN_MODES;

/** The device of this name, or null. */
export function findLink(name: string): Link | null {
  const body = Buffer.concat([linkHeader(0, 0, 0), attribute(IFLA_IFNAME, text(deviceName(name)))]);
  const answer = ask({ type: RTM_GETLINK, flags: 0, body });
  if (answer.refusal === 'ENODEV') return null;
  const [found] = accept(answer, { look: name }).messages;
  return found === undefined ? null : decodeLink(found);
}

/** @throws HoldfastError DEVICE_NOT_FOUND */
export function link(name: string): Link {
  const found = findLink(name);
  if (found === null) throw new HoldfastError('DEVICE_NOT_FOUND', { device: name });
  return found;
}

/**
 * Adds an address, or gives one that is there a new lifetime. One of IPv6 is usable at once: whether
 * somebody else has it was asked before (duplicate probe), and the kernel's own test would take a second.
 * After `lifetimeS` (whole seconds; for ever without it) the kernel removes it by itself.
 *
 * @throws HoldfastError DEVICE_NOT_FOUND, FLOATING_ADDRESS_INVALID, NETWORK_CHANGE_REFUSED
 */
export function addAddress(device: string, address: string, lifetimeS = FOR_EVER): void {
  const parsed = parseAddress(address);
  const body = Buffer.concat([
    addressHeader(parsed, link(device).index),
    attribute(IFA_LOCAL, parsed.bytes),
    attribute(IFA_ADDRESS, parsed.bytes),
    attribute(IFA_CACHEINFO, lifetime(lifetimeS)),
    attribute(IFA_FLAGS, uint32(parsed.family === 6 ? IFA_F_NODAD : 0)),
  ]);
  const answer = ask({ type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE, body });
  if (answer.refusal !== 'EEXIST') accept(answer, { add: address, device });
}

/** struct ifa_cacheinfo: preferred and valid for the same time. */
function lifetime(seconds: number): Buffer {
  return Buffer.concat([uint32(seconds), uint32(seconds), uint32(0), uint32(0)]);
}

/** A device or an address that is gone is a success. */
export function deleteAddress(device: string, address: string): void {
  const parsed = parseAddress(address);
  const found = findLink(device);
  if (found === null) return;
  const body = Buffer.concat([
    addressHeader(parsed, found.index),
    attribute(IFA_LOCAL, parsed.bytes),
    attribute(IFA_ADDRESS, parsed.bytes),
  ]);
  const answer = ask({ type: RTM_DELADDR, flags: 0, body });
  if (answer.refusal === 'EADDRNOTAVAIL' || answer.refusal === 'ENODEV') return;
  accept(answer, { delete: address, device });
}

/** `duplicate`: the kernel found that somebody else has it (IPv6 only) and does not use it. */
export function addressState(device: string, address: string): 'absent' | 'usable' | 'duplicate' {
  const parsed = parseAddress(address);
  const found = findLink(device);
  if (found === null) return 'absent';
  const body = Buffer.alloc(8);
  body.writeUInt8(familyNumber(parsed), 0);
  const answer = accept(ask({ type: RTM_GETADDR, flags: NLM_F_DUMP, body }), { look: address });
  const entry = answer.messages.find((message) => isAddress(message, found.index, parsed));
  if (entry === undefined) return 'absent';
  const flags = attributes(entry, 8).get(IFA_FLAGS)?.readUInt32LE(0) ?? 0;
  return (flags & IFA_F_DADFAILED) === 0 ? 'usable' : 'duplicate';
}

/**
 * A macvlan of this name with this MAC on `parent`, down. One that is there with other properties is
 * replaced.
 *
 * @throws HoldfastError DEVICE_NOT_FOUND, NETWORK_CHANGE_REFUSED
 */
export async function addMacvlan(options: {
  readonly name: string;
  readonly parent: string;
  readonly mac: string;
  readonly mode: MacvlanMode;
}): Promise<void> {
  const { name, mac, mode } = options;
  const parent = link(options.parent);
  const there = findLink(name);
  if (there !== null) {
    const same =
      there.kind === 'macvlan' && there.mac === mac && there.parentIndex === parent.index;
    if (same) return;
    await deleteLink(name);
  }
  const data = attribute(IFLA_MACVLAN_MODE, uint32(MACVLAN_MODES[mode]));
  const info = [attribute(IFLA_INFO_KIND, text('macvlan')), attribute(IFLA_INFO_DATA, data)];
  const body = Buffer.concat([
    linkHeader(0, 0, 0),
    attribute(IFLA_IFNAME, text(deviceName(name))),
    attribute(IFLA_LINK, uint32(parent.index)),
    attribute(IFLA_ADDRESS, macBytes(mac)),
    attribute(IFLA_LINKINFO, Buffer.concat(info)),
  ]);
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  accept(await askAside({ type: RTM_NEWLINK, flags, body }), { create: name, parent: parent.name });
}

/** @throws HoldfastError DEVICE_NOT_FOUND, NETWORK_CHANGE_REFUSED */
export async function setLinkUp(name: string, up: boolean): Promise<void> {
  const body = linkHeader(link(name).index, up ? IFF_UP : 0, IFF_UP);
  accept(await askAside({ type: RTM_NEWLINK, flags: 0, body }), { device: name, up });
}

/** A device that is gone is a success. */
export async function deleteLink(name: string): Promise<void> {
  const found = findLink(name);
  if (found === null) return;
  const answer = await askAside({
    type: RTM_DELLINK,
    flags: 0,
    body: linkHeader(found.index, 0, 0),
  });
  if (answer.refusal !== 'ENODEV') accept(answer, { delete: name });
}

/**
 * Sets `net.ipv4.conf.DEVICE.NAME`; where `conf.all` says the same already, it holds for each device
 * (ip-sysctl.rst), and nothing is written: in a container these files are read-only.
 *
 * @throws HoldfastError NETWORK_CHANGE_REFUSED
 */
export function setIpv4Option(device: string, name: string, value: number): void {
  const own = `ipv4/conf/${deviceName(device)}/${name}`;
  if (option(`ipv4/conf/all/${name}`) !== String(value)) setOption(own, value);
}

/**
 * Sets `net.ipv6.conf.DEVICE.NAME`; without IPv6 on this machine there is nothing to set.
 *
 * @throws HoldfastError NETWORK_CHANGE_REFUSED
 */
export function setIpv6Option(device: string, name: string, value: number): void {
  if (existsSync('/proc/sys/net/ipv6')) setOption(`ipv6/conf/${deviceName(device)}/${name}`, value);
}

function option(path: string): string | null {
  try {
    return readFileSync(`/proc/sys/net/${path}`, 'utf8').trim();
  } catch {
    return null; // not known to this kernel
  }
}

function setOption(path: string, value: number): void {
  try {
    if (option(path) !== String(value)) writeFileSync(`/proc/sys/net/${path}`, String(value));
  } catch (cause) {
    throw new HoldfastError('NETWORK_CHANGE_REFUSED', { option: path, value }, { cause });
  }
}

/** @throws HoldfastError NETWORK_CHANGE_REFUSED when it is not six bytes in hex. */
export function macBytes(mac: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) {
    throw new HoldfastError('NETWORK_CHANGE_REFUSED', { reason: 'not a MAC address', mac });
  }
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

function deviceName(name: string): string {
  if (/^[^\s/]+$/.test(name) && name.length <= LONGEST_NAME && name !== '.' && name !== '..') {
    return name;
  }
  throw new HoldfastError('DEVICE_NOT_FOUND', { device: name });
}

/** struct ifinfomsg */
function linkHeader(index: number, flags: number, change: number): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(flags, 8);
  header.writeUInt32LE(change, 12);
  return header;
}

/** struct ifaddrmsg */
function addressHeader(address: Address, index: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(familyNumber(address), 0);
  header.writeUInt8(address.prefix, 1);
  header.writeUInt32LE(index, 4);
  return header;
}

function isAddress(message: Buffer, index: number, wanted: Address): boolean {
  if (message.readUInt32LE(4) !== index) return false;
  const found = attributes(message, 8);
  const bytes = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS);
  return bytes?.equals(wanted.bytes) ?? false;
}

function decodeLink(message: Buffer): Link {
  const found = attributes(message, 16);
  const flags = message.readUInt32LE(8);
  const info = attributes(found.get(IFLA_LINKINFO) ?? Buffer.alloc(0), 0);
  const string = (bytes: Buffer | undefined) => bytes?.toString('utf8').replace(/\0.*$/, '') ?? '';
  return {
    name: string(found.get(IFLA_IFNAME)),
    index: message.readInt32LE(4),
    mac:
      found
        .get(IFLA_ADDRESS)
        ?.toString('hex')
        .replace(/(..)(?=.)/g, '$1:') ?? '',
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    parentIndex: found.get(IFLA_LINK)?.readUInt32LE(0) ?? 0,
    kind: string(info.get(IFLA_INFO_KIND)),
  };
}

function accept(answer: NetlinkAnswer, context: Readonly<Record<string, unknown>>): NetlinkAnswer {
  if (answer.refusal === null) return answer;
  if (answer.refusal === 'ENODEV') throw new HoldfastError('DEVICE_NOT_FOUND', context);
  throw new HoldfastError('NETWORK_CHANGE_REFUSED', { ...context, reason: answer.refusal });
}
