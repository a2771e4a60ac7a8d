/**
 * Keeps an eye on what runs: each started resource is watched (news at once) and monitored (asked
 * again and again, with a deadline, never all at the same moment). It reports what is broken once and
 * does nothing about it. What its answers mean is told by `resources/patience.ts`.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { GroupId, Millis } from '../lib/ids.ts';
import { seededRandom } from '../lib/random.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../resources/agent.ts';
import { CALM, judge, type Patience } from '../resources/patience.ts';
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
  /** It runs, but not as it should; null: it is well again. */
  readonly degraded?: (watched: Watched, outcome: Outcome | null) => void;
  /** Whether this host is short of processors: then silence says little. */
  readonly isLoaded?: () => boolean;
};

/** An interval is shortened by up to this part, so that not everything is asked at one moment. */
const JITTER = 0.2;
const JITTER_STEPS = 1_000;
/** A wait that ended so much too late: this process itself did not get its time. */
const LATE_MS: Millis = 200;

/** One resource under watch. */
type Watch = {
  readonly watched: Watched;
  readonly stop: AbortController;
  patience: Patience;
  /** What was told of it last, to tell it once; null: it is well. */
  degraded: Outcome | null;
};

export class Watcher {
  readonly #options: WatcherOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  watch(watched: Watched): void {
    const key = keyOf(watched.group, watched.definition.name);
    this.#watches.get(key)?.stop.abort();
    const agent = this.#options.agents.get(watched.definition.type);
    if (agent === undefined) return;
    const stop = new AbortController();
    const watch: Watch = { watched, stop, patience: CALM, degraded: null };
    this.#watches.set(key, watch);
    const context = { ...watched.context, signal: stop.signal };
    agent.watch(watched.definition, context, (outcome) => this.#judge(watch, outcome, false));
    this.#poll(agent, watch).catch((error: unknown) => {
      this.#report(watch, 'INTERNAL', String(error));
    });
  }

  unwatch(group: GroupId, resource: string): void {
    const key = keyOf(group, resource);
    this.#watches.get(key)?.stop.abort();
    this.#watches.delete(key);
  }

  /** What is not as it should be with a resource that runs; null: nothing, or it is not watched. */
  degraded(group: GroupId, resource: string): Outcome | null {
    return this.#watches.get(keyOf(group, resource))?.degraded ?? null;
  }

  stop(): void {
    for (const { stop } of this.#watches.values()) stop.abort();
    this.#watches.clear();
  }

  async #poll(agent: ResourceAgent, watch: Watch): Promise<void> {
    const { clock } = this.#options;
    const { definition, context } = watch.watched;
    const { monitorIntervalMs, monitorTimeoutMs } = definition;
    const { signal } = watch.stop;
    const random = seededRandom(seedOf(`${context.node}/${context.group}/${definition.name}`));
    while (!signal.aborted) {
      // Silence is asked again without a pause: the question itself took long enough.
      const part = 1 - (JITTER * random.below(JITTER_STEPS)) / JITTER_STEPS;
      const pauseMs = watch.patience.silences === 0 ? monitorIntervalMs * part : 0;
      const askedMs = clock.now() + pauseMs;
      try {
        await clock.after(pauseMs, signal);
      } catch {
        return; // aborted: nobody watches any more
      }
      const outcome = await this.#ask(agent, watch);
      const lateMs = clock.now() - askedMs - monitorTimeoutMs;
      this.#judge(watch, outcome, lateMs > LATE_MS || this.#options.isLoaded?.() === true);
    }
  }

  async #ask(agent: ResourceAgent, { watched, stop }: Watch): Promise<Outcome> {
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

  #judge(watch: Watch, outcome: Outcome, loaded: boolean): void {
    const { patience, verdict } = judge(watch.patience, outcome, loaded);
    const silences = patience.silences;
    watch.patience = patience;
    if (verdict === 'broken') {
      const often = silences > 1 ? `, ${silences} times in a row` : '';
      this.#report(watch, outcome.code ?? 'NOT_RUNNING', `${outcome.detail}${often}`);
    } else if (verdict !== 'ask-again') {
      this.#note(watch, verdict === 'degraded' ? outcome : null);
    }
  }

  #note(watch: Watch, outcome: Outcome | null): void {
    const before = watch.degraded;
    if (watch.stop.signal.aborted) return;
    watch.degraded = outcome;
    if (before?.code === outcome?.code && before?.detail === outcome?.detail) return;
    this.#options.degraded?.(watch.watched, outcome);
  }

  #report({ watched, stop }: Watch, code: string, detail: string): void {
    if (stop.signal.aborted) return;
    stop.abort();
    this.#options.broken(watched, code, detail);
  }
}

function keyOf(group: GroupId, resource: string): string {
  return `${group}/${resource}`;
}

/** FNV-1a: one name, one sequence, on every run. */
function seedOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const letter of name) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
