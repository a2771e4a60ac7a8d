/**
 * Asks again and again, while nothing is wrong, whether this node could take each group: is the disk
 * reached, is nothing of it held here (DESIGN §8)? A node that finds out only when it is needed is a
 * second outage. Groups that run here are not asked.
 */
import { resolveParameters } from '../cluster/parameters.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import { HoldfastError } from '../lib/error.ts';
import type { GroupId } from '../lib/ids.ts';
import type { Fitness } from '../membership/heartbeat.ts';
import type { ActionContext, Outcome } from '../resources/agent.ts';
import { withDeadline } from './deadline.ts';
import type { World } from './world.ts';

export type FitnessOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly state: () => ClusterState;
  readonly runsHere: (group: GroupId) => boolean;
  readonly report: (fitness: readonly Omit<Fitness, 'ageMs'>[]) => void;
};

/** A check may take this many intervals before the node counts as unfit. */
const PATIENCE = 5;

export class FitnessCheck {
  readonly #options: FitnessOptions;
  readonly #stop = new AbortController();

  constructor(options: FitnessOptions) {
    this.#options = options;
  }

  /** Runs until `stop`; one round at a time. */
  async run(): Promise<void> {
    const { world, config } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#options.report(await this.#round());
      try {
        await world.clock.after(config.times.fitnessIntervalMs, signal);
      } catch {
        return; // stopped
      }
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  async #round(): Promise<Omit<Fitness, 'ageMs'>[]> {
    const groups = Object.values(this.#options.state().groups);
    const asked = groups.filter((group) => !this.#options.runsHere(group.definition.group));
    return await Promise.all(asked.map((group) => this.#group(group)));
  }

  async #group(group: GroupState): Promise<Omit<Fitness, 'ageMs'>> {
    const name = group.definition.group;
    const outcomes = await Promise.all(this.#resources(group));
    const bad = outcomes.find((outcome) => outcome.status !== 0);
    const code = bad === undefined ? null : (bad.code ?? 'NODE_NOT_ELIGIBLE');
    return { group: name, fit: bad === undefined, code };
  }

  #resources(group: GroupState): Promise<Outcome>[] {
    const { config, world, state } = this.#options;
    const resources = group.definition.resources.map((r) => resolveParameters(r, config.node));
    const context: Omit<ActionContext, 'signal'> = {
      group: group.definition.group,
      node: config.node,
      nodeNumber: state().members[config.node]?.member.number ?? 0,
      clusterId: config.clusterId,
      epoch: group.epoch,
      reason: group.reason,
      previousOwner: group.previousOwner,
      resources,
      predecessorFenced: false,
      lastEpoch: state().lastEpoch,
    };
    return resources.map(async (resource): Promise<Outcome> => {
      const agent = world.agents.get(resource.type);
      if (agent === undefined) {
        return { status: 5, code: 'UNKNOWN_RESOURCE_TYPE', detail: resource.type };
      }
      try {
        return await withDeadline({
          clock: world.clock,
          timeoutMs: config.times.fitnessIntervalMs * PATIENCE,
          outer: this.#stop.signal,
          work: (signal) => agent.fitness(resource, { ...context, signal }),
          late: () => ({ status: 1, code: 'MONITOR_TIMED_OUT', detail: 'no answer in time' }),
        });
      } catch (error) {
        const code = error instanceof HoldfastError ? error.code : 'INTERNAL';
        return { status: 1, code, detail: String(error) };
      }
    });
  }
}
