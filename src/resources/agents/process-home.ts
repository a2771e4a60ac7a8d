/**
 * Where the processes of a resource live on this node: a control group of its own, and a log file for
 * what they print. Names are the same after a restart of the daemon, so that what an earlier one left
 * is found.
 */
import { join } from 'node:path';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import { cgroupBase, createCgroup, isPopulated, killCgroup } from '../../system/cgroup.ts';
import type { ActionContext } from '../agent.ts';

export type ProcessHomeOptions = {
  readonly clock: Clock;
  readonly logDirectory: string;
  /** False: process groups even where control groups could be used. */
  readonly cgroups?: boolean;
};

export class ProcessHomes {
  readonly #options: ProcessHomeOptions;
  #base: Promise<string | null> | null = null;
  /** By resource, once made: the guardian is told of them before anything starts. */
  readonly #made = new Map<string, string>();

  constructor(options: ProcessHomeOptions) {
    this.#options = options;
  }

  /** Makes the control group if it is missing; null where there are none. */
  async make(definition: ResourceDefinition, context: ActionContext): Promise<string | null> {
    const path = await this.#path(definition, context);
    if (path === null) return null;
    createCgroup(path);
    this.#made.set(keyOf(definition, context), path);
    return path;
  }

  /** The control group, if this daemon has made it. */
  made(definition: ResourceDefinition, context: ActionContext): string | null {
    return this.#made.get(keyOf(definition, context)) ?? null;
  }

  /** The control group in which something still runs, whoever started it; null for none. */
  async inhabited(definition: ResourceDefinition, context: ActionContext): Promise<string | null> {
    const path = await this.#path(definition, context);
    return path !== null && isPopulated(path) === true ? path : null;
  }

  /** Ends whatever runs in it, also what an earlier daemon left. */
  async clear(
    definition: ResourceDefinition,
    context: ActionContext,
    timeoutMs: Millis,
  ): Promise<void> {
    const path = await this.#path(definition, context);
    const { clock } = this.#options;
    if (path !== null) await killCgroup(path, { clock, timeoutMs, signal: context.signal });
  }

  logPath(definition: ResourceDefinition, context: ActionContext): string {
    return join(this.#options.logDirectory, `${fileName(definition, context)}.log`);
  }

  async #path(definition: ResourceDefinition, context: ActionContext): Promise<string | null> {
    if (this.#options.cgroups === false) return null;
    this.#base ??= cgroupBase(new AbortController().signal);
    const base = await this.#base;
    const { clusterId, node } = context; // several nodes of a demonstration share one host
    const name = `${clusterId}-${node}-${fileName(definition, context)}`.replace(/[^\w.-]/g, '_');
    return base === null ? null : join(base, 'holdfast', name);
  }
}

/** Under which an agent remembers what it knows of a resource. */
export function keyOf({ name }: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${name}`;
}

function fileName({ name }: ResourceDefinition, { group }: ActionContext): string {
  return `${group}-${name}`.replace(/[^\w.-]/g, '_');
}
