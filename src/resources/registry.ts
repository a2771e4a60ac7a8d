/**
 * All agents of this node, by the type that definitions name. The disk agent comes from outside, since
 * it stands on fencing and on the devices that the configuration chose.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import type { PacketFilter } from '../system/packet-filter.ts';
import type { ActionContext, ResourceAgent } from './agent.ts';
import { ApplicationAgent } from './agents/application.ts';
import { EmulatedAddressAgent } from './agents/emulated-address.ts';
import { FilesystemAgent } from './agents/filesystem.ts';
import { FloatingIpAgent } from './agents/floating-ip.ts';
import { ModuleAgent } from './agents/module.ts';
import { NfsExportAgent } from './agents/nfs-export.ts';
import { OCF_PLACES } from './agents/ocf/program.ts';
import { OcfAgent } from './agents/ocf.ts';
import { PowerFenceAgent } from './agents/power-fence.ts';
import { RouteAgent } from './agents/route.ts';
import { SystemdAgent } from './agents/systemd.ts';
import { VirtualMacAgent } from './agents/virtual-mac.ts';

export type RegistryOptions = {
  readonly clock: Clock;
  readonly filter: PacketFilter;
  /** Where the output of applications goes. */
  readonly logDirectory: string;
  readonly log: (line: string) => void;
  readonly disk: ResourceAgent;
  /** The device under which this node may write to a disk that it has taken. */
  readonly deviceOf: (disk: ResourceDefinition, context: ActionContext) => Promise<string>;
  /** Only where no guardian opens the packet filter: the monotonic end of the group's lease. */
  readonly openUntil?: (context: ActionContext) => Millis;
};

export function createAgents(options: RegistryOptions): ReadonlyMap<string, ResourceAgent> {
  const { clock, filter, logDirectory, log, disk, deviceOf, openUntil } = options;
  const lease = openUntil === undefined ? {} : { openUntil };
  return new Map<string, ResourceAgent>([
    ['disk', disk],
    ['filesystem', new FilesystemAgent({ clock, deviceOf })],
    ['virtual-mac', new VirtualMacAgent({ clock })],
    ['floating-ip', new FloatingIpAgent({ clock, filter, log, ...lease })],
    ['route', new RouteAgent()],
    ['application', new ApplicationAgent({ clock, logDirectory })],
    ['systemd', new SystemdAgent({ clock })],
    ['ocf', new OcfAgent({ clock, logDirectory, places: OCF_PLACES })],
    ['nfs-export', new NfsExportAgent()],
    ['module', new ModuleAgent({ clock, log, agentsDirectory: OCF_PLACES.agentsDirectory })],
    ['power-fence', new PowerFenceAgent({ clock, log })],
    ['emulated-address', new EmulatedAddressAgent()],
  ]);
}
