/**
 * A MAC address of the group's own, on a macvlan above a real device. It moves with the group, so that
 * clients and switches that ignore gratuitous ARP, and protocols that are not IP, follow too.
 *
 * Mode `bridge`: macvlans of different groups (and of containers) on one parent can speak to each
 * other; in mode `private` two groups on one node could not, and would as soon as one of them moved.
 *
 * The parent must not answer ARP for addresses on the macvlan with its own MAC, so `arp_ignore` and
 * `arp_announce` are set on it and stay set. The device itself makes no address up: what it sends is
 * what a floating IP sends, and that the packet filter guards. A soft expiry therefore changes nothing
 * here. Frames that are not IP are only stopped by the hard expiry, which removes the device.
 *
 * Parameters: `parent`, `mac` (default: derived from cluster, group and name, locally administered).
 *
 * Reference: DESIGN §9; Linux Documentation/networking/ip-sysctl.rst; RFC 7042 §2.1.
 */
import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import {
  addMacvlan,
  deleteLink,
  findLink,
  link,
  macBytes,
  setIpv4Option,
  setIpv6Option,
  setLinkUp,
} from '../../system/network.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { misconfigured, optionalText, requiredText } from '../parameters.ts';

type Place = Pick<ActionContext, 'clusterId' | 'group'>;

/** Name of the macvlan of this virtual-mac resource: the same on every node, unique in the cluster. */
export function virtualMacDevice(resource: string, place: Place): string {
  return `hf${digest(resource, place).toString('hex', 0, 5)}`;
}

/** `02:…`: locally administered, unicast. */
export function derivedMac(resource: string, place: Place): string {
  const bytes = Buffer.concat([Buffer.of(0x02), digest(resource, place).subarray(5, 10)]);
  return bytes.toString('hex').replace(/(..)(?=.)/g, '$1:');
}

export class VirtualMacAgent implements ResourceAgent {
  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const [first = 0] = macBytes(macOf(definition, context));
      if (first & 1) throw misconfigured(definition, 'mac', 'is a multicast address');
      link(requiredText(definition, 'parent'));
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const parent = link(requiredText(definition, 'parent'));
      if (!parent.up || !parent.carrier) return failed('LINK_DOWN', parent.name);
      const own = findLink(virtualMacDevice(definition.name, context));
      if (own?.up === true) return failed('ADDRESS_DUPLICATE', `${own.name} is still up here`);
      return OK;
    });
  }

  /** The device is made, down: nothing of it is seen outside. */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const parent = requiredText(definition, 'parent');
      const name = virtualMacDevice(definition.name, context);
      await addMacvlan({ name, parent, mac: macOf(definition, context), mode: 'bridge' });
      for (const device of [parent, name]) {
        setIpv4Option(device, 'arp_ignore', 1);
        setIpv4Option(device, 'arp_announce', 2);
      }
      // Answers may leave by the parent: a strict reverse path filter would drop the questions.
      setIpv4Option(name, 'rp_filter', 2);
      setIpv6Option(name, 'addr_gen_mode', 1);
      setIpv6Option(name, 'accept_ra', 0);
      return OK;
    });
  }

  async start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const prepared = await this.prepare(definition, context);
    if (prepared.status !== 0) return prepared;
    return await outcomeOf(async () => {
      await setLinkUp(virtualMacDevice(definition.name, context), true);
      return OK;
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await deleteLink(virtualMacDevice(definition.name, context));
      return OK;
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  async suspend(): Promise<Outcome> {
    return OK;
  }

  async resume(): Promise<Outcome> {
    return OK;
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const name = virtualMacDevice(definition.name, context);
      const found = findLink(name);
      if (found?.up !== true) return notRunning(`${name} is ${found === null ? 'absent' : 'down'}`);
      if (found.mac !== macOf(definition, context)) {
        return failed('ADDRESS_DUPLICATE', `${name} has got ${found.mac}`);
      }
      return found.carrier ? OK : failed('LINK_DOWN', `${requiredText(definition, 'parent')}`);
    });
  }

  /** The floating IP above it watches the carrier. */
  watch(): void {}

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    return [{ kind: 'delete-link', device: virtualMacDevice(definition.name, context) }];
  }
}

function macOf(definition: ResourceDefinition, context: Place): string {
  const mac = optionalText(definition, 'mac')?.toLowerCase().replaceAll('-', ':');
  return mac ?? derivedMac(definition.name, context);
}

function digest(resource: string, { clusterId, group }: Place): Buffer {
  return createHash('sha256').update([clusterId, group, resource].join('\0')).digest();
}
