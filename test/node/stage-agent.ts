/**
 * Agents of a cluster in memory: what they do is seen on the stage, and how well they do it is in the
 * hand of a test. One agent object is one daemon's; with its daemon it ends in the middle of things.
 */

import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { HoldfastError } from '../../src/lib/error.ts';
import {
  type ActionContext,
  NOT_RUNNING,
  OK,
  type Outcome,
  type ResourceAgent,
} from '../../src/resources/agent.ts';
import type { Stage } from './stage.ts';

/** What is wrong with one node's resources at the moment. */
export type Behaviour = {
  startDelayMs: number;
  /** Names of resources whose start fails, hangs, or hangs without hearing its signal. */
  failStart: ReadonlySet<string>;
  hangStart: ReadonlySet<string>;
  stubbornStart: ReadonlySet<string>;
  hangStop: ReadonlySet<string>;
};

export function wellBehaved(): Behaviour {
  const none = new Set<string>();
  return {
    startDelayMs: 10,
    failStart: none,
    hangStart: none,
    stubbornStart: none,
    hangStop: none,
  };
}

export type StageAgentOptions = {
  readonly stage: Stage;
  /** Of the daemon: its actions stand still with it. */
  readonly clock: Clock;
  readonly node: string;
  readonly behaviour: () => Behaviour;
  readonly noFence: boolean;
  /** Test only: what a sabotaged guardian would have held to the lease stays open. */
  readonly unguarded: boolean;
};

const STOP_MS = 3;
const STUBBORN_MS = 9_000;
const UNGUARDED_MS = 3_600_000;

export class StageAgent implements ResourceAgent {
  readonly #options: StageAgentOptions;
  readonly #suspended = new Set<string>();
  /** Disks of this life, with the epoch in which they were taken. */
  readonly #taken = new Set<string>();
  readonly #watchers = new Map<string, (outcome: Outcome) => void>();

  constructor(options: StageAgentOptions) {
    this.#options = options;
  }

  validateAll(): Promise<Outcome> {
    return Promise.resolve(OK);
  }

  async fitness(_definition: ResourceDefinition, { group }: ActionContext): Promise<Outcome> {
    const { stage, node } = this.#options;
    return stage.holds(group, node) ? failed('RESOURCE_HELD', 'something is left') : OK;
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  async start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { clock } = this.#options;
    const behaviour = this.#options.behaviour();
    const { name } = definition;
    const never = new AbortController().signal;
    if (behaviour.failStart.has(name)) {
      await clock.after(behaviour.startDelayMs, context.signal);
      return failed('MOUNT_FAILED', 'told to fail');
    }
    if (behaviour.stubbornStart.has(name)) {
      await clock.after(STUBBORN_MS, never);
      this.#options.stage.excuse(this.#options.node);
    } else if (behaviour.hangStart.has(name)) await clock.after(3_600_000, context.signal);
    else await clock.after(behaviour.startDelayMs, context.signal);
    // As production's: a disk that was taken is only looked at.
    const taken = `${keyOf(definition, context)} ${context.epoch}`;
    if (this.#taken.has(taken)) return this.monitor(definition, context);
    const outcome = this.#up(definition, context);
    if (definition.type === 'disk' && outcome.status === 0) this.#taken.add(taken);
    return outcome;
  }

  async stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { clock } = this.#options;
    const behaviour = this.#options.behaviour();
    const hangs = behaviour.hangStop.has(definition.name);
    await clock.after(hangs ? 3_600_000 : STOP_MS, context.signal);
    return this.#down(definition, context);
  }

  async kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    await this.#options.clock.after(STOP_MS, context.signal);
    return this.#down(definition, context);
  }

  async suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    await this.#options.clock.after(1, context.signal);
    this.#suspended.add(keyOf(definition, context));
    this.#options.stage.hide(keyOf(definition, context), this.#options.node);
    return OK;
  }

  async resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    await this.#options.clock.after(1, context.signal);
    this.#suspended.delete(keyOf(definition, context));
    this.#show(definition, context);
    return OK;
  }

  async monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const { stage, node } = this.#options;
    const { group, epoch } = context;
    if (definition.type !== 'disk') return OK;
    return stage.isHolder(group, node, epoch) ? OK : failed('DISK_FENCED', 'its key is gone');
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const key = keyOf(definition, context);
    this.#watchers.set(key, changed);
    context.signal.addEventListener('abort', () => {
      if (this.#watchers.get(key) === changed) this.#watchers.delete(key);
    });
  }

  /** The process ends by itself. */
  die(application: string): void {
    this.#options.stage.hide(application, this.#options.node);
    this.#watchers.get(application)?.(NOT_RUNNING);
  }

  teardown(definition: ResourceDefinition, context: ActionContext) {
    const path = keyOf(definition, context);
    switch (definition.type) {
      case 'floating-ip':
        return [{ kind: 'block-address', group: context.group, address: path } as const];
      case 'application':
        return [{ kind: 'kill-cgroup', path } as const];
      case 'filesystem':
        return [{ kind: 'unmount-lazily', path: context.group } as const];
      default:
        return [];
    }
  }

  #up(definition: ResourceDefinition, context: ActionContext): Outcome {
    const { stage, node, noFence } = this.#options;
    const { group, epoch } = context;
    switch (definition.type) {
      case 'disk':
        return stage.fence(group, node, epoch, noFence)
          ? OK
          : failed('TAKEOVER_SUPERSEDED', 'a newer key is there');
      case 'filesystem':
        if (!stage.isHolder(group, node, epoch)) return failed('MOUNT_FAILED', 'not ours');
        stage.mount(group, node, epoch);
        return OK;
      default:
        this.#show(definition, context);
        return OK;
    }
  }

  #show(definition: ResourceDefinition, context: ActionContext): void {
    const { stage, node, clock, unguarded } = this.#options;
    const what = keyOf(definition, context);
    if (unguarded && definition.type === 'floating-ip') {
      stage.open(what, node, clock.now() + UNGUARDED_MS);
    }
    stage.show(what, node);
  }

  #down(definition: ResourceDefinition, context: ActionContext): Outcome {
    const { stage, node } = this.#options;
    this.#suspended.delete(keyOf(definition, context));
    if (definition.type === 'filesystem') stage.unmount(context.group, node);
    stage.hide(keyOf(definition, context), node);
    return OK;
  }
}

function keyOf(definition: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${definition.name}`;
}

function failed(code: HoldfastError['code'], detail: string): Outcome {
  return { status: 1, code, detail };
}
