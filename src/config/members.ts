/** Reads `interconnects:` and `members:`; each member answers on every interconnect, and only there. */

import { isIP } from 'node:net';
import type { Member } from '../cluster/definition.ts';
import type { Interconnect, NodeId } from '../lib/ids.ts';
import { memberSchema } from './schema.ts';
import { readPart } from './shape.ts';
import type { Source } from './source.ts';
import type { Uses } from './uses.ts';
import { isLoopback, isUnspecific, parseEndpoint } from './values.ts';

export function checkInterconnects(
  source: Source,
  uses: Uses,
  interconnects: readonly Interconnect[],
): void {
  interconnects.forEach((interconnect, index) => {
    uses.use('DUPLICATE_NAME', 'interconnect', interconnect, ['interconnects', index]);
  });
  if (interconnects.length < 2) {
    const detail = `${interconnects.length} of at least 2`;
    source.error('TOO_FEW_INTERCONNECTS', ['interconnects'], detail);
  }
}

/** The members that could be read; the others are faults in `source`. */
export function readMembers(
  source: Source,
  uses: Uses,
  raw: readonly unknown[],
  interconnects: readonly Interconnect[],
): readonly Member[] {
  const members = raw.flatMap((each, index): readonly Member[] => {
    const path = ['members', index];
    const read = readPart(source, path, each, memberSchema);
    if (read === null) return [];
    const { name: node, number, 'peer-id': peerId, addresses } = read;
    uses.use('DUPLICATE_NAME', 'member', node, [...path, 'name']);
    uses.use('DUPLICATE_NAME', 'number', number, [...path, 'number']);
    uses.use('DUPLICATE_NAME', 'peer id', peerId, [...path, 'peer-id']);
    const member = { node, number, peerId, addresses };
    checkAddresses(source, uses, member, { path, interconnects });
    return [member];
  });
  warnOfVoters(source, raw.length);
  return members;
}

function checkAddresses(
  source: Source,
  uses: Uses,
  { node, addresses }: Member,
  {
    path,
    interconnects,
  }: {
    readonly path: readonly (string | number)[];
    readonly interconnects: readonly Interconnect[];
  },
): void {
  for (const interconnect of interconnects) {
    if (addresses[interconnect] !== undefined) continue;
    const detail = `missing: the address of ${node} on interconnect ${interconnect}`;
    source.error('CONFIG_INVALID', [...path, 'addresses'], detail);
  }
  const hosts = new Set<string>();
  for (const [interconnect, address] of Object.entries(addresses)) {
    const at = [...path, 'addresses', interconnect];
    if (!interconnects.includes(interconnect)) {
      source.errorAtKey('CONFIG_UNKNOWN_KEY', at, `no interconnect is called ${interconnect}`);
    }
    const parsed = parseEndpoint(address);
    if (parsed === null) continue;
    const { host, port } = parsed;
    if (isUnspecific(host)) {
      source.error('CONFIG_INVALID', at, `${host} is not the address of one machine`);
    }
    uses.use('DUPLICATE_ADDRESS', 'address', `${host} port ${port}`, at);
    if (isIP(host) === 0) {
      source.warn(at, `${host} is a name: when the name service fails, so may the interconnect`);
    }
    if (hosts.has(host) && !isLoopback(host)) {
      source.warn(at, `${node} has ${host} on two interconnects: they would fail together`);
    }
    hosts.add(host);
  }
}

function warnOfVoters(source: Source, voters: number): void {
  if (voters > 0 && voters < 3) {
    source.warn(['members'], `with ${voters} voters no failure can be survived; use three`);
  } else if (voters % 2 === 0 && voters > 0) {
    const detail =
      `${voters} voters survive no more failures than ${voters - 1}, ` +
      'and an even split serves nothing on either side';
    source.warn(['members'], detail);
  }
}

export function checkNode(
  source: Source,
  path: readonly (string | number)[],
  node: NodeId,
  names: readonly NodeId[],
): void {
  if (names.includes(node)) return;
  source.error('NODE_NOT_IN_MEMBERS', path, `${node} is not one of ${names.join(', ') || 'none'}`);
}
