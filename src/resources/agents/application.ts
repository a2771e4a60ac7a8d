/**
 * A program that the daemon starts and supervises, or an application with start and stop commands of
 * its own. Everything of it gets a session of its own and, where the machine has version 2 control
 * groups, a control group, so that it can be frozen and ended with all that it ever started. Each
 * command is told why and where it runs (`told.ts`).
 *
 * Before each start runs `recover`, if there is one: it puts right what a power loss left half-written.
 * With `prestart` the program runs from `prepare` on and waits, so that loading it costs no outage.
 *
 * It answers "started" only when the readiness probe succeeds. Its end is noticed at once, not at the
 * next monitor. It is not restarted here: that is policy.
 *
 * Parameters: see `application-parameters.ts`. All output is appended to
 * LOG-DIRECTORY/GROUP-RESOURCE.log, which this agent does not rotate.
 *
 * Reference: DESIGN §9, §7 (soft expiry); setsid(2), cgroup-v2.rst.
 */
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Epoch, Millis } from '../../lib/ids.ts';
import { watchUntilEmpty } from '../../system/cgroup.ts';
import type { Teardown } from '../../system/teardown.ts';
import { asUser } from '../../system/user.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { readApplication, type Wanted } from './application-parameters.ts';
import { ApplicationRun } from './application-run.ts';
import { keyOf, type ProcessHomeOptions, ProcessHomes } from './process-home.ts';
import { ask, outcomeOfAnswer } from './readiness.ts';
import { type Circumstances, circumstancesOf, told } from './told.ts';

export type ApplicationOptions = ProcessHomeOptions;

/** What this daemon knows of the last running of a resource: a start after it is a restart. */
type Past = { readonly epoch: Epoch; readonly orderly: boolean };

const ASK_EVERY_MS: Millis = 10;
const ASK_TIMEOUT_MS: Millis = 2_000;
/** Of the stop timeout: so long the stop command may take, and so long it may go on running. */
const PATIENCE = { command: 0.5, signal: 0.7 };
/** Of the start timeout: the rest is for the answer. */
const PART = 0.9;

export class ApplicationAgent implements ResourceAgent {
  readonly #options: ApplicationOptions;
  readonly #homes: ProcessHomes;
  readonly #running = new Map<string, ApplicationRun>();
  readonly #past = new Map<string, Past>();

  constructor(options: ApplicationOptions) {
    this.#options = options;
    this.#homes = new ProcessHomes(options);
  }

  validateAll(definition: ResourceDefinition, { signal }: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { user } = readApplication(definition);
      if (user !== null) await asUser(user, { signal, timeoutMs: ASK_TIMEOUT_MS });
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = this.#running.get(keyOf(definition, context));
      if (running?.isAlive() === true) return failed('RESOURCE_HELD', 'it still runs here');
      const path = await this.#homes.inhabited(definition, context);
      return path === null ? OK : failed('RESOURCE_HELD', `processes still run in ${path}`);
    });
  }

  /**
   * Makes the control group, so that its path is known to the guardian before anything runs in it; a
   * program that is to be started early is started. That it fails now is no reason not to try again.
   */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#homes.make(definition, context);
      const wanted = readApplication(definition);
      const before = this.#running.get(keyOf(definition, context));
      if (!wanted.prestart || before?.isAlive() === true) return OK;
      const run = await this.#open(wanted, definition, context);
      await run.prestart(wanted.main.argv, context.signal);
      return OK;
    });
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const wanted = readApplication(definition);
      const { clock } = this.#options;
      const untilMs = clock.now() + definition.startTimeoutMs * PART;
      const before = this.#running.get(keyOf(definition, context));
      if (before !== undefined && !before.isAlive()) {
        await before.end(definition.stopTimeoutMs, context.signal);
      }
      if (before?.isAlive() === true && !before.waits) {
        return await untilReady(before, wanted, { untilMs, context });
      }
      const waiting = before?.waits === true ? before : null;
      const run = waiting ?? (await this.#open(wanted, definition, context));
      const refusal = await this.#begin(run, wanted, untilMs, context);
      return refusal ?? (await untilReady(run, wanted, { untilMs, context }));
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const key = keyOf(definition, context);
      const run = this.#running.get(key);
      if (run === undefined) return await this.#clear(definition, context);
      const { clock } = this.#options;
      const { stop, stopSignal } = readApplication(definition);
      const { stopTimeoutMs } = definition;
      const { signal } = context;
      const untilMs = clock.now() + stopTimeoutMs * PATIENCE.signal;
      run.stopping = true;
      // A program that stands still cannot obey.
      if (run.suspended) await run.setStill(false, signal);
      const refusal =
        stop === null || !run.isAlive()
          ? null
          : await run.command(stop, stopTimeoutMs * PATIENCE.command, signal);
      if (stop === null || refusal !== null) run.signal(stopSignal);
      const obeyed = await run.untilGone(untilMs, signal);
      await run.end(stopTimeoutMs * (1 - PATIENCE.signal), signal);
      this.#running.delete(key);
      this.#past.set(key, { epoch: context.epoch, orderly: obeyed });
      const killed = obeyed ? [] : [`did not obey ${stopSignal} and was killed`];
      return { ...OK, detail: [refusal ?? [], ...killed].flat().join('; ') };
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const key = keyOf(definition, context);
      const run = this.#running.get(key);
      if (run === undefined) return await this.#clear(definition, context);
      run.stopping = true;
      await run.end(definition.stopTimeoutMs, context.signal);
      this.#running.delete(key);
      return OK;
    });
  }

  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#setStill(definition, context, true);
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return this.#setStill(definition, context, false);
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const run = this.#running.get(keyOf(definition, context));
      if (run === undefined) return notRunning('not started by this daemon');
      if (!run.isAlive()) return await ended(run);
      if (run.suspended) return { ...OK, detail: 'stands still until the lease is renewed' };
      const { monitor } = readApplication(definition);
      const { environment, prefix } = run.surroundings;
      const timeoutMs = definition.monitorTimeoutMs * PART;
      const bound = { timeoutMs, signal: context.signal, environment, prefix };
      return outcomeOfAnswer(await ask(monitor, bound));
    });
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const run = this.#running.get(keyOf(definition, context));
    if (run === undefined) return;
    const tell = async () => {
      if (!run.stopping && !context.signal.aborted) changed(await ended(run));
    };
    const { cgroup } = run.surroundings;
    if (!run.isBackground) void run.ended.then(tell);
    else if (cgroup !== null) watchUntilEmpty(cgroup, context.signal, tell);
  }

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    const path = this.#homes.made(definition, context);
    const marks = this.#running.get(keyOf(definition, context))?.marks ?? [];
    return [
      ...(path === null ? [] : [{ kind: 'kill-cgroup', path } as const]),
      ...marks.map((mark) => ({ kind: 'kill-process-group', ...mark }) as const),
    ];
  }

  /** A running without a process yet, remembered at once: whatever it starts can be killed. */
  async #open(
    wanted: Wanted,
    definition: ResourceDefinition,
    context: ActionContext,
  ): Promise<ApplicationRun> {
    await this.#clear(definition, context);
    const { clock } = this.#options;
    const cgroup = await this.#homes.make(definition, context);
    if (cgroup === null && wanted.main.kind === 'background') {
      const what = 'a start command whose processes could not be found again';
      throw new HoldfastError('CGROUP_FAILED', { what });
    }
    const bound = { signal: context.signal, timeoutMs: ASK_TIMEOUT_MS };
    const run = new ApplicationRun({
      clock,
      cgroup,
      logPath: this.#homes.logPath(definition, context),
      directory: wanted.directory,
      environment: {
        ...wanted.environment,
        ...told(definition, context, this.#circumstances(definition, context)),
      },
      prefix: wanted.user === null ? [] : await asUser(wanted.user, bound),
    });
    const key = keyOf(definition, context);
    this.#running.set(key, run);
    this.#past.set(key, { epoch: context.epoch, orderly: false });
    return run;
  }

  /** Null when it was started, else why not. */
  async #begin(
    run: ApplicationRun,
    { recover, main, prestart }: Wanted,
    untilMs: Millis,
    { signal }: ActionContext,
  ): Promise<Outcome | null> {
    const leftMs = () => Math.max(1, untilMs - this.#options.clock.now());
    if (recover !== null) {
      const refusal = await run.command(recover, leftMs(), signal);
      if (refusal !== null) return failed('RECOVERY_FAILED', refusal);
    }
    if (prestart) {
      if (!run.waits) await run.prestart(main.argv, signal);
      run.begin();
      return null;
    }
    if (main.kind === 'supervised') {
      await run.supervise(main.argv, signal);
      return null;
    }
    const refusal = await run.launchBackground(main.argv, leftMs(), signal);
    return refusal === null ? null : { ...notRunning(refusal), code: 'APPLICATION_EXITED' };
  }

  #circumstances(definition: ResourceDefinition, context: ActionContext): Circumstances {
    const past = this.#past.get(keyOf(definition, context));
    if (past?.epoch !== context.epoch) return circumstancesOf(context);
    return { reason: 'restart', clean: past.orderly };
  }

  #setStill(
    definition: ResourceDefinition,
    context: ActionContext,
    still: boolean,
  ): Promise<Outcome> {
    return outcomeOf(async () => {
      const run = this.#running.get(keyOf(definition, context));
      if (run?.isAlive() === true) await run.setStill(still, context.signal);
      return OK;
    });
  }

  async #clear(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    await this.#homes.clear(definition, context, definition.stopTimeoutMs);
    return OK;
  }
}

async function untilReady(
  run: ApplicationRun,
  { readiness }: Wanted,
  { untilMs, context }: { readonly untilMs: Millis; readonly context: ActionContext },
): Promise<Outcome> {
  const { clock, environment, prefix } = run.surroundings;
  const bound = { timeoutMs: ASK_TIMEOUT_MS, signal: context.signal, environment, prefix };
  const started = run.spawnedMs === null ? OK : { ...OK, spawnedMs: run.spawnedMs };
  for (;;) {
    if (!run.isAlive()) return await ended(run);
    const answer = await ask(readiness, bound);
    if (answer.kind === 'answers' || answer.kind === 'degraded') {
      return run.isAlive() ? started : await ended(run);
    }
    if (clock.now() > untilMs) return failed('APPLICATION_NOT_ANSWERING', answer.reason);
    await clock.after(ASK_EVERY_MS, context.signal);
  }
}

/** The kernel has said that it is over; how it ended is told a moment later. */
async function ended(run: ApplicationRun): Promise<Outcome> {
  const code = 'APPLICATION_EXITED';
  const ending = run.isBackground ? null : await run.ended;
  if (ending === null) return { ...notRunning('none of its processes runs'), code };
  const how = ending.signal ?? `status ${ending.status}`;
  return { ...notRunning(`the process ended with ${how}`), code };
}
