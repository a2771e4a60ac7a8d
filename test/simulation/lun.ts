/**
 * One shared disk: the exact SPC-4 model of production's emulated target, with time. A write is
 * checked when it is accepted and lands later; how much later is fate's. Every change passes here, so
 * this is where the checkers look: what lands, what is taken, what happens to a stranger.
 */
import {
  DEFAULT_TARGET,
  type Status,
  type TargetOptions,
  type Task,
} from '../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand, PrReply } from '../../src/fencing/fence-device.ts';
import type { Epoch, Millis } from '../../src/lib/ids.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Effects } from './effects.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type LunOptions = {
  readonly name: string;
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly paths: readonly string[];
  readonly target: Partial<TargetOptions>;
  /** See `GroupSetting`. */
  readonly queues: boolean;
  /** Control: registers whatever key the path holds now. */
  readonly ignoreExisting: boolean;
  readonly landed: (lun: Lun, task: Task) => void;
  readonly effects: Effects;
  /** A command has changed a registration or the reservation. */
  readonly changed: (lun: Lun, nexus: string, command: string) => void;
};

/** What a write's data says: who wrote it (an epoch), and what. */
export function blockOf(epoch: Epoch, words: string): string {
  return `${epoch}|${words}`;
}

export function epochOf(data: string): Epoch {
  return Number(data.slice(0, data.indexOf('|')));
}

export function wordsOf(data: string): string {
  return data.slice(data.indexOf('|') + 1);
}

const SERVICE_MS: Millis = 1;
const STRANGER = 'stranger:a';
/** No tag of ours: a key that somebody typed. */
const STRANGERS_KEY = 0xa1n;

export class Lun {
  readonly options: LunOptions;
  readonly target: EmulatedTarget;
  /** Answers BUSY before this time. */
  busyUntilMs: Millis = 0;
  /** A write that is accepted takes up to so long to land. */
  serviceMs: Millis = SERVICE_MS;
  /** Grows with each power loss: what was cached by then is gone. */
  powerLosses = 0;
  /** Since a power loss that took the reservations along: nothing is promised until a takeover. */
  unfencedSince: Millis | null = null;
  /** The newest epoch whose takeover has returned. */
  takenBy: Epoch = 0;
  strangerThere = false;

  constructor(options: LunOptions) {
    this.options = options;
    const identity = `naa.${options.name}`;
    this.target = new EmulatedTarget({ ...DEFAULT_TARGET, identity, ...options.target });
  }

  get name(): string {
    return this.options.name;
  }

  get identity(): string {
    return this.target.options.identity;
  }

  get isBusy(): boolean {
    const isBusy = this.options.clock.now() < this.busyUntilMs;
    if (isBusy) this.options.effects.count('storage-command-refused');
    return isBusy;
  }

  reserve(nexus: string, command: PrCommand, cutShort: boolean): PrReply {
    const { path } = command;
    if (this.isBusy) return { kind: 'busy', path };
    if (command.kind === 'register' && this.options.ignoreExisting) {
      const { current: key, key: serviceKey, aptpl } = command;
      const action = 'register-and-ignore' as const;
      const status = this.target.reserveOut(nexus, { action, key, serviceKey, aptpl });
      if (status === 'good') return this.#told(nexus, command, { kind: 'good', path });
    }
    const done =
      cutShort && command.kind === 'preempt-and-abort'
        ? ({ ...command, kind: 'preempt' } as const)
        : command;
    return this.#told(nexus, command, execute(this.target, nexus, done));
  }

  #told(nexus: string, command: PrCommand, reply: PrReply): PrReply {
    if (reply.kind === 'good' && 'key' in command) this.options.changed(this, nexus, command.kind);
    return reply;
  }

  /** Accepts a write, or says why not; `done` tells later whether it landed or was aborted. */
  write(nexus: string, block: number, data: string, done: (landed: boolean) => void): Status {
    const { clock, random, landed, effects } = this.options;
    if (this.isBusy) return 'busy';
    const task = this.target.submitWrite(nexus, block, data);
    if (typeof task === 'string' || 'check' in task) return task;
    if (this.serviceMs > SERVICE_MS) effects.count('write-late');
    const serviceMs = (this.serviceMs * (1 + random.below(1_000))) / 1_000;
    clock.schedule(serviceMs, () => {
      const isLanded = this.target.completeWrite(task.id);
      if (isLanded) landed(this, task);
      else effects.count('write-aborted');
      done(isLanded);
    });
    return 'good';
  }

  losePower(): void {
    const { clock } = this.options;
    if (!this.target.capabilities().aptplActive) this.unfencedSince = clock.now();
    this.target.powerLoss();
    this.powerLosses += 1;
    this.busyUntilMs = Math.max(this.busyUntilMs, clock.now() + 100);
  }

  /** Another cluster, or an operator by hand, has put its key there, and reserves if it can. */
  strangerComes(): void {
    const { target } = this;
    target.testUnitReady(STRANGER);
    const key = STRANGERS_KEY;
    target.reserveOut(STRANGER, { action: 'register', key: 0n, serviceKey: key, aptpl: true });
    target.reserveOut(STRANGER, { action: 'reserve', key, type: 1 });
    this.strangerThere = this.strangersKeyIsThere;
  }

  strangerGoes(): void {
    this.strangerThere = false;
    const { target } = this;
    for (let told = 0; told < 8 && target.testUnitReady(STRANGER) !== 'good'; told += 1);
    const key = STRANGERS_KEY;
    target.reserveOut(STRANGER, { action: 'register', key, serviceKey: 0n, aptpl: true });
  }

  get strangersKeyIsThere(): boolean {
    return this.target.inspect().registrations.get(STRANGER) === STRANGERS_KEY;
  }

  /** Every block from 1 on, as the next mount finds it; stops where nothing was ever written. */
  blocks(read: (block: number) => string | null): readonly string[] {
    const found: string[] = [];
    for (let block = 1; ; block += 1) {
      const data = read(block);
      if (data === null) return found;
      found.push(data);
    }
  }
}
