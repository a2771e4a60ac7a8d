/**
 * A program that the daemon starts and supervises. It gets a session of its own and, where the machine
 * has version 2 control groups, a control group, so that it can be frozen and ended with everything
 * it ever started. It is told why and where it starts: HOLDFAST_GROUP, HOLDFAST_NODE, HOLDFAST_EPOCH,
 * HOLDFAST_REASON, HOLDFAST_PREVIOUS_OWNER.
 *
 * It answers "started" only when the readiness probe succeeds. Its end is noticed at once, not at the
 * next monitor. It is not restarted here: that is policy.
 *
 * Parameters: `command` (list of words, no shell), `directory`, `environment` (list of K=V),
 * `readiness` (see `readiness.ts`). Both outputs are appended to LOG-DIRECTORY/GROUP-RESOURCE.log,
 * which this agent does not rotate.
 *
 * Reference: DESIGN §9, §7 (soft expiry); setsid(2), cgroup-v2.rst.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import {
  cgroupBase,
  createCgroup,
  freezeCgroup,
  isMember,
  isPopulated,
  killCgroup,
} from '../../system/cgroup.ts';
import { type Ending, type LongLived, startLongLived } from '../../system/long-lived.ts';
import { isRunning, killGroup, signalGroup } from '../../system/process.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { misconfigured, optionalText, words } from '../parameters.ts';
import { ask, type Probe, readProbe } from './readiness.ts';

export type ApplicationOptions = {
  readonly clock: Clock;
  readonly logDirectory: string;
  /** False: process groups even where control groups could be used. */
  readonly cgroups?: boolean;
};

type Running = {
  readonly process: LongLived;
  readonly cgroup: string | null;
  readonly spawnedMs: Millis;
  ending: Ending | null;
  /** Somebody asked for its end: then the end is no news. */
  stopping: boolean;
  suspended: boolean;
};

const ASK_EVERY_MS: Millis = 10;
const ASK_TIMEOUT_MS: Millis = 2_000;
const LOOK_EVERY_MS: Millis = 5;
/** Of the stop timeout: so long SIGTERM may take, the rest is for SIGKILL. */
const PATIENCE = 0.7;
const FREEZE_TIMEOUT_MS: Millis = 500;

export class ApplicationAgent implements ResourceAgent {
  readonly #options: ApplicationOptions;
  readonly #running = new Map<string, Running>();
  #base: Promise<string | null> | null = null;
  /** Control groups by resource, once known: the guardian is told of them before the start. */
  readonly #cgroups = new Map<string, string>();

  constructor(options: ApplicationOptions) {
    this.#options = options;
  }

  validateAll(definition: ResourceDefinition): Promise<Outcome> {
    return outcomeOf(async () => {
      commandOf(definition);
      environmentOf(definition);
      readProbe(definition);
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = this.#running.get(keyOf(definition, context));
      if (running !== undefined && isAlive(running)) {
        return failed('RESOURCE_HELD', `process ${running.process.mark.pid} still runs here`);
      }
      const path = await this.#cgroupPath(definition, context);
      const left = path !== null && isPopulated(path) === true;
      return left ? failed('RESOURCE_HELD', `processes still run in ${path}`) : OK;
    });
  }

  /** Makes the control group, so that its path is known to the guardian before anything runs in it. */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#cgroup(definition, context);
      return OK;
    });
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const key = keyOf(definition, context);
      const before = this.#running.get(key);
      if (before !== undefined && !isAlive(before)) await this.#end(before, definition, context);
      const running =
        before !== undefined && isAlive(before) ? before : await this.#spawn(definition, context);
      const { spawnedMs } = running;
      return { ...(await this.#untilReady(running, definition, context)), spawnedMs };
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = this.#running.get(keyOf(definition, context));
      if (running === undefined) return await this.#clear(definition, context);
      const { clock } = this.#options;
      running.stopping = true;
      signalGroup(running.process.mark, 'SIGTERM');
      // A program that stands still cannot obey.
      await this.#still(running, false, context);
      const untilMs = clock.now() + definition.stopTimeoutMs * PATIENCE;
      while (isAlive(running) && clock.now() < untilMs) {
        await clock.after(LOOK_EVERY_MS, context.signal);
      }
      const obeyed = !isAlive(running);
      await this.#end(running, definition, context);
      this.#running.delete(keyOf(definition, context));
      return obeyed ? OK : { ...OK, detail: 'did not obey SIGTERM and was killed' };
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const key = keyOf(definition, context);
      const running = this.#running.get(key);
      if (running === undefined) return await this.#clear(definition, context);
      running.stopping = true;
      await this.#end(running, definition, context);
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
      const running = this.#running.get(keyOf(definition, context));
      if (running === undefined) return notRunning('not started by this daemon');
      if (!isAlive(running)) return await ended(running);
      if (running.suspended) return { ...OK, detail: 'stands still until the lease is renewed' };
      const timeoutMs = Math.min(ASK_TIMEOUT_MS, definition.monitorTimeoutMs * 0.8);
      const reason = await ask(readProbe(definition), { timeoutMs, signal: context.signal });
      return reason === null ? OK : failed('APPLICATION_NOT_ANSWERING', reason);
    });
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const running = this.#running.get(keyOf(definition, context));
    void running?.process.ended.then(async () => {
      if (!running.stopping && !context.signal.aborted) changed(await ended(running));
    });
  }

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    const key = keyOf(definition, context);
    const path = this.#cgroups.get(key);
    const mark = this.#running.get(key)?.process.mark;
    return [
      ...(path === undefined ? [] : [{ kind: 'kill-cgroup', path } as const]),
      ...(mark === undefined ? [] : [{ kind: 'kill-process-group', ...mark } as const]),
    ];
  }

  async #spawn(definition: ResourceDefinition, context: ActionContext): Promise<Running> {
    await this.#clear(definition, context);
    const cgroup = await this.#cgroup(definition, context);
    const directory = optionalText(definition, 'directory');
    mkdirSync(this.#options.logDirectory, { recursive: true, mode: 0o750 });
    const path = join(this.#options.logDirectory, `${fileName(definition, context)}.log`);
    const process = await startLongLived({
      argv: commandOf(definition),
      environment: { ...environmentOf(definition), ...told(context) },
      ...(directory === null ? {} : { directory }),
      cgroup,
      output: { kind: 'file', path },
    });
    const spawnedMs = this.#options.clock.now();
    const states = { ending: null, stopping: false, suspended: false };
    const running: Running = { process, cgroup, spawnedMs, ...states };
    void process.ended.then((ending) => {
      running.ending = ending;
    });
    // Remembered at once: whatever happens from here on, it can be killed.
    this.#running.set(keyOf(definition, context), running);
    if (cgroup !== null) await this.#untilInside(running, cgroup, context);
    return running;
  }

  /** Bounded by the start's own deadline: the process enters within a millisecond, or ends. */
  async #untilInside(running: Running, cgroup: string, { signal }: ActionContext): Promise<void> {
    const { pid } = running.process.mark;
    while (isAlive(running) && !isMember(cgroup, pid)) {
      await this.#options.clock.after(1, signal);
    }
  }

  async #untilReady(
    running: Running,
    definition: ResourceDefinition,
    context: ActionContext,
  ): Promise<Outcome> {
    const { clock } = this.#options;
    const probe: Probe = readProbe(definition);
    const untilMs = clock.now() + definition.startTimeoutMs * 0.9;
    for (;;) {
      if (!isAlive(running)) return await ended(running);
      const reason = await ask(probe, { timeoutMs: ASK_TIMEOUT_MS, signal: context.signal });
      if (reason === null) return isAlive(running) ? OK : await ended(running);
      if (clock.now() > untilMs) return failed('APPLICATION_NOT_ANSWERING', reason);
      await clock.after(ASK_EVERY_MS, context.signal);
    }
  }

  #setStill(
    definition: ResourceDefinition,
    context: ActionContext,
    still: boolean,
  ): Promise<Outcome> {
    return outcomeOf(async () => {
      const running = this.#running.get(keyOf(definition, context));
      if (running !== undefined && isAlive(running)) await this.#still(running, still, context);
      return OK;
    });
  }

  async #still(running: Running, still: boolean, { signal }: ActionContext): Promise<void> {
    const { clock } = this.#options;
    if (running.cgroup === null) {
      signalGroup(running.process.mark, still ? 'SIGSTOP' : 'SIGCONT');
    } else {
      await freezeCgroup(running.cgroup, still, { clock, timeoutMs: FREEZE_TIMEOUT_MS, signal });
    }
    running.suspended = still;
  }

  /** Ends everything that is left of it: the program itself may have gone without its children. */
  async #end(
    running: Running,
    { stopTimeoutMs }: ResourceDefinition,
    { signal }: ActionContext,
  ): Promise<void> {
    const bound = { clock: this.#options.clock, timeoutMs: stopTimeoutMs * (1 - PATIENCE), signal };
    if (running.cgroup !== null) await killCgroup(running.cgroup, bound);
    await killGroup(running.process.mark, bound);
  }

  /** Ends what an earlier daemon left in the control group of this resource. */
  async #clear(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const path = await this.#cgroupPath(definition, context);
    const { clock } = this.#options;
    const { signal } = context;
    const timeoutMs = definition.stopTimeoutMs * (1 - PATIENCE);
    if (path !== null) await killCgroup(path, { clock, timeoutMs, signal });
    return OK;
  }

  /** Makes the resource's control group if it is missing; null where there are none. */
  async #cgroup(definition: ResourceDefinition, context: ActionContext): Promise<string | null> {
    const path = await this.#cgroupPath(definition, context);
    if (path === null) return null;
    createCgroup(path);
    this.#cgroups.set(keyOf(definition, context), path);
    return path;
  }

  async #cgroupPath(
    definition: ResourceDefinition,
    context: ActionContext,
  ): Promise<string | null> {
    if (this.#options.cgroups === false) return null;
    this.#base ??= cgroupBase(new AbortController().signal);
    const base = await this.#base;
    const { clusterId, node } = context; // several nodes of a demonstration share one host
    const name = `${clusterId}-${node}-${fileName(definition, context)}`.replace(/[^\w.-]/g, '_');
    return base === null ? null : join(base, 'holdfast', name);
  }
}

function commandOf(definition: ResourceDefinition): readonly string[] {
  const command = words(definition, 'command');
  if (command.length === 0) throw misconfigured(definition, 'command', 'is empty');
  return command;
}

function environmentOf(definition: ResourceDefinition): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words(definition, 'environment').map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw misconfigured(definition, 'environment', `no NAME=VALUE: ${entry}`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function told(context: ActionContext): Readonly<Record<string, string>> {
  return {
    HOLDFAST_GROUP: context.group,
    HOLDFAST_NODE: context.node,
    HOLDFAST_EPOCH: String(context.epoch),
    HOLDFAST_REASON: context.reason,
    HOLDFAST_PREVIOUS_OWNER: context.previousOwner ?? '',
  };
}

function isAlive({ process, ending }: Running): boolean {
  return ending === null && isRunning(process.mark);
}

/** The kernel has said that it is over; how it ended is told a moment later. */
async function ended({ process }: Running): Promise<Outcome> {
  const { status, signal } = await process.ended;
  const how = signal ?? `status ${status}`;
  return { status: 7, code: 'APPLICATION_EXITED', detail: `the process ended with ${how}` };
}

function fileName({ name }: ResourceDefinition, { group }: ActionContext): string {
  return `${group}-${name}`.replace(/[^\w.-]/g, '_');
}

function keyOf({ name }: ResourceDefinition, { group }: ActionContext): string {
  return `${group}/${name}`;
}
