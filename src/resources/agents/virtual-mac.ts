/**
 * A MAC address of the group's own, on a macvlan above a real device. It moves with the group, so that
 * clients and switches that ignore gratuitous ARP, and protocols that are not IP, follow too.
 *
 * Mode `bridge`: macvlans of different groups (and of containers) on one parent can speak to each
 * other; in mode `private` two groups on one node could not, and would as soon as one of them moved.
 *
 * The parent must not answer ARP for addresses on the macvlan with its own MAC, so `arp_ignore` and
 * `arp_announce` are set on it and stay set. The device itself makes no address up. When it comes up it
 * tells the switches where it is now, or frames that are not IP would go to the old owner's port; each of
 * these few frames is sent in time or not at all. Everything else is sent by a floating IP, and that
 * the packet filter guards. A soft expiry therefore changes nothing here. Frames that are not IP are only
 * stopped by the hard expiry, which removes the device.
 *
 * Parameters: `parent`, `mac` (default: derived from cluster, group and name, locally administered).
 *
 * Reference: DESIGN §9; Linux Documentation/networking/ip-sysctl.rst; RFC 7042 §2.1.
 */
import { createHash } from 'node:crypto';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import { announcePresence } from '../../system/announce.ts';
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

/** Pauses between the frames that tell switches where the MAC address is now. */
const AGAIN_MS: readonly Millis[] = [20, 100];
/** P4: so long after its moment, and no longer, a frame of a machine that stood still may leave. */
const LATE_MS: Millis = 25;

export class VirtualMacAgent implements ResourceAgent {
  readonly #clock: Clock;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
  }

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
      const name = virtualMacDevice(definition.name, context);
      if (findLink(name)?.up === true) return OK;
      await setLinkUp(name, true);
      announcePresence(name);
      void this.#repeat(name, context.signal);
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

  /** Without a lease to ask: so a frame that is late, as after a freeze, is not sent. */
  async #repeat(name: string, signal: AbortSignal): Promise<void> {
    for (const afterMs of AGAIN_MS) {
      const dueMs = this.#clock.now() + afterMs;
      const ran = await this.#clock.after(afterMs, signal).then(
        () => true,
        () => false, // interrupted
      );
      if (!ran || this.#clock.now() > dueMs + LATE_MS) return;
      try {
        if (findLink(name)?.up !== true) return;
        announcePresence(name);
      } catch {
        return; // The device went in this moment: there is nothing to tell any more.
      }
    }
  }
}

function macOf(definition: ResourceDefinition, context: Place): string {
  const mac = optionalText(definition, 'mac')?.toLowerCase().replaceAll('-', ':');
  return mac ?? derivedMac(definition.name, context);
}

function digest(resource: string, { clusterId, group }: Place): Buffer {
  return createHash('sha256').update([clusterId, group, resource].join('\0')).digest();
}
