/**
 * Keeps an eye on what runs: each started resource is watched (news at once) and monitored (asked
 * again and again, with a deadline). It reports what is broken once and does nothing about it.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { GroupId } from '../lib/ids.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../resources/agent.ts';
import { withDeadline } from './deadline.ts';

export type Watched = {
  readonly group: GroupId;
  readonly definition: ResourceDefinition;
  readonly context: Omit<ActionContext, 'signal'>;
};

export type WatcherOptions = {
  readonly clock: Clock;
  readonly agents: ReadonlyMap<string, ResourceAgent>;
  readonly broken: (watched: Watched, code: string, detail: string) => void;
};

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #watches = new Map<string, AbortController>();

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  watch(watched: Watched): void {
    const key = keyOf(watched.group, watched.definition.name);
    this.#watches.get(key)?.abort();
    const agent = this.#options.agents.get(watched.definition.type);
    if (agent === undefined) return;
    const stop = new AbortController();
    this.#watches.set(key, stop);
    const context = { ...watched.context, signal: stop.signal };
    agent.watch(watched.definition, context, (outcome) => this.#judge(watched, stop, outcome));
    this.#poll(agent, watched, stop).catch((error: unknown) => {
      if (!stop.signal.aborted) this.#report(watched, stop, 'INTERNAL', String(error));
    });
  }

  unwatch(group: GroupId, resource: string): void {
    const key = keyOf(group, resource);
    this.#watches.get(key)?.abort();
    this.#watches.delete(key);
  }

  stop(): void {
    for (const watch of this.#watches.values()) watch.abort();
    this.#watches.clear();
  }

  async #poll(agent: ResourceAgent, watched: Watched, stop: AbortController): Promise<void> {
    const { clock } = this.#options;
    const { definition } = watched;
    while (!stop.signal.aborted) {
      try {
        await clock.after(definition.monitorIntervalMs, stop.signal);
      } catch {
        return; // aborted: nobody watches any more
      }
      this.#judge(watched, stop, await this.#ask(agent, watched, stop));
    }
  }

  async #ask(agent: ResourceAgent, watched: Watched, stop: AbortController): Promise<Outcome> {
    const { definition, context } = watched;
    try {
      return await withDeadline<Outcome>({
        clock: this.#options.clock,
        timeoutMs: definition.monitorTimeoutMs,
        outer: stop.signal,
        work: (signal) => agent.monitor(definition, { ...context, signal }),
        late: () => ({
          status: 1,
          code: 'MONITOR_TIMED_OUT',
          detail: `no answer within ${definition.monitorTimeoutMs} ms`,
        }),
      });
    } catch (error) {
      const code = error instanceof HoldfastError ? error.code : 'INTERNAL';
      return { status: 1, code, detail: String(error) };
    }
  }

  #judge(watched: Watched, stop: AbortController, outcome: Outcome): void {
    if (outcome.status === 0 || outcome.status === 190) return;
    this.#report(watched, stop, outcome.code ?? 'NOT_RUNNING', outcome.detail);
  }

  #report(watched: Watched, stop: AbortController, code: string, detail: string): void {
    if (stop.signal.aborted) return;
    stop.abort();
    this.#options.broken(watched, code, detail);
  }
}

function keyOf(group: GroupId, resource: string): string {
  return `${group}/${resource}`;
}
