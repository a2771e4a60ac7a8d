/** Reads `groups:`: failover groups with their resources, and what they may not share. */
import type { GroupDefinition, Member, Parameter } from '../cluster/definition.ts';
import { dependencyOrder } from '../cluster/dependency-order.ts';
import { leadersOf } from '../cluster/policy.ts';
import type { NodeId } from '../lib/ids.ts';
import type { Path } from './fault.ts';
import { checkNode } from './members.ts';
import { readPolicy } from './policy.ts';
import { checkDependencies, glance, type PlacedResource, readResource } from './resources.ts';
import { groupSchema } from './schema.ts';
import { readPart } from './shape.ts';
import type { Source } from './source.ts';
import type { Uses } from './uses.ts';
import { parseCidr, parseEndpoint } from './values.ts';

/** The groups that could be read; the others are faults in `source`. `nodes`: all members' names. */
export function readGroups(
  source: Source,
  uses: Uses,
  raw: readonly unknown[],
  nodes: readonly NodeId[],
): readonly GroupDefinition[] {
  const groups = raw.flatMap((each, index): readonly GroupDefinition[] => {
    const path = ['groups', index];
    const read = readPart(source, path, each, groupSchema);
    const list: unknown =
      typeof each === 'object' && each !== null ? Reflect.get(each, 'resources') : [];
    const rawResources: readonly unknown[] = Array.isArray(list) ? list : [];
    const resources = readResources(source, uses, path, { raw: rawResources, nodes });
    if (read === null) return [];
    uses.use('DUPLICATE_NAME', 'group', read.name, [...path, 'name']);
    const preferred = new Set<NodeId>();
    read.preferred.forEach((node, at) => {
      checkNode(source, [...path, 'preferred', at], node, nodes);
      uses.use('DUPLICATE_NAME', `preferred node of ${read.name}`, node, [
        ...path,
        'preferred',
        at,
      ]);
      preferred.add(node);
    });
    if (resources.length > 0 && !resources.some(({ definition }) => definition.type === 'disk')) {
      const detail = `group ${read.name} has no disk: nothing but time keeps two owners apart`;
      source.warn(path, detail);
    }
    const definitions = resources.map(({ definition }) => definition);
    const policy = readPolicy(read);
    const group = { group: read.name, resources: definitions, preferred: [...preferred] };
    return [policy === null ? group : { ...group, policy }];
  });
  checkNeighbours(source, raw, groups);
  return groups;
}

/** What groups say of each other: `apply` of the state machine refuses the same. */
function checkNeighbours(
  source: Source,
  raw: readonly unknown[],
  groups: readonly GroupDefinition[],
): void {
  const names = new Set(raw.flatMap((each) => glance(each).name ?? []));
  const order = dependencyOrder(
    groups.map((one) => ({
      name: one.group,
      needs: leadersOf(one).filter((leader) => groups.some(({ group }) => group === leader)),
    })),
  );
  if (!order.ok && order.error.code === 'CYCLIC_DEPENDENCY') {
    const detail = `groups wait for each other: ${order.error.cycle.join(' → ')}`;
    source.error('CYCLIC_DEPENDENCY', ['groups'], detail);
  }
  groups.forEach(({ group, policy }) => {
    const index = raw.findIndex((each) => glance(each).name === group);
    for (const key of ['with', 'apart', 'after'] as const) {
      policy?.[key].forEach((other, at) => {
        const path = ['groups', index, key, at];
        if (other === group) source.error('CONFIG_INVALID', path, `${group} names itself`);
        else if (key === 'apart' && policy.with.includes(other)) {
          source.error('CONFIG_INVALID', path, `${group} is to be with ${other}, too`);
        } else if (!names.has(other)) {
          source.warn(path, `no group of this file is called ${other}`);
        }
      });
    }
  });
}

function readResources(
  source: Source,
  uses: Uses,
  path: Path,
  { raw, nodes }: { readonly raw: readonly unknown[]; readonly nodes: readonly NodeId[] },
): readonly PlacedResource[] {
  const own = uses.within();
  const resources = raw.flatMap((each, index): readonly PlacedResource[] => {
    const at = [...path, 'resources', index];
    const { name } = glance(each);
    if (name !== null) own.use('DUPLICATE_NAME', 'resource', name, [...at, 'name']);
    const resource = readResource(source, at, each, nodes);
    return resource === null ? [] : [resource];
  });
  checkDependencies(source, path, resources, raw.map(glance));
  for (const resource of resources) claim(source, uses, own, resource);
  return resources;
}

/** What a resource takes for itself in the whole cluster. */
function claim(source: Source, uses: Uses, own: Uses, { path, definition }: PlacedResource): void {
  const { parameters, type } = definition;
  const at = (key: string): Path => [...path, 'parameters', key];
  const once = (kind: string, key: string, in_ = uses): void => {
    const value = parameters[key];
    if (typeof value === 'string') in_.use('DUPLICATE_ADDRESS', kind, value, at(key));
  };
  switch (type) {
    case 'disk':
      once('disk', 'identity');
      claimDevices(uses, parameters['device'], at('device'));
      if (parameters['volatile-reservations'] === true) {
        const detail = 'a target that loses power forgets who was fenced: P2 does not hold then';
        source.warn(at('volatile-reservations'), detail);
      }
      if (parameters['accept-late-writes'] === true) {
        const detail = 'a write that was in flight may reach the disk late: P2 does not hold then';
        source.warn(at('accept-late-writes'), detail);
      }
      break;
    case 'filesystem':
      once('file system of disk', 'disk', own);
      once('mount point', 'directory');
      break;
    case 'floating-ip': {
      const address = parseCidr(parameters['address'])?.address;
      if (address !== undefined) {
        uses.use('DUPLICATE_ADDRESS', 'host address', address, at('address'));
      }
      break;
    }
    case 'virtual-mac':
      once('MAC address', 'mac');
      break;
    case 'emulated-address': {
      const where = `emulated address on ${parameters['segment']}`;
      once(where, 'address');
      break;
    }
  }
}

/** The same device is the same disk; names that differ from node to node say nothing. */
function claimDevices(uses: Uses, devices: Parameter | undefined, path: Path): void {
  if (!Array.isArray(devices)) return;
  for (const device of new Set<string>(devices)) {
    uses.use('DUPLICATE_ADDRESS', 'device', device, path);
  }
}

/** A floating address that is also a member's own would never fall silent on that member. */
export function claimHosts(uses: Uses, members: readonly Member[]): void {
  members.forEach((member, index) => {
    const hosts = new Set<string>();
    for (const [interconnect, address] of Object.entries(member.addresses)) {
      const host = parseEndpoint(address)?.host;
      if (host === undefined || hosts.has(host)) continue;
      hosts.add(host);
      uses.claim('host address', host, ['members', index, 'addresses', interconnect]);
    }
  });
}
