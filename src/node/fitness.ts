/**
 * Asks again and again, while nothing is wrong, whether this node could take each group: is the disk
 * reached, is nothing of it held here (DESIGN §8)? A node that finds out only when it is needed is a
 * second outage. Groups that run here are not asked.
 */
import { resolveParameters } from '../cluster/parameters.ts';
import type { ClusterState, GroupState } from '../cluster/state.ts';
import type { NodeConfig } from '../config/types.ts';
import { HoldfastError } from '../lib/error.ts';
import type { GroupId, Millis } from '../lib/ids.ts';
import type { Fitness } from '../membership/heartbeat.ts';
import type { ActionContext, Outcome } from '../resources/agent.ts';
import { withDeadline } from './deadline.ts';
import type { World } from './world.ts';

export type FitnessOptions = {
  readonly config: NodeConfig;
  readonly world: World;
  readonly state: () => ClusterState;
  readonly runsHere: (group: GroupId) => boolean;
  /** Something of the group is still under way here although it does not run here. */
  readonly busy: (group: GroupId) => boolean;
  /** Everything that is known now; called after every answer. */
  readonly report: (fitness: readonly Verified[]) => void;
};

/** When it was found out, on this node's clock: what is old counts no more. */
export type Verified = Omit<Fitness, 'ageMs'> & { readonly atMs: Millis };

/** A check may take this many intervals before the node counts as unfit. */
const PATIENCE = 5;

export class FitnessCheck {
  readonly #options: FitnessOptions;
  readonly #stop = new AbortController();
  readonly #known = new Map<GroupId, Verified>();
  readonly #asking = new Set<GroupId>();
  /** The definition that was asked about last: an answer about an earlier one counts for nothing. */
  readonly #revisions = new Map<GroupId, number>();
  #again = new AbortController();

  constructor(options: FitnessOptions) {
    this.#options = options;
  }

  /** Runs until `stop`. Each group is asked by itself: a disk that hangs delays no other group. */
  async run(): Promise<void> {
    const { world, config } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#again = new AbortController();
      this.#round();
      const either = AbortSignal.any([signal, this.#again.signal]);
      // Ends early when it is stopped, or when there is something new to ask.
      await world.clock.after(config.times.fitnessIntervalMs, either).catch(() => undefined);
    }
  }

  applied(before: ClusterState, after: ClusterState): void {
    const anew = Object.entries(after.groups).some(
      ([name, group]) => group.revision !== before.groups[name]?.revision,
    );
    if (anew) this.again();
  }

  /** At once: a group was defined anew, or what ran here is down. */
  again(): void {
    this.#again.abort();
  }

  stop(): void {
    this.#stop.abort();
  }

  #round(): void {
    const { state, runsHere } = this.#options;
    const { groups } = state();
    for (const name of this.#known.keys()) {
      if (groups[name] === undefined || runsHere(name)) this.#known.delete(name);
    }
    for (const [name, group] of Object.entries(groups)) {
      if (group.revision !== this.#revisions.get(name)) this.#known.delete(name);
      if (runsHere(name) || this.#asking.has(name)) continue;
      this.#asking.add(name);
      this.#revisions.set(name, group.revision);
      this.#group(group).then((verified) => this.#answered(name, verified));
    }
    this.#report();
  }

  #answered(name: GroupId, verified: Verified): void {
    this.#asking.delete(name);
    // It may have been given to this node, or deleted, while it was asked for.
    const { state, runsHere } = this.#options;
    const group = state().groups[name];
    const old = group !== undefined && group.revision !== this.#revisions.get(name);
    if (group === undefined || old || runsHere(name)) this.#known.delete(name);
    else this.#known.set(name, verified);
    if (old) this.again();
    this.#report();
  }

  #report(): void {
    if (!this.#stop.signal.aborted) this.#options.report([...this.#known.values()]);
  }

  /** `atMs` is when the question was put: what was true then need not be true any more. */
  async #group(group: GroupState): Promise<Verified> {
    const name = group.definition.group;
    const atMs = this.#options.world.clock.now();
    if (this.#options.busy(name)) {
      return { group: name, fit: false, code: 'RESOURCE_HELD', atMs };
    }
    const outcomes = await Promise.all(this.#resources(group));
    const bad = outcomes.find((outcome) => outcome.status !== 0);
    const code = bad === undefined ? null : (bad.code ?? 'NODE_NOT_ELIGIBLE');
    return { group: name, fit: bad === undefined, code, atMs };
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
