/**
 * What every node of a cluster in memory shows to clients, and an agent that puts it there. The
 * stage is the observer: it writes down the moment at which two nodes show the same thing.
 */
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import { NOT_RUNNING, OK, type ResourceAgent } from '../../src/resources/agent.ts';
import type { VirtualClock } from '../simulation/virtual-clock.ts';

export class Stage {
  readonly #shown = new Map<string, Set<string>>();
  readonly violations: string[] = [];

  show(what: string, node: string): void {
    const nodes = this.#shown.get(what) ?? new Set();
    nodes.add(node);
    this.#shown.set(what, nodes);
    if (nodes.size > 1) this.violations.push(`${what} on ${[...nodes].join(' and ')}`);
  }

  hide(what: string, node: string): void {
    this.#shown.get(what)?.delete(node);
  }

  /** Power loss, or a guardian that tore everything down. */
  clear(node: string): void {
    for (const nodes of this.#shown.values()) nodes.delete(node);
  }

  owners(what: string): readonly string[] {
    return [...(this.#shown.get(what) ?? [])];
  }
}

export type AgentBehaviour = { startDelayMs: number; failStartOn: string | null };

/** One agent for all types; addresses and applications are seen on the stage, disks are not. */
export function stageAgent(
  stage: Stage,
  clock: VirtualClock,
  node: string,
  behaviour: AgentBehaviour,
): ResourceAgent {
  const up = new Set<string>();
  const keyOf = (definition: ResourceDefinition, group: string): string =>
    `${group}/${definition.name}`;
  const visible = ({ type }: ResourceDefinition): boolean =>
    type === 'floating-ip' || type === 'application';
  const set = (definition: ResourceDefinition, group: string, shown: boolean): void => {
    if (!visible(definition)) return;
    if (shown) stage.show(keyOf(definition, group), node);
    else stage.hide(keyOf(definition, group), node);
  };
  const down: ResourceAgent['stop'] = async (definition, { group }) => {
    up.delete(keyOf(definition, group));
    set(definition, group, false);
    return OK;
  };
  return {
    validateAll: async () => OK,
    fitness: async () => OK,
    prepare: async () => OK,
    start: async (definition, { group, signal }) => {
      await clock.after(behaviour.startDelayMs, signal);
      if (behaviour.failStartOn === node) {
        return { status: 1, code: 'ACTION_TIMED_OUT', detail: 'told to fail' };
      }
      up.add(keyOf(definition, group));
      set(definition, group, true);
      return OK;
    },
    stop: down,
    kill: down,
    suspend: async (definition, { group }) => {
      set(definition, group, false);
      return OK;
    },
    resume: async (definition, { group }) => {
      set(definition, group, true);
      return OK;
    },
    monitor: async (definition, { group }) => (up.has(keyOf(definition, group)) ? OK : NOT_RUNNING),
    watch: () => undefined,
    teardown: () => [],
  };
}
