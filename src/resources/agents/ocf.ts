/**
 * Any agent of the OCF standard: those of the package `resource-agents`, and programs of one's own that
 * offer the same actions (see README, "An agent of your own").
 *
 * What its `start` leaves running is in a control group of the resource, so a soft expiry freezes it and
 * a hard one kills it before `stop` cleans up. What an agent does beside processes (an address, a
 * mount) is not held by the lease in the kernel: where Holdfast has a type of its own for it, use that.
 *
 * Promotable agents run unpromoted; `notify`, `promote` and `demote` are never called.
 *
 * Parameters: `agent` (PROVIDER:TYPE, or NAME in the agents directory), `parameters` (list of K=V),
 * `check-level` (OCF_CHECK_LEVEL of the recurring monitor).
 *
 * Reference: OCF Resource Agent API 1.1; DESIGN §9.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { isPopulated } from '../../system/cgroup.ts';
import type { Teardown } from '../../system/teardown.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, outcomeOf } from '../outcome.ts';
import { misconfigured, requiredText, words } from '../parameters.ts';
import { ApplicationRun } from './application-run.ts';
import { type OcfAction, reasonIn } from './ocf/environment.ts';
import { faultsOf } from './ocf/meta-data.ts';
import { OCF_PLACES, type OcfPlaces, OcfProgram } from './ocf/program.ts';
import { outcomeOfStatus } from './ocf/status.ts';
import { keyOf, type ProcessHomeOptions, ProcessHomes } from './process-home.ts';
import { circumstancesOf, told } from './told.ts';

export type OcfOptions = ProcessHomeOptions & { readonly places?: OcfPlaces };

/** Of the action's timeout: the rest is for killing what does not end. */
const PART = 0.9;
const LOG_TAIL_BYTES = 4_096;
/** An answer of a probe is good for so long: shell agents cost tens of milliseconds each time. */
const PROBE_LASTS_MS: Millis = 5_000;

type Probed = { readonly atMs: Millis; readonly outcome: Outcome };

export class OcfAgent implements ResourceAgent {
  readonly #options: OcfOptions;
  readonly #homes: ProcessHomes;
  readonly #programs = new Map<string, OcfProgram>();
  readonly #suspended = new Set<string>();
  readonly #probed = new Map<string, Probed>();

  constructor(options: OcfOptions) {
    this.#options = options;
    this.#homes = new ProcessHomes(options);
  }

  /** Also calls the agent's own `validate-all`, where it has one. */
  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { actions } = await this.#metaData(definition, context);
      if (!actions.some(({ name }) => name === 'validate-all')) return OK;
      return await this.#call(definition, context, 'validate-all', definition.startTimeoutMs);
    });
  }

  /** A probe. What runs on a node that does not own it is a rogue, and makes the node unfit. */
  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const key = keyOf(definition, context);
      const left = await this.#homes.inhabited(definition, context);
      if (left !== null) return failed('RESOURCE_HELD', `processes still run in ${left}`);
      const before = this.#probed.get(key);
      const { clock } = this.#options;
      if (before !== undefined && clock.now() - before.atMs < PROBE_LASTS_MS) return before.outcome;
      const atMs = clock.now();
      await this.#metaData(definition, context);
      const probe = await this.#call(definition, context, 'monitor', definition.monitorTimeoutMs);
      const outcome = fitnessOf(probe);
      this.#probed.set(key, { atMs, outcome });
      return outcome;
    });
  }

  /** Makes the control group, so that the guardian knows it before anything runs in it. */
  prepare(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#metaData(definition, context);
      await this.#homes.make(definition, context);
      return OK;
    });
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#metaData(definition, context);
      this.#probed.delete(keyOf(definition, context));
      return await this.#inside(definition, context, 'start', definition.startTimeoutMs);
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { stopTimeoutMs } = definition;
      this.#probed.delete(keyOf(definition, context));
      await this.#thaw(definition, context);
      const outcome = await this.#inside(definition, context, 'stop', stopTimeoutMs);
      if (outcome.status === 0) await this.#homes.clear(definition, context, stopTimeoutMs);
      return outcome;
    });
  }

  /** Its processes first, then its own `stop`, which has little left to do. */
  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { stopTimeoutMs } = definition;
      this.#probed.delete(keyOf(definition, context));
      this.#suspended.delete(keyOf(definition, context));
      await this.#homes.clear(definition, context, stopTimeoutMs);
      const outcome = await this.#inside(definition, context, 'stop', stopTimeoutMs);
      await this.#homes.clear(definition, context, stopTimeoutMs);
      return outcome;
    });
  }

  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const cgroup = this.#homes.made(definition, context);
      if (cgroup === null || isPopulated(cgroup) !== true) return OK;
      this.#suspended.add(keyOf(definition, context));
      await this.#run(definition, context, {}).setStill(true, context.signal);
      return OK;
    });
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#thaw(definition, context);
      return OK;
    });
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      if (this.#suspended.has(keyOf(definition, context))) {
        return { ...OK, detail: 'stands still until the lease is renewed' };
      }
      const { monitorTimeoutMs } = definition;
      const outcome = await this.#call(definition, context, 'monitor', monitorTimeoutMs, true);
      return outcome.status === 8 ? { ...OK, detail: outcome.detail } : outcome;
    });
  }

  /** An agent does not say which of its processes matters: the monitor asks. */
  watch(): void {}

  teardown(definition: ResourceDefinition, context: ActionContext): readonly Teardown[] {
    const path = this.#homes.made(definition, context);
    const program = this.#program(definition);
    const environment = this.#environment(definition, context, 'stop', definition.stopTimeoutMs);
    return [
      ...(path === null ? [] : [{ kind: 'kill-cgroup', path } as const]),
      { kind: 'run-command', argv: [program.path, 'stop'], environment: pairs(environment) },
    ];
  }

  /** In the resource's control group, with its output in the resource's log. */
  async #inside(
    definition: ResourceDefinition,
    context: ActionContext,
    action: 'start' | 'stop',
    timeoutMs: Millis,
  ): Promise<Outcome> {
    const program = this.#program(definition);
    await this.#homes.make(definition, context);
    const environment = this.#environment(definition, context, action, timeoutMs * PART);
    const run = this.#run(definition, context, environment);
    const { logPath } = run.surroundings;
    const from = sizeOf(logPath);
    const end = await run.perform([program.path, action], timeoutMs * PART, context.signal);
    const said = reasonIn(tail(logPath, from));
    if (end.status !== null) return outcomeOfStatus(end.status, program.type, said);
    throw new HoldfastError('ACTION_TIMED_OUT', {
      agent: program.type,
      action,
      how: end.how,
      said,
    });
  }

  /** Beside everything else: nothing of it stays. */
  async #call(
    definition: ResourceDefinition,
    context: ActionContext,
    action: 'monitor' | 'validate-all',
    timeoutMs: Millis,
    recurring = false,
  ): Promise<Outcome> {
    const program = this.#program(definition);
    const call = {
      ...this.#callOf(definition, context, action, timeoutMs * PART),
      intervalMs: recurring ? definition.monitorIntervalMs : 0,
      checkLevel: recurring ? Number(definition.parameters['check-level'] ?? 0) : 0,
    };
    try {
      const { status, stderr } = await program.call(call, context.signal);
      return outcomeOfStatus(status, program.type, reasonIn(stderr));
    } catch (error) {
      const late = error instanceof HoldfastError && error.code === 'COMMAND_TIMED_OUT';
      if (late && action === 'monitor') return failed('MONITOR_TIMED_OUT', error.message);
      throw error;
    }
  }

  async #thaw(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    if (!this.#suspended.delete(keyOf(definition, context))) return;
    await this.#run(definition, context, {}).setStill(false, context.signal);
  }

  #run(
    definition: ResourceDefinition,
    context: ActionContext,
    environment: Readonly<Record<string, string>>,
  ): ApplicationRun {
    return new ApplicationRun({
      clock: this.#options.clock,
      cgroup: this.#homes.made(definition, context),
      logPath: this.#homes.logPath(definition, context),
      directory: null,
      environment,
      prefix: [],
    });
  }

  #environment(
    definition: ResourceDefinition,
    context: ActionContext,
    action: OcfAction,
    timeoutMs: Millis,
  ): Readonly<Record<string, string>> {
    const program = this.#program(definition);
    const call = this.#callOf(definition, context, action, timeoutMs);
    return {
      ...program.environment(call),
      ...told(definition, context, circumstancesOf(context)),
    };
  }

  #callOf(
    definition: ResourceDefinition,
    { node }: ActionContext,
    action: OcfAction,
    timeoutMs: Millis,
  ) {
    const parameters = parametersOf(definition);
    const { name: instance } = definition;
    return { instance, node, action, parameters, timeoutMs, intervalMs: 0, checkLevel: 0 };
  }

  /** Asks the agent for its meta-data (once) and holds the parameters against it. */
  async #metaData(definition: ResourceDefinition, { signal }: ActionContext) {
    const program = this.#program(definition);
    const metaData = await program.metaData(signal);
    const [fault] = faultsOf(metaData, parametersOf(definition));
    if (fault !== undefined) throw misconfigured(definition, 'parameters', fault);
    return metaData;
  }

  #program(definition: ResourceDefinition): OcfProgram {
    const name = requiredText(definition, 'agent');
    if (!/^([\w.-]+:)?([\w-][\w.-]*:)?[\w-][\w.-]*$/.test(name)) {
      throw misconfigured(definition, 'agent', 'expected PROVIDER:TYPE or the name of an agent');
    }
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const program = new OcfProgram(name, this.#options.places ?? OCF_PLACES);
    this.#programs.set(name, program);
    return program;
  }
}

/** Not running is what a node that does not own it should say. */
function fitnessOf(probe: Outcome): Outcome {
  if (probe.status === 7) return OK;
  if (probe.status === 0 || probe.status === 8 || probe.status >= 190) {
    return failed('RESOURCE_HELD', `it runs here, although this node does not own it`);
  }
  return probe;
}

function parametersOf(definition: ResourceDefinition): Readonly<Record<string, string>> {
  return Object.fromEntries(
    words(definition, 'parameters').map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw misconfigured(definition, 'parameters', `no NAME=VALUE: ${entry}`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}

function pairs(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** What was written to the file after `from`, as far as it matters. */
function tail(path: string, from: number): string {
  const size = sizeOf(path);
  const begin = Math.max(from, size - LOG_TAIL_BYTES);
  const bytes = Buffer.alloc(Math.max(0, size - begin));
  const fd = openSync(path, 'r');
  try {
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, begin));
  } finally {
    closeSync(fd);
  }
}
