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
 * While it is served, the wire is asked now and then whether somebody else has it too; such a duplicate
 * is told, and the address announced again (RFC 5227 §2.4: defend). A failover would not help.
 *
 * Parameters: `address` (192.0.2.9/24, 2001:db8::9/64), and `device` or `on` (a virtual-mac resource).
 * `gateway`: a neighbour that must answer, or the node is not fit; on the owner its silence is told, or
 * with `gateway-loss: move` counts as a failure.
 *
 * Reference: DESIGN §7, §9; RFC 5227, RFC 4861 §7.2.6; VRRP, RFC 9568.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { type Clock, WITHDRAWN } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { parseAddress } from '../../system/address.ts';
import { probeDuplicate, probeNeighbour } from '../../system/announce.ts';
import { watchLinks } from '../../system/link-events.ts';
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
import { optionalText, requiredText } from '../parameters.ts';
import { Announcer, LIFETIME_S } from './announcer.ts';
import { deviceOf, placeOf } from './floating-ip-place.ts';

export type FloatingIpOptions = {
  readonly clock: Clock;
  readonly filter: PacketFilter;
  readonly log: (line: string) => void;
  /** Monotonic end of the group's lease, for a node on which no guardian opens the filter. */
  readonly openUntil?: (context: ActionContext) => Millis;
  /** How often the wire is asked whether somebody else has the address too. */
  readonly aloneEveryMs?: Millis;
};

type Running = {
  announcer: Announcer | null;
  duplicate: string | null;
  probing: AbortController;
  /** Who else was heard to have the address while it was served; null: nobody. */
  intruder: string | null;
  /** The rules were installed by `prepare`: 20 ms of a slow machine that `start` need not spend. */
  guarded: boolean;
};

const PROBE_TIMEOUT_MS: Millis = 500;
const LOOK_EVERY_MS: Millis = 5;
/** Beside the kernel's word that something changed. */
const WATCH_EVERY_MS: Millis = 200;
const ALONE_EVERY_MS: Millis = 10_000;

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
      if (addressState(device, address) !== 'absent') {
        return failed('ADDRESS_DUPLICATE', `${address} is still on ${device} of this node`);
      }
      const gateway = optionalText(definition, 'gateway');
      if (gateway === null) return OK;
      const { clock } = this.#options;
      const asking = { clock, timeoutMs: PROBE_TIMEOUT_MS, signal: context.signal };
      const heard = await probeDuplicate(through, gateway, asking);
      return heard === null ? failed('GATEWAY_SILENT', `${gateway} through ${through}`) : OK;
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
      addAddress(device, address, LIFETIME_S);
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
      const { address, device } = placeOf(definition, context);
      // Its life in the kernel may have run out while it was silent.
      addAddress(device, address, LIFETIME_S);
      await this.#waitUntilLive(definition, context);
      this.#running.get(keyOf(definition, context))?.announcer?.announce();
      return OK;
    });
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const outcome = look(definition, context);
      if (outcome.status !== 0) return outcome;
      const intruder = this.#running.get(keyOf(definition, context))?.intruder ?? null;
      if (intruder !== null) {
        const detail = `${intruder} has ${requiredText(definition, 'address')} too`;
        return { status: 190, code: 'ADDRESS_DUPLICATE', detail };
      }
      return await this.#askGateway(definition, context);
    });
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const watching = async () => {
      const { clock, aloneEveryMs = ALONE_EVERY_MS } = this.#options;
      let news = new AbortController();
      watchLinks(context.signal, () => news.abort(WITHDRAWN));
      let last: number = OK.status;
      let askedMs = clock.now();
      while (!context.signal.aborted) {
        const outcome = await outcomeOf(async () => look(definition, context));
        if (outcome.status !== last) changed(outcome);
        last = outcome.status;
        if (clock.now() - askedMs > aloneEveryMs && outcome.status === 0) {
          askedMs = clock.now();
          void this.#isAlone(definition, context);
        }
        news = new AbortController();
        const either = AbortSignal.any([context.signal, news.signal]);
        await clock.after(WATCH_EVERY_MS, either).catch(() => context.signal.throwIfAborted());
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

  /** Nothing is asked in the name of an address that may not be heard. */
  async #askGateway(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const gateway = optionalText(definition, 'gateway');
    const { address, device } = placeOf(definition, context);
    const { clock, filter } = this.#options;
    if (gateway === null || !(await filter.isLive(address))) return OK;
    const timeoutMs = Math.min(PROBE_TIMEOUT_MS, definition.monitorTimeoutMs / 2);
    const names = { own: address, neighbour: gateway };
    const asking = { clock, timeoutMs, signal: context.signal };
    if ((await probeNeighbour(device, names, asking)) !== null) return OK;
    const outcome = failed('GATEWAY_SILENT', `${gateway} through ${device}`);
    const moves = optionalText(definition, 'gateway-loss') === 'move';
    return moves ? outcome : { ...outcome, status: 190 };
  }

  /** Whether nobody else has the address; if somebody has, it is announced again. */
  async #isAlone(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    const { clock, filter, log } = this.#options;
    const { signal } = context;
    try {
      const { address, device } = placeOf(definition, context);
      const running = this.#stateOf(definition, context);
      if (!(await filter.isLive(address))) return;
      const asking = { clock, timeoutMs: PROBE_TIMEOUT_MS, signal };
      const intruder = await probeDuplicate(device, address, asking);
      if (intruder !== null) {
        if (running.intruder === null) log(`${intruder} has ${address} too`);
        if (await filter.isLive(address)) running.announcer?.announce();
      }
      running.intruder = intruder;
    } catch (error) {
      // A device that is gone is the business of the look above.
      if (!signal.aborted) log(`duplicate probe: ${String(error)}`);
    }
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
    const fresh = { announcer: null, duplicate: null, intruder: null, probing, guarded: false };
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
