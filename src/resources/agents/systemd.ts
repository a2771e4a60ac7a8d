/**
 * A unit of systemd. The cluster starts and stops it; systemd still keeps its processes.
 *
 * A unit that systemd would start by itself at boot runs beside its owner one day, so an enabled one
 * makes a node unfit. While the unit is ours, a drop-in that lives until the next boot (below
 * /run/systemd/system) turns `Restart=` off, so that restarts are counted by one policy and not by
 * two, and hands the unit what an application is told (`told.ts`).
 *
 * That it ended is heard at once: the kernel tells when the unit's control group is empty, and systemd tells
 * by D-Bus when its state changes. The monitor asks for it all the same.
 *
 * Parameters: `unit`, `readiness` and `monitor` (see `readiness.ts`).
 *
 * Reference: systemctl(1), systemd.unit(5), systemd.service(5), systemd.kill(5); DESIGN §9.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { freezeCgroup, isPopulated, watchUntilEmpty } from '../../system/cgroup.ts';
import { mounts } from '../../system/mounts.ts';
import { type Completion, run } from '../../system/run.ts';
import type { Teardown } from '../../system/teardown.ts';
import { watchUnit } from '../../system/unit-events.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { misconfigured, requiredText } from '../parameters.ts';
import { ask, outcomeOfAnswer, readProbe } from './readiness.ts';
import { circumstancesOf, told } from './told.ts';

export type SystemdOptions = {
  readonly clock: Clock;
  /** The command, with options that always go with it. */
  readonly systemctl?: readonly string[];
  readonly busctl?: readonly string[];
  /** Where drop-ins live until the next boot. */
  readonly runtimeDirectory?: string;
  /** A process that waits for a disk stands still only after that. */
  readonly freezeTimeoutMs?: Millis;
};

type UnitState = Readonly<Record<'load' | 'active' | 'sub' | 'file' | 'cgroup' | 'result', string>>;

const DROP_IN = '50-holdfast.conf';
const ASK_EVERY_MS: Millis = 50;
const FREEZE_TIMEOUT_MS: Millis = 500;
/** Of the stop timeout: so long the unit may take to stop, then it is killed. */
const PATIENCE = 0.7;
const PART = 0.9;

export class SystemdAgent implements ResourceAgent {
  readonly #clock: Clock;
  readonly #systemctl: readonly string[];
  readonly #busctl: readonly string[];
  readonly #runtime: string;
  readonly #freezeTimeoutMs: Millis;
  /** Of units that were started here: where the kernel keeps their processes. */
  readonly #cgroups = new Map<string, string>();
  readonly #still = new Set<string>();

  constructor({ clock, systemctl, busctl, runtimeDirectory, freezeTimeoutMs }: SystemdOptions) {
    this.#clock = clock;
    this.#systemctl = systemctl ?? ['systemctl'];
    this.#busctl = busctl ?? ['busctl'];
    this.#runtime = runtimeDirectory ?? '/run/systemd/system';
    this.#freezeTimeoutMs = freezeTimeoutMs ?? FREEZE_TIMEOUT_MS;
  }

  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      readProbe(definition, 'readiness');
      readProbe(definition, 'monitor');
      return usable(await this.#state(definition, context));
    });
  }

  fitness(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const state = await this.#state(definition, context);
      const refusal = usable(state);
      if (refusal.status !== 0) return refusal;
      if (isDown(state)) return OK;
      return failed('RESOURCE_HELD', `${unitOf(definition)} is ${state.active} here`);
    });
  }

  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const untilMs = this.#clock.now() + definition.startTimeoutMs * PART;
      const refusal = usable(await this.#state(definition, context));
      if (refusal.status !== 0) return refusal;
      await this.#writeDropIn(definition, context);
      const unit = unitOf(definition);
      await this.#ask(['reset-failed', unit], context, definition.startTimeoutMs);
      const { status, stderr } = await this.#ask(
        ['start', unit],
        context,
        definition.startTimeoutMs * PART,
      );
      if (status !== 0) return failed('UNIT_FAILED', stderr.trim());
      this.#remember(unit, await this.#state(definition, context));
      return await this.#untilReady(definition, context, untilMs);
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const unit = unitOf(definition);
      await this.#setStill(definition, context, false);
      const bound = definition.stopTimeoutMs * PATIENCE;
      const late = await this.#ask(['stop', unit], context, bound).then(
        ({ status, stderr }) => (status === 0 ? null : stderr.trim()),
        (error: unknown) => {
          context.signal.throwIfAborted();
          return String(error);
        },
      );
      if (late !== null) await this.#endByForce(definition, context);
      await this.#removeDropIn(definition, context);
      return late === null ? OK : { ...OK, detail: `${late}; killed` };
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#endByForce(definition, context);
      await this.#removeDropIn(definition, context);
      return OK;
    });
  }

  /** The kernel freezes the unit's control group: no question to systemd, and so in time. */
  suspend(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#setStill(definition, context, true);
      return OK;
    });
  }

  resume(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      await this.#setStill(definition, context, false);
      return OK;
    });
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const state = await this.#state(definition, context);
      if (state.active !== 'active' && state.active !== 'reloading')
        return ended(definition, state);
      if (state.sub === 'frozen')
        return { ...OK, detail: 'stands still until the lease is renewed' };
      const monitor = readProbe(definition, 'monitor');
      const probe = monitor.kind === 'none' ? readProbe(definition, 'readiness') : monitor;
      const timeoutMs = definition.monitorTimeoutMs * PART;
      return outcomeOfAnswer(await ask(probe, { timeoutMs, signal: context.signal }));
    });
  }

  watch(
    definition: ResourceDefinition,
    context: ActionContext,
    changed: (outcome: Outcome) => void,
  ): void {
    const unit = unitOf(definition);
    const look = (): void => {
      this.#state(definition, context).then(
        (state) => isDown(state) && changed(ended(definition, state)),
        () => undefined, // nobody watches any more, or the monitor will say why
      );
    };
    void watchUnit({ busctl: this.#busctl, unit, signal: context.signal, changed: look });
    const cgroup = this.#cgroups.get(unit);
    if (cgroup === undefined) return;
    watchUntilEmpty(cgroup, context.signal, () => {
      this.#settled(definition, context).then(
        (outcome) => changed(outcome),
        () => undefined, // nobody watches any more
      );
    });
  }

  teardown(definition: ResourceDefinition): readonly Teardown[] {
    const unit = unitOf(definition);
    const path = this.#cgroups.get(unit);
    const stop = [...this.#systemctl, 'stop', unit];
    return [
      ...(path === undefined ? [] : [{ kind: 'kill-cgroup', path } as const]),
      { kind: 'run-command', argv: stop, environment: [] },
    ];
  }

  /** The kernel knows that all processes have ended a moment before systemd does. */
  async #settled(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    const untilMs = this.#clock.now() + definition.monitorTimeoutMs;
    for (;;) {
      const state = await this.#state(definition, context);
      if (isDown(state) || this.#clock.now() > untilMs) return ended(definition, state);
      await this.#clock.after(ASK_EVERY_MS, context.signal);
    }
  }

  async #untilReady(
    definition: ResourceDefinition,
    context: ActionContext,
    untilMs: Millis,
  ): Promise<Outcome> {
    const probe = readProbe(definition, 'readiness');
    const spawnedMs = this.#clock.now();
    for (;;) {
      const state = await this.#state(definition, context);
      if (isDown(state)) return ended(definition, state);
      const answer = await ask(probe, { timeoutMs: 2_000, signal: context.signal });
      if (answer.kind === 'answers' || answer.kind === 'degraded') return { ...OK, spawnedMs };
      if (this.#clock.now() > untilMs) return failed('APPLICATION_NOT_ANSWERING', answer.reason);
      await this.#clock.after(ASK_EVERY_MS, context.signal);
    }
  }

  /** Told to stop as well, or systemd might see a failure and act on it. */
  async #endByForce(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    const unit = unitOf(definition);
    const timeoutMs = definition.stopTimeoutMs;
    const untilMs = this.#clock.now() + timeoutMs;
    this.#still.delete(unit);
    await this.#ask(['stop', '--no-block', unit], context, timeoutMs);
    for (;;) {
      await this.#ask(['kill', '--signal=SIGKILL', unit], context, timeoutMs);
      if (isDown(await this.#state(definition, context))) break;
      if (this.#clock.now() > untilMs) throw new HoldfastError('PROCESS_NOT_KILLED', { unit });
      await this.#clock.after(ASK_EVERY_MS, context.signal);
    }
    await this.#ask(['reset-failed', unit], context, timeoutMs);
  }

  async #setStill(
    definition: ResourceDefinition,
    { signal }: ActionContext,
    still: boolean,
  ): Promise<void> {
    const unit = unitOf(definition);
    const cgroup = this.#cgroups.get(unit);
    if (cgroup === undefined || isPopulated(cgroup) !== true) {
      this.#still.delete(unit);
      return;
    }
    const bound = { clock: this.#clock, timeoutMs: this.#freezeTimeoutMs, signal };
    await freezeCgroup(cgroup, still, bound);
    if (still) this.#still.add(unit);
    else this.#still.delete(unit);
  }

  #remember(unit: string, { cgroup }: UnitState): void {
    // A hierarchy may be mounted twice, and one of its mounts may be hidden by another mount.
    const places = mounts().flatMap(({ type, directory }) =>
      type === 'cgroup2' && cgroup !== '' ? [join(directory, cgroup)] : [],
    );
    const path = places.find((place) => isPopulated(place) !== null);
    if (path === undefined) this.#cgroups.delete(unit);
    else this.#cgroups.set(unit, path);
  }

  async #state(definition: ResourceDefinition, context: ActionContext): Promise<UnitState> {
    const wanted = '--property=LoadState,ActiveState,SubState,UnitFileState,ControlGroup,Result';
    const { stdout, stderr, status } = await this.#ask(
      ['show', wanted, '--', unitOf(definition)],
      context,
      definition.monitorTimeoutMs,
    );
    if (status !== 0) throw new HoldfastError('UNIT_FAILED', { detail: stderr.trim() });
    const of = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(stdout)?.[1] ?? '';
    return {
      load: of('LoadState'),
      active: of('ActiveState'),
      sub: of('SubState'),
      file: of('UnitFileState'),
      cgroup: of('ControlGroup'),
      result: of('Result'),
    };
  }

  async #ask(
    words: readonly string[],
    { signal }: ActionContext,
    timeoutMs: Millis,
  ): Promise<Completion> {
    return await run([...this.#systemctl, ...words], { signal, timeoutMs });
  }

  async #writeDropIn(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    const circumstances = Object.entries(told(definition, context, circumstancesOf(context)));
    const lines = circumstances.map(([name, value]) => `Environment="${name}=${value}"`);
    const text = ['# By Holdfast, for one ownership.', '[Service]', 'Restart=no', ...lines, ''];
    const directory = this.#dropInDirectory(definition);
    const path = join(directory, DROP_IN);
    const wanted = text.join('\n');
    if ((await readFile(path, 'utf8').catch(() => '')) === wanted) return;
    await mkdir(directory, { recursive: true });
    await writeFile(path, wanted);
    await this.#ask(['daemon-reload'], context, definition.startTimeoutMs);
  }

  /** What is removed is read anew by the next reload, which any start makes. */
  async #removeDropIn(definition: ResourceDefinition, context: ActionContext): Promise<void> {
    await rm(join(this.#dropInDirectory(definition), DROP_IN), { force: true });
    await this.#ask(['daemon-reload'], context, definition.stopTimeoutMs);
  }

  #dropInDirectory(definition: ResourceDefinition): string {
    return join(this.#runtime, `${unitOf(definition)}.d`);
  }
}

function unitOf(definition: ResourceDefinition): string {
  const unit = requiredText(definition, 'unit');
  if (!/^[\w:@.\\-]{1,255}$/.test(unit) || unit.startsWith('-')) {
    throw misconfigured(definition, 'unit', 'is no name of a unit');
  }
  return unit.includes('.') ? unit : `${unit}.service`;
}

function usable({ load, file }: UnitState): Outcome {
  if (load !== 'loaded') return failed('UNIT_NOT_FOUND', `LoadState=${load}`);
  if (file === 'enabled' || file === 'enabled-runtime') return failed('UNIT_ENABLED', file);
  return OK;
}

function isDown({ active }: UnitState): boolean {
  return active === 'inactive' || active === 'failed';
}

function ended(definition: ResourceDefinition, { active, sub, result }: UnitState): Outcome {
  const detail = `${unitOf(definition)} is ${active} (${sub}), result ${result || 'unknown'}`;
  if (active === 'inactive') return notRunning(detail);
  return active === 'failed'
    ? { status: 7, code: 'UNIT_FAILED', detail }
    : failed('UNIT_FAILED', detail);
}
