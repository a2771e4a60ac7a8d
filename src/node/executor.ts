/**
 * Carries out one action of one resource at a time and says how it ended. It is where plans become
 * deeds, and the last place where an old plan is refused: nothing starts for an epoch that is not the
 * newest this node has heard of. Stopping is never refused.
 *
 * A kill interrupts the action under way and waits for it (bounded) before it begins, so that a
 * half-made `start` cannot finish after its own undoing. One that hears no signal and goes on all the
 * same is not forgotten: until it ends, nothing of that resource is started here, and when it ends
 * after its undoing, it is undone once more.
 */
import type { ResourceDefinition } from '../cluster/definition.ts';
import type { ActionEnd, ActionVerb } from '../failover/run-types.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Epoch, GroupId, Millis } from '../lib/ids.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../resources/agent.ts';
import { withDeadline } from './deadline.ts';

export type Action = {
  readonly group: GroupId;
  readonly epoch: Epoch;
  readonly definition: ResourceDefinition;
  readonly verb: ActionVerb;
  readonly timeoutMs: Millis;
  /** Everything of the context but the signal, which the executor owns. */
  readonly context: Omit<ActionContext, 'signal'>;
};

export type ExecutorOptions = {
  readonly clock: Clock;
  readonly agents: ReadonlyMap<string, ResourceAgent>;
  readonly newestEpoch: (group: GroupId) => Epoch;
  readonly done: (action: Action, end: ActionEnd) => void;
  /** Test only: an executor that does not refuse old epochs must be caught by the checkers. */
  readonly acceptOldEpochs: boolean;
};

/** `over`: whoever asked for the action has its answer, or waits no longer. */
type Waited = { over: boolean };
type Running = {
  readonly abort: AbortController;
  readonly waited: Waited;
  readonly ended: Promise<void>;
};

export class Executor {
  readonly #options: ExecutorOptions;
  readonly #running = new Map<string, Running>();
  /** Starts that have not truly ended, for each resource: while there is one, no other begins. */
  readonly #making = new Map<string, number>();

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  perform(action: Action): void {
    const key = keyOf(action);
    const before = this.#running.get(key);
    if (action.verb === 'kill') before?.abort.abort(new HoldfastError('ACTION_INTERRUPTED'));
    const abort = new AbortController();
    const waited = { over: false };
    const ended = this.#run(action, { abort, waited }, before).then((end) => {
      if (this.#running.get(key)?.abort === abort) this.#running.delete(key);
      this.#options.done(action, end);
    });
    this.#running.set(key, { abort, waited, ended });
  }

  /** A start in this group was given up and has not truly ended: whoever takes it here would wait. */
  busy(group: GroupId): boolean {
    return [...this.#making.keys()].some((key) => key.startsWith(`${group}/`));
  }

  async #run(
    action: Action,
    own: Pick<Running, 'abort' | 'waited'>,
    before: Running | undefined,
  ): Promise<ActionEnd> {
    const { clock } = this.#options;
    const waitedMs = clock.now();
    if (before !== undefined) {
      await withDeadline<void>({
        clock,
        timeoutMs: action.timeoutMs / 2,
        outer: new AbortController().signal,
        work: () => before.ended,
        late: () => {
          before.waited.over = true;
        },
      });
    }
    const startedMs = clock.now();
    const outcome = await this.#perform(action, own, action.timeoutMs - (startedMs - waitedMs));
    return {
      ok: outcome.status === 0 || (isStop(action.verb) && outcome.status === 7),
      code: outcome.code,
      detail: outcome.detail,
      startedMs,
      endedMs: clock.now(),
      spawnedMs: outcome.spawnedMs ?? null,
    };
  }

  async #perform(
    action: Action,
    { abort, waited }: Pick<Running, 'abort' | 'waited'>,
    timeoutMs: Millis,
  ): Promise<Outcome> {
    const { group, epoch, definition, verb } = action;
    const newest = this.#options.newestEpoch(group);
    if (!isStop(verb) && verb !== 'suspend' && epoch < newest && !this.#options.acceptOldEpochs) {
      return failed('STALE_EPOCH', `${verb} for epoch ${epoch}, but ${newest} is committed`);
    }
    const agent = this.#options.agents.get(definition.type);
    if (agent === undefined) return failed('UNKNOWN_RESOURCE_TYPE', definition.type);
    if (makes(verb) && (this.#making.get(keyOf(action)) ?? 0) > 0) {
      return failed('RESOURCE_HELD', `an earlier action on ${definition.name} has not ended`);
    }
    try {
      return await withDeadline<Outcome>({
        clock: this.#options.clock,
        timeoutMs,
        outer: abort.signal,
        work: (signal) => this.#work(agent, action, signal, waited),
        late: () =>
          failed('ACTION_TIMED_OUT', `${verb} took longer than ${Math.round(timeoutMs)} ms`),
      });
    } catch (error) {
      return error instanceof HoldfastError
        ? failed(error.code, error.message)
        : failed('INTERNAL', String(error));
    } finally {
      waited.over = true;
    }
  }

  /** The deed itself, to its true end, whether or not anybody still waits for it. */
  async #work(
    agent: ResourceAgent,
    action: Action,
    signal: AbortSignal,
    waited: Waited,
  ): Promise<Outcome> {
    const { definition, context, verb } = action;
    if (!makes(verb)) return await agent[verb](definition, { ...context, signal });
    const key = keyOf(action);
    this.#making.set(key, (this.#making.get(key) ?? 0) + 1);
    try {
      return await agent[verb](definition, { ...context, signal });
    } finally {
      if (waited.over) {
        // What it made after it was given up goes again; what cannot go is seen by `fitness`.
        const never = new AbortController().signal;
        await agent.kill(definition, { ...context, signal: never }).catch(() => undefined);
      }
      const left = (this.#making.get(key) ?? 1) - 1;
      if (left > 0) this.#making.set(key, left);
      else this.#making.delete(key);
    }
  }
}

function keyOf({ group, definition }: Action): string {
  return `${group}/${definition.name}`;
}

/** Verbs after which something is there that was not there before. */
function makes(verb: ActionVerb): boolean {
  return verb === 'start' || verb === 'prepare' || verb === 'resume';
}

function isStop(verb: ActionVerb): boolean {
  return verb === 'stop' || verb === 'kill';
}

function failed(code: string, detail: string): Outcome {
  return { status: 1, code, detail };
}
