/**
 * An address that moves with its group: clients keep one address whoever serves it.
 *
 * The order is the point. The address is guarded in the packet filter before it exists, so it is silent
 * from its first moment; it speaks when the lease opens the filter; only then it is announced. On the
 * way down it falls silent first and is removed second. A frozen machine falls silent by itself.
 *
 * Who opens the filter: the guardian, each time it acknowledges a lease. `start` and `resume` wait for
 * that. (`openUntil` opens it from here and is for nodes without a guardian.)
 *
 * A duplicate probe runs while the disk is taken over. An answer is told and not waited for: in a
 * failover it comes from an owner that has just lost its lease.
 *
 * Parameters: `address` (192.0.2.9/24, 2001:db8::9/64), and `device` or `on` (a virtual-mac resource).
 *
 * Reference: DESIGN §7, §9; RFC 5227, RFC 4861 §7.2.6; VRRP, RFC 9568.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { parseAddress } from '../../system/address.ts';
import { probeDuplicate } from '../../system/announce.ts';
import {
  addAddress,
  addressState,
  deleteAddress,
  findLink,
  link,
  setIpv4Option,
} from '../../system/network.ts';
import type { PacketFilter } from '../../system/packet-filter.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { requiredText } from '../parameters.ts';
import { Announcer } from './announcer.ts';
import { deviceOf, placeOf } from './floating-ip-place.ts';

export type FloatingIpOptions = {
  readonly clock: Clock;
  readonly filter: PacketFilter;
  readonly log: (line: string) => void;
  /** Monotonic end of the group's lease, for a node on which no guardian opens the filter. */
  readonly openUntil?: (context: ActionContext) => Millis;
};

type Running = {
  announcer: Announcer | null;
  duplicate: string | null;
  probing: AbortController;
  /** The rules were installed by `prepare`: 20 ms of a slow machine that `start` need not spend. */
  guarded: boolean;
};

const PROBE_TIMEOUT_MS: Millis = 500;
const LOOK_EVERY_MS: Millis = 5;
const WATCH_EVERY_MS: Millis = 200;

export class FloatingIpAgent implements ResourceAgent {
  readonly #options: FloatingIpOptions;
  readonly #running = new Map<string, Running>();

  constructor(options: FloatingIpOptions) {
    this.#options = options;
  }

  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      parseAddress(requiredText(definition, 'address'));
      deviceOf(definition, context);
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { address, device, through } = placeOf(definition, context);
      const found = link(through);
      if (!found.up || !found.carrier) return failed('LINK_DOWN', through);
      if ((await this.#options.filter.layout()) === 'bridge' && found.kind !== 'bridge') {
        return failed('ADDRESS_UNGUARDED', `${through} is no bridge`);
      }
      if (addressState(device, address) === 'absent') return OK;
      return failed('ADDRESS_DUPLICATE', `${address} is still on ${device} of this node`);
    });
  }

  /** Guards the address and asks the wire who has it; does not wait for an answer. */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { address } = placeOf(definition, context);
      await this.#options.filter.guard([address]);
      this.#stateOf(definition, context).guarded = true;
      void this.#probe(definition, context);
      return OK;
    });
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { filter } = this.#options;
      const { address, device } = placeOf(definition, context);
      const running = this.#stateOf(definition, context);
      running.probing.abort();
      if (!running.guarded) await filter.guard([address]);
      // Or removing one floating address would take others of its network with it.
      if (parseAddress(address).family === 4) setIpv4Option(device, 'promote_secondaries', 1);
      addAddress(device, address);
      await this.#waitUntilLive(definition, context);
      running.announcer ??= this.#announcer(device, address);
      running.announcer.announce();
      const { duplicate } = running;
      return duplicate === null ? OK : { ...OK, detail: `${duplicate} answered for ${address}` };
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { filter } = this.#options;
      const { address, device } = placeOf(definition, context);
      this.#forget(definition, context);
      await filter.block([address]);
      deleteAddress(device, address);
      await filter.forget([address]);
      return OK;
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.stop(definition, context);
  }

  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#options.filter.block([requiredText(definition, 'address')]);
      this.#running.get(keyOf(definition, context))?.announcer?.pause();
      return OK;
    });
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#waitUntilLive(definition, context);
      this.#running.get(keyOf(definition, context))?.announcer?.announce();
      return OK;
    });
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => look(definition, context));
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const watching = async () => {
      let last: number = OK.status;
      while (!context.signal.aborted) {
        const outcome = await outcomeOf(async () => look(definition, context));
        if (outcome.status !== last) changed(outcome);
        last = outcome.status;
        await this.#options.clock.after(WATCH_EVERY_MS, context.signal);
      }
    };
    watching().catch((error: unknown) => {
      if (!context.signal.aborted) this.#options.log(`watch of ${definition.name}: ${error}`);
    });
  }

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    const address = requiredText(definition, 'address');
    const device = deviceOf(definition, context);
    return [
      { kind: 'block-address', group: context.group, address },
      { kind: 'delete-address', device, address },
    ];
  }

  #announcer(device: string, address: string): Announcer {
    const { clock, filter, log } = this.#options;
    const announcer = new Announcer({ device, address, clock, filter, log });
    announcer.start();
    return announcer;
  }

  async #waitUntilLive(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    const { clock, filter, openUntil } = this.#options;
    const address = requiredText(definition, 'address');
    if (openUntil !== undefined) await filter.open([address], openUntil(context));
    const untilMs = clock.now() + definition.startTimeoutMs * 0.8;
    while (!(await filter.isLive(address))) {
      if (clock.now() > untilMs) throw new HoldfastError('ADDRESS_NOT_LIVE', { address });
      await clock.after(LOOK_EVERY_MS, context.signal);
    }
  }

  async #probe(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    const { clock, log } = this.#options;
    const running = this.#stateOf(definition, context);
    try {
      const { address, through } = placeOf(definition, context);
      const signal = running.probing.signal;
      const options = { clock, timeoutMs: PROBE_TIMEOUT_MS, signal };
      running.duplicate = await probeDuplicate(through, address, options);
      if (running.duplicate !== null) log(`${running.duplicate} answers for ${address}`);
    } catch (error) {
      // The probe only adds to what is told; the device is looked at again when the address starts.
      if (!running.probing.signal.aborted) log(`duplicate probe: ${String(error)}`);
    }
  }

  #stateOf(definition: ResourceDefinition, context: ActionContext): Running {
    const key = keyOf(definition, context);
    const state = this.#running.get(key);
    if (state !== undefined) return state;
    const probing = new AbortController();
    const fresh = { announcer: null, duplicate: null, probing, guarded: false };
    this.#running.set(key, fresh);
    return fresh;
  }

  #forget(definition: ResourceDefinition, context: ActionContext): void {
    const key = keyOf(definition, context);
    const state = this.#running.get(key);
    state?.probing.abort();
    state?.announcer?.stop();
    this.#running.delete(key);
  }
}

function look(definition: ResourceDefinition, context: ActionContext): Outcome {
  const { address, device } = placeOf(definition, context);
  const state = addressState(device, address);
  if (state === 'absent') return notRunning(`${address} is not on ${device}`);
  if (state === 'duplicate') return failed('ADDRESS_DUPLICATE', `${address} on ${device}`);
  const found = findLink(device);
  return found?.up === true && found.carrier ? OK : failed('LINK_DOWN', device);
}

function keyOf({ name }: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${name}`;
}
