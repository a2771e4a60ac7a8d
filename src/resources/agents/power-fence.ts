/**
 * Agent `power-fence`: the machine of the previous owner is off before what needs this resource
 * starts. For groups without a disk, which otherwise rest on time alone, and as a second layer for
 * others.
 *
 * It acts in a failover only: an owner that stopped in order, that moved the group, or that is this
 * node itself is not fenced. With `policy: required` nothing above it starts unless a device says
 * that the machine is off; with `best-effort` what went wrong is told, and the group goes on.
 *
 * It does not decide who is dead and does not shorten a lease. Reference: DESIGN §8 (last words);
 * `fencing/power/plan.ts`.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { askAgent, isInstalled } from '../../fencing/power/fence-agent.ts';
import { type PowerOutcome, powerFence } from '../../fencing/power/power-fence.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Epoch } from '../../lib/ids.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { NOT_RUNNING, OK } from '../agent.ts';
import { failed, outcomeOf } from '../outcome.ts';
import { type PowerParameters, powerParameters } from './power-fence-parameters.ts';

export class PowerFenceAgent implements ResourceAgent {
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  /** By group and resource: the epoch for which it was done. */
  readonly #done = new Map<string, Epoch>();

  constructor(options: { readonly clock: Clock; readonly log: (line: string) => void }) {
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Each agent is asked for its metadata, which needs no device. */
  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      for (const device of powerParameters(definition).devices) {
        const { status, said } = await askAgent(device, 'metadata', context.signal);
        if (status !== 0) return failed('POWER_FENCE_FAILED', `${device.program}: ${said}`);
      }
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, _context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { devices } = powerParameters(definition);
      for (const program of new Set(devices.map((device) => device.program))) {
        if (!(await isInstalled(program))) return failed('COMMAND_NOT_FOUND', program);
      }
      return OK;
    });
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const parameters = powerParameters(definition);
      const name = nameOf(definition, context);
      if (this.#done.get(name) === context.epoch) return OK;
      const victim = victimOf(context);
      const told = victim === null ? OK : await this.#fence(victim, parameters, context);
      if (told.status === 0) this.#done.set(name, context.epoch);
      return told;
    });
  }

  async stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    this.#done.delete(nameOf(definition, context));
    return OK;
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

  async monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#done.get(nameOf(definition, context)) === context.epoch ? OK : NOT_RUNNING;
  }

  watch(): void {
    // What was cut off is not watched: who comes back asks the cluster before it does anything.
  }

  teardown(): readonly [] {
    return [];
  }

  async #fence(
    victim: string,
    { action, policy, devices }: PowerParameters,
    { signal }: ActionContext,
  ): Promise<Outcome> {
    const mine = devices.filter(({ node }) => node === victim);
    const goal = { action, devices: mine };
    const outcome: PowerOutcome =
      mine.length === 0
        ? { down: false, level: null, reasons: [`no device is named for ${victim}`] }
        : await powerFence(goal, { clock: this.#clock, signal });
    for (const reason of outcome.reasons) this.#log(`power of ${victim}: ${reason}`);
    const detail = outcome.down
      ? `${victim} is off, by level ${outcome.level}`
      : `${victim} is not known to be off: ${outcome.reasons.at(-1) ?? ''}`;
    this.#log(detail);
    if (outcome.down || policy === 'best-effort') return { ...OK, detail };
    return failed('POWER_FENCE_FAILED', detail);
  }
}

/** Whose machine has to be off; null when nobody's. */
function victimOf({ reason, clean, previousOwner, node }: ActionContext): string | null {
  if (reason !== 'failover' || clean === true || previousOwner === node) return null;
  return previousOwner;
}

function nameOf(definition: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${definition.name}`;
}
