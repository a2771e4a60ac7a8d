/**
 * Routes of this host: add, remove, look. Adding what is there and removing what is gone are
 * successes. Ours carry a protocol number of their own, so that nobody takes them for the
 * administrator's (`ip route show proto 212`).
 *
 * Reference: rtnetlink(7), linux/rtnetlink.h.
 */
import { HoldfastError } from '../lib/error.ts';
import { type Address, familyNumber, parseAddress } from './address.ts';
import {
  ask,
  attribute,
  attributes,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_REPLACE,
  uint32,
} from './netlink.ts';
import { findLink, link } from './network.ts';

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_TABLE = 15;
const RT_TABLE_UNSPEC = 0;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;
const PROTOCOL = 212;
const MAIN_TABLE = 254;

export type Route = {
  /** `198.51.100.0/24`, `2001:db8:1::/48`, or `0.0.0.0/0` and `::/0`. */
  readonly destination: string;
  readonly device: string;
  readonly gateway: string | null;
  /** Which of its addresses this host uses for what it sends along here. */
  readonly source: string | null;
  readonly metric: number;
  readonly table: number | null;
};

/**
 * @throws HoldfastError DEVICE_NOT_FOUND, FLOATING_ADDRESS_INVALID, NETWORK_CHANGE_REFUSED (also when the
 *   gateway cannot be reached on the device)
 */
export function addRoute(route: Route): void {
  const { index } = link(route.device);
  const body = encode(route, index, route.gateway === null ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  const answer = ask({ type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE, body });
  if (answer.refusal !== null) refuse(route, answer.refusal);
}

/** A route, or a device, that is gone is a success. */
export function deleteRoute(route: Route): void {
  const found = findLink(route.device);
  if (found === null) return;
  const answer = ask({
    type: RTM_DELROUTE,
    flags: 0,
    body: encode(route, found.index, RT_SCOPE_NOWHERE),
  });
  if (answer.refusal !== null && answer.refusal !== 'ESRCH' && answer.refusal !== 'ENODEV') {
    refuse(route, answer.refusal);
  }
}

export function hasRoute(route: Route): boolean {
  const found = findLink(route.device);
  if (found === null) return false;
  const destination = parseNetwork(route.destination);
  const body = Buffer.alloc(12);
  body.writeUInt8(familyNumber(destination), 0);
  const { messages, refusal } = ask({ type: RTM_GETROUTE, flags: NLM_F_DUMP, body });
  if (refusal !== null) refuse(route, refusal);
  return messages.some((message) => {
    const values = attributes(message, 12);
    const number = (type: number) => values.get(type)?.readUInt32LE(0) ?? 0;
    const bytes = values.get(RTA_DST) ?? Buffer.alloc(destination.bytes.length);
    const gateway = route.gateway === null ? undefined : parseAddress(route.gateway).bytes;
    return (
      message.readUInt8(1) === destination.prefix &&
      message.readUInt8(5) === PROTOCOL &&
      number(RTA_TABLE) === (route.table ?? MAIN_TABLE) &&
      number(RTA_OIF) === found.index &&
      (route.metric === 0 || number(RTA_PRIORITY) === route.metric) &&
      bytes.equals(destination.bytes) &&
      (gateway === undefined || values.get(RTA_GATEWAY)?.equals(gateway) === true)
    );
  });
}

/** Like an address, with a prefix that may be 0 and nothing behind it. */
function parseNetwork(text: string): Address {
  const [host = '', length = ''] = text.split('/');
  const address = parseAddress(host);
  const prefix = length === '' ? address.prefix : Number(length);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > address.prefix) {
    throw new HoldfastError('FLOATING_ADDRESS_INVALID', { address: text });
  }
  return { ...address, prefix };
}

/** struct rtmsg, and what a route is told by. */
function encode(route: Route, index: number, scope: number): Buffer {
  const destination = parseNetwork(route.destination);
  const header = Buffer.alloc(12);
  header.writeUInt8(familyNumber(destination), 0);
  header.writeUInt8(destination.prefix, 1);
  header.writeUInt8(RT_TABLE_UNSPEC, 4);
  header.writeUInt8(PROTOCOL, 5);
  header.writeUInt8(scope, 6);
  header.writeUInt8(RTN_UNICAST, 7);
  const { gateway, source, metric, table } = route;
  return Buffer.concat([
    header,
    ...(destination.prefix === 0 ? [] : [attribute(RTA_DST, destination.bytes)]),
    attribute(RTA_OIF, uint32(index)),
    attribute(RTA_TABLE, uint32(table ?? MAIN_TABLE)),
    ...(gateway === null ? [] : [attribute(RTA_GATEWAY, parseAddress(gateway).bytes)]),
    ...(source === null ? [] : [attribute(RTA_PREFSRC, parseAddress(source).bytes)]),
    ...(metric === 0 ? [] : [attribute(RTA_PRIORITY, uint32(metric))]),
  ]);
}

function refuse(route: Route, reason: string): never {
  throw new HoldfastError('NETWORK_CHANGE_REFUSED', { route: route.destination, reason });
}
