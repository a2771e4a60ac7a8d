/** One laboratory for each agent that needs real devices: what the contract runs on. */
import { readFileSync } from 'node:fs';
import type { ResourceDefinition } from '../../../src/cluster/definition.ts';
import type { ActionContext, ResourceAgent } from '../../../src/resources/agent.ts';
import { ApplicationAgent } from '../../../src/resources/agents/application.ts';
import { FilesystemAgent } from '../../../src/resources/agents/filesystem.ts';
import { FloatingIpAgent } from '../../../src/resources/agents/floating-ip.ts';
import { RouteAgent } from '../../../src/resources/agents/route.ts';
import { VirtualMacAgent } from '../../../src/resources/agents/virtual-mac.ts';
import { monotonicClock as clock } from '../../../src/system/clock.ts';
import { PacketFilter } from '../../../src/system/packet-filter.ts';
import { undo } from '../../../src/system/undo.ts';
import type { AgentLab } from '../../contract/resource-agent.ts';
import { until } from '../../system/support/until.ts';
import { contextOf, resource } from '../support/definitions.ts';
import type { DiskStage } from '../support/disk-stage.ts';
import { PUBLIC } from '../support/network-stage.ts';
import { works } from '../support/shell.ts';

export const filter = new PacketFilter({ clusterId: 'stage', clock });
export const virtualMac = new VirtualMacAgent({ clock });
const route = new RouteAgent();
export const floatingIp = new FloatingIpAgent({ clock, filter, log: () => {} });
const deviceOf = async (disk: ResourceDefinition) => String(disk.parameters['device']);
export const filesystem = new FilesystemAgent({ clock, deviceOf });

const LEASE_MS = 60_000;
const calm = new AbortController().signal;

/** Plays the guardian for one address: the filter stays open for a minute. */
export async function lease(address: string): Promise<void> {
  // A command that takes longer than the one before it is taken back; a guardian asks again too.
  await until('it is open', () => filter.open([address], clock.now() + LEASE_MS));
}

export const MAC = resource('virtual-mac', { parent: PUBLIC }, { name: 'mac' });

export function addressOn(device: string, address: string): ResourceDefinition {
  return resource('floating-ip', { address, device });
}

export function addressOnMac(address: string): ResourceDefinition {
  return resource('floating-ip', { address, on: 'mac' });
}

/** The address over a virtual MAC needs that one started: its actions carry it along. */
class StackedAgent extends FloatingIpAgent {
  override async start(definition: ResourceDefinition, context: ActionContext) {
    await virtualMac.start(MAC, context);
    return await super.start(definition, context);
  }
}

/** Types that this kernel mounts and this machine can make. */
export function journaled(): readonly string[] {
  const known = readFileSync('/proc/filesystems', 'utf8');
  return ['ext3', 'ext4', 'xfs', 'btrfs'].filter((type) => {
    if (
      new RegExp(`\\b${type}$`, 'm').test(known) &&
      works('sh', '-c', `command -v mkfs.${type}`)
    ) {
      return true;
    }
    process.stderr.write(`${type} is not tested: the kernel or mkfs.${type} is missing\n`);
    return false;
  });
}

export function labs(disks: DiskStage, directory: string): Readonly<Record<string, AgentLab>> {
  const lab = (
    agent: ResourceAgent,
    definition: ResourceDefinition,
    resources: readonly ResourceDefinition[] = [],
  ): AgentLab => ({
    agent,
    definition,
    context: contextOf({ resources }),
    lease: async () => {
      if (definition.type === 'floating-ip') await lease(String(definition.parameters['address']));
    },
    undo: (item) => undo(item, { filter, clock, timeoutMs: 20_000, signal: calm }),
    holds: true,
  });
  const mounted = (type: string) => {
    const disk = resource('disk', { device: disks.disk(`contract-${type}`, type) });
    const parameters = { disk: disk.name, directory: disks.directory(`on-${type}`), type };
    return lab(filesystem, resource('filesystem', parameters), [disk]);
  };
  const stacked = new StackedAgent({ clock, filter, log: () => {} });
  return {
    'virtual-mac': lab(virtualMac, MAC),
    'floating-ip of IPv4': lab(floatingIp, addressOn(PUBLIC, '192.0.2.9/24')),
    'floating-ip of IPv6': lab(floatingIp, addressOn(PUBLIC, '2001:db8::9/64')),
    'floating-ip on a virtual MAC': lab(stacked, addressOnMac('192.0.2.10/24'), [MAC]),
    'a route of IPv4': lab(
      route,
      resource('route', {
        destination: '198.51.100.0/24',
        device: PUBLIC,
        gateway: '192.0.2.1',
        source: '192.0.2.2',
        metric: 50,
      }),
    ),
    'a route of IPv6': lab(
      route,
      resource('route', {
        destination: '2001:db8:1::/48',
        device: PUBLIC,
        gateway: '2001:db8::1',
        table: 212,
      }),
    ),
    'a default route': lab(
      route,
      resource('route', { destination: 'default', device: PUBLIC, gateway: '192.0.2.1' }),
    ),
    ...Object.fromEntries(journaled().map((type) => [`filesystem ${type}`, mounted(type)])),
    application: lab(
      new ApplicationAgent({ clock, logDirectory: directory }),
      resource('application', { command: ['sleep', '600'] }),
    ),
  };
}
