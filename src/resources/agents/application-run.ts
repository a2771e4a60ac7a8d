/**
 * One running of an application on this node: its processes, its control group, its log file. It knows
 * how to start commands so that nothing of theirs can escape, and how to end all of it.
 *
 * A program that is started early is told by a line on its standard input when its turn has come:
 * `start`. Until then it has no disk, no address and no right to do anything that is seen; what it may
 * do is load itself. When its input ends without that line, nobody wants it any more.
 *
 * When to do so is the business of `application.ts`.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Clock, WITHDRAWN } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import {
  freezeCgroup,
  isMember,
  isPopulated,
  killCgroup,
  signalCgroup,
} from '../../system/cgroup.ts';
import type { Ending } from '../../system/launch.ts';
import { type LongLived, startLongLived } from '../../system/long-lived.ts';
import { isRunning, killGroup, type ProcessMark, signalGroup } from '../../system/process.ts';
import type { Command } from './application-parameters.ts';

export type Surroundings = {
  readonly clock: Clock;
  readonly cgroup: string | null;
  readonly logPath: string;
  readonly directory: string | null;
  readonly environment: Readonly<Record<string, string>>;
  /** Words before each command: in whose name it runs. */
  readonly prefix: readonly string[];
};

/** `status` is null for a command that a signal ended, ours at its deadline or another. */
export type CommandEnd = { readonly status: number | null; readonly how: string };

const BEGIN = 'start\n';
const LOOK_EVERY_MS: Millis = 5;
const FREEZE_TIMEOUT_MS: Millis = 500;

export class ApplicationRun {
  readonly surroundings: Surroundings;
  /** Somebody asked for its end: then the end is no news. */
  stopping = false;
  suspended = false;
  spawnedMs: Millis | null = null;
  #main: LongLived | null = null;
  #ending: Ending | null = null;
  #background = false;
  /** It waits for its turn. */
  #waits = false;
  /** A command under way, of those that end. */
  #command: LongLived | null = null;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
  }

  /** What the guardian must kill when there is no control group, and beside it. */
  get marks(): readonly ProcessMark[] {
    return [this.#main, this.#command].flatMap((one) => (one === null ? [] : [one.mark]));
  }

  /** How the supervised program ended; null when there was none. */
  get ended(): Promise<Ending | null> {
    return this.#main?.ended ?? Promise.resolve(null);
  }

  get isBackground(): boolean {
    return this.#background;
  }

  /** Started early, and not yet told to begin. */
  get waits(): boolean {
    return this.#waits && this.isAlive();
  }

  isAlive(): boolean {
    const { cgroup } = this.surroundings;
    if (this.#background) return cgroup !== null && isPopulated(cgroup) === true;
    return this.#main !== null && this.#ending === null && isRunning(this.#main.mark);
  }

  /** A program that stays. Returns when it is inside its control group. */
  async supervise(argv: Command, signal: AbortSignal): Promise<void> {
    await this.#supervise(argv, 'nothing', signal);
  }

  /** The same, but it waits until `begin`. */
  async prestart(argv: Command, signal: AbortSignal): Promise<void> {
    await this.#supervise(argv, 'pipe', signal);
    this.#waits = true;
  }

  begin(): void {
    this.#waits = false;
    // One that has ended is noticed as such.
    this.#main?.input?.on('error', () => {});
    this.#main?.input?.end(BEGIN);
    this.spawnedMs = this.surroundings.clock.now();
  }

  async #supervise(argv: Command, input: 'pipe' | 'nothing', signal: AbortSignal): Promise<void> {
    const process = await this.#launch(argv, input);
    this.#main = process;
    this.spawnedMs = this.surroundings.clock.now();
    void process.ended.then((ending) => {
      this.#ending = ending;
    });
    await this.#untilInside(process, signal);
  }

  /** A command after whose end the application goes on by itself. */
  async launchBackground(
    argv: Command,
    timeoutMs: Millis,
    signal: AbortSignal,
  ): Promise<string | null> {
    const refusal = await this.command(argv, timeoutMs, signal);
    this.#background = refusal === null;
    this.spawnedMs = this.surroundings.clock.now();
    return refusal;
  }

  /** Runs a command to its end, or to its deadline. Null when its status was 0, else why not. */
  async command(argv: Command, timeoutMs: Millis, signal: AbortSignal): Promise<string | null> {
    const { status, how } = await this.perform(argv, timeoutMs, signal);
    return status === 0 ? null : `${argv[0]} ${how}`;
  }

  /** The same for commands whose status says more; a command that is late is killed. */
  async perform(argv: Command, timeoutMs: Millis, signal: AbortSignal): Promise<CommandEnd> {
    const { clock } = this.surroundings;
    const process = await this.#launch(argv);
    this.#command = process;
    const given = new AbortController();
    const late = clock.after(timeoutMs, AbortSignal.any([signal, given.signal])).then(
      () => ({ status: null, how: `took longer than ${Math.round(timeoutMs)} ms` }),
      () => ({ status: null, how: 'was interrupted' }),
    );
    const done = process.ended.then(({ status, signal: by }) => ({
      status,
      how: `ended with ${by ?? `status ${status}`}`,
    }));
    const end = await Promise.race([done, late]);
    given.abort(WITHDRAWN);
    if (end.status === null) await this.#killGroup(process.mark, timeoutMs);
    this.#command = null;
    signal.throwIfAborted();
    return end;
  }

  signal(name: NodeJS.Signals): void {
    for (const mark of this.marks) signalGroup(mark, name);
    if (this.#background && this.surroundings.cgroup !== null) {
      signalCgroup(this.surroundings.cgroup, name);
    }
  }

  async setStill(still: boolean, signal: AbortSignal): Promise<void> {
    const { cgroup, clock } = this.surroundings;
    if (cgroup === null) this.signal(still ? 'SIGSTOP' : 'SIGCONT');
    else await freezeCgroup(cgroup, still, { clock, timeoutMs: FREEZE_TIMEOUT_MS, signal });
    this.suspended = still;
  }

  /** Bounded wait for it to end by itself. */
  async untilGone(untilMs: Millis, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.surroundings;
    while (this.isAlive()) {
      if (clock.now() >= untilMs) return false;
      await clock.after(LOOK_EVERY_MS, signal);
    }
    return true;
  }

  /** Ends everything that is left of it: the program itself may have gone without its children. */
  async end(timeoutMs: Millis, signal: AbortSignal): Promise<void> {
    const { cgroup, clock } = this.surroundings;
    const bound = { clock, timeoutMs, signal };
    if (cgroup !== null) await killCgroup(cgroup, bound);
    for (const mark of this.marks) await killGroup(mark, bound);
  }

  async #launch(argv: Command, input: 'pipe' | 'nothing' = 'nothing'): Promise<LongLived> {
    const { logPath, directory, environment, prefix, cgroup } = this.surroundings;
    mkdirSync(dirname(logPath), { recursive: true, mode: 0o750 });
    return await startLongLived({
      argv: [...prefix, ...argv],
      environment,
      ...(directory === null ? {} : { directory }),
      cgroup,
      output: { kind: 'file', path: logPath, input },
    });
  }

  /** Bounded by the start's own deadline: the process enters within a millisecond, or ends. */
  async #untilInside(process: LongLived, signal: AbortSignal): Promise<void> {
    const { cgroup, clock } = this.surroundings;
    if (cgroup === null) return;
    while (this.isAlive() && !isMember(cgroup, process.mark.pid)) await clock.after(1, signal);
  }

  async #killGroup(mark: ProcessMark, timeoutMs: Millis): Promise<void> {
    const { clock } = this.surroundings;
    await killGroup(mark, { clock, timeoutMs, signal: new AbortController().signal });
  }
}
