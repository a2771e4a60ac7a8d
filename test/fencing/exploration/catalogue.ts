/**
 * Every state of the disk, of an attempt and of a look at the disk, once, with a number; and every
 * step between them, taken once by the real code (`EmulatedTarget`, `takeover.ts`, `defence.ts`)
 * and looked up from then on. Millions of worlds are made of some thousand of these.
 */
import {
  DEFAULT_TARGET,
  type TargetOptions,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand, PrReply } from '../../../src/fencing/fence-device.ts';
import type { DefenceGoal, DefenceState } from '../../../src/fencing/protocol/defence.ts';
import type { TakeoverGoal, TakeoverState } from '../../../src/fencing/protocol/takeover-state.ts';
import { Interned, PairMap } from '../../exploration/tables.ts';
import { nexusName, STRANGER, STRANGERS_KEY } from './names.ts';
import type { Protocol } from './protocol.ts';

/** What can happen to the disk. A nexus is a number of `names.ts`. */
export type Operation =
  | {
      readonly kind: 'command';
      readonly nexus: number;
      readonly command: PrCommand;
      /** PREEMPT AND ABORT whose sender is gone, or whose aborts come later. */
      readonly half: boolean;
    }
  | { readonly kind: 'submit' | 'land'; readonly nexus: number; readonly epoch: number }
  | { readonly kind: 'eat' | 'end-tasks'; readonly nexus: number }
  | { readonly kind: 'power' | 'clear' | 'stranger' };

export type Attempt = {
  readonly epoch: number;
  readonly state: TakeoverState | { readonly kind: 'none' } | { readonly kind: 'dead' };
  readonly command: PrCommand | null;
  /** Nexus by which each path was last touched with success; empty where paths do not log in. */
  readonly verified: Readonly<Record<string, number>>;
};

export type Look = { readonly state: DefenceState | null; readonly command: PrCommand | null };

/** A step of the disk, as numbers. */
export type Performed = {
  readonly from: number;
  readonly operation: number;
  readonly result: number;
};

/** Of an attempt, as a number to compare. */
export const [NONE, RUNNING, HELD, FAILED, DEAD] = [0, 1, 2, 3, 4] as const;

export type Sight = {
  readonly attentions: boolean;
  readonly cache: boolean;
  readonly logins: boolean;
  readonly comparing: boolean;
  readonly target: Partial<TargetOptions>;
};

export class Catalogue {
  readonly targets = new Interned<EmulatedTarget>();
  readonly operations = new Interned<Operation>();
  readonly replies = new Interned<PrReply>();
  readonly attempts = new Interned<Attempt>();
  readonly looks = new Interned<Look>();
  readonly lists = new Interned<readonly number[]>();
  readonly phases: number[] = [];
  readonly #protocol: Protocol;
  readonly #sight: Sight;
  readonly #performed = new PairMap();
  readonly #afterwards: number[] = [];
  readonly #answers: number[] = [];
  readonly #stepped = new PairMap();
  readonly #looked = new PairMap();
  readonly #sent = new PairMap();
  /** What was performed, for a test that walks it again; null where nobody asks. */
  journal: Performed[] | null = null;
  /** Different steps of target and state machines: each was taken by the real code. */
  steps = 0;

  constructor(protocol: Protocol, sight: Sight) {
    this.#protocol = protocol;
    this.#sight = sight;
    const nobody = { epoch: 0, state: { kind: 'none' }, command: null, verified: {} } as const;
    this.attempt(nobody);
    this.look({ state: null, command: null });
    this.list([]);
  }

  blank(): number {
    const options = { ...DEFAULT_TARGET, writeCache: this.#sight.cache, identity: 'naa.1' };
    return this.#target(new EmulatedTarget({ ...options, ...this.#sight.target }));
  }

  operation(operation: Operation): number {
    return this.operations.add(text(operation), () => operation);
  }

  list(numbers: readonly number[]): number {
    const sorted = [...numbers].sort((a, b) => a - b);
    return this.lists.add(sorted.join(), () => sorted);
  }

  /** Answers the number of the result: `after` and `answer` have it. */
  perform(target: number, operation: number): number {
    const known = this.#performed.get(target, operation);
    const result = known >= 0 ? known : this.#perform(target, operation);
    this.journal?.push({ from: target, operation, result });
    return result;
  }

  #perform(target: number, operation: number): number {
    this.steps += 1;
    const disk = this.targets.at(target).fork();
    const reply = this.apply(disk, this.operations.at(operation));
    const result = this.#afterwards.length;
    this.#afterwards.push(this.#target(disk));
    this.#answers.push(this.replies.add(text(reply), () => reply));
    this.#performed.set(target, operation, result);
    return result;
  }

  after(result: number): number {
    return this.#afterwards[result] as number;
  }

  answer(result: number): number {
    return this.#answers[result] as number;
  }

  reply(result: number): PrReply {
    return this.replies.at(this.answer(result));
  }

  replyOf(reply: PrReply): number {
    return this.replies.add(text(reply), () => reply);
  }

  begin(epoch: number, goal: TakeoverGoal): number {
    const { state, commands } = this.#protocol.begin(goal);
    return this.attempt({ epoch, state, command: commands[0] ?? null, verified: {} });
  }

  dead(attempt: number): number {
    const { epoch } = this.attempts.at(attempt);
    return this.attempt({ epoch, state: { kind: 'dead' }, command: null, verified: {} });
  }

  /** −1 as the reply is the deadline. */
  step(attempt: number, reply: number, nexus: number): number {
    const from = this.#sight.logins ? attempt * 64 + nexus : attempt;
    const known = this.#stepped.get(from, reply + 1);
    if (known >= 0) return known;
    this.steps += 1;
    const before = this.attempts.at(attempt);
    const { state } = before;
    if (state.kind === 'none' || state.kind === 'dead') throw new RangeError('nobody to step');
    const answer = reply < 0 ? null : this.replies.at(reply);
    const next = this.#protocol.step(
      state,
      answer === null ? { kind: 'deadline' } : { kind: 'reply', reply: answer },
    );
    const command = next.commands[0] ?? null;
    const verified = this.#verified(before, answer, nexus);
    const after = this.attempt({ epoch: before.epoch, state: next.state, command, verified });
    this.#stepped.set(from, reply + 1, after);
    return after;
  }

  beginLook(goal: DefenceGoal): number {
    const { state, commands } = this.#protocol.beginDefence(goal);
    return this.look({ state, command: commands[0] ?? null });
  }

  stepLook(look: number, reply: number): number {
    const known = this.#looked.get(look, reply);
    if (known >= 0) return known;
    this.steps += 1;
    const { state } = this.looks.at(look);
    if (state === null) throw new RangeError('nobody looks');
    const next = this.#protocol.defend(state, this.replies.at(reply));
    const after = this.look({ state: next.state, command: next.commands[0] ?? null });
    this.#looked.set(look, reply, after);
    return after;
  }

  look(look: Look): number {
    return this.looks.add(text(look), () => look);
  }

  attempt(attempt: Attempt): number {
    const number = this.attempts.add(text(attempt), () => attempt);
    if (this.phases.length === number) this.phases.push(phaseOf(attempt));
    return number;
  }

  /** The command of an attempt, sent on a nexus, as an operation. */
  sent(attempt: number, nexus: number, half: boolean): number {
    const on = nexus * 2 + (half ? 1 : 0);
    const known = this.#sent.get(attempt, on);
    if (known >= 0) return known;
    const { command } = this.attempts.at(attempt);
    if (command === null) throw new RangeError('nothing is sent');
    const operation = this.operation({ kind: 'command', nexus, command, half });
    this.#sent.set(attempt, on, operation);
    return operation;
  }

  #verified(before: Attempt, reply: PrReply | null, nexus: number): Attempt['verified'] {
    const { command, verified } = before;
    if (!this.#sight.logins || command?.kind !== 'register') return verified;
    const touched = reply?.kind === 'good' && command.current === command.key;
    return touched ? { ...verified, [command.path]: nexus } : verified;
  }

  #target(target: EmulatedTarget): number {
    if (!this.#sight.attentions) calm(target);
    return this.targets.add(keyOf(target, this.#sight), () => target);
  }

  /** The real target takes a step. */
  apply(target: EmulatedTarget, operation: Operation): PrReply {
    const reply = this.#apply(target, operation);
    if (!this.#sight.attentions) calm(target);
    return reply;
  }

  #apply(target: EmulatedTarget, operation: Operation): PrReply {
    const nexus = 'nexus' in operation ? nexusName(operation.nexus) : nexusName(STRANGER);
    if (!this.#sight.attentions) greet(target, nexus);
    const said = (kind: 'good' | 'reservation-conflict' | 'unit-attention'): PrReply => ({
      kind,
      path: '',
    });
    switch (operation.kind) {
      case 'command':
        return this.#execute(target, nexus, operation);
      case 'submit': {
        const task = target.submitWrite(nexus, 0, `${operation.epoch}`);
        if (task === 'reservation-conflict') return said('reservation-conflict');
        return said(typeof task === 'object' && 'id' in task ? 'good' : 'unit-attention');
      }
      case 'land': {
        const task = target
          .inspect()
          .tasks.find((other) => other.nexus === nexus && Number(other.data) === operation.epoch);
        return said(
          task !== undefined && target.completeWrite(task.id) ? 'good' : 'reservation-conflict',
        );
      }
      case 'eat':
        return said(target.testUnitReady(nexus) === 'good' ? 'good' : 'unit-attention');
      case 'end-tasks':
        target.nexusLoss(nexus);
        return said('good');
      case 'power':
        target.powerLoss();
        return said('good');
      default: {
        greet(target, nexus);
        const register = { action: 'register', key: 0n, serviceKey: STRANGERS_KEY } as const;
        target.reserveOut(nexus, { ...register, aptpl: true });
        const key = STRANGERS_KEY;
        const clears = operation.kind === 'clear';
        target.reserveOut(
          nexus,
          clears ? { action: 'clear', key } : { action: 'reserve', key, type: 1 },
        );
        return said('good');
      }
    }
  }

  #execute(
    target: EmulatedTarget,
    nexus: string,
    { command, half }: Extract<Operation, { kind: 'command' }>,
  ): PrReply {
    if (command.kind === 'register' && !this.#sight.comparing) {
      const { current: key, key: serviceKey, aptpl, path } = command;
      const out = { action: 'register-and-ignore', key, serviceKey, aptpl } as const;
      return { kind: target.reserveOut(nexus, out) === 'good' ? 'good' : 'unit-attention', path };
    }
    const done = half ? ({ ...command, kind: 'preempt' } as PrCommand) : command;
    return execute(target, nexus, done);
  }
}

function phaseOf({ state }: Attempt): number {
  switch (state.kind) {
    case 'none':
      return NONE;
    case 'held':
      return HELD;
    case 'failed':
      return FAILED;
    case 'dead':
      return DEAD;
    default:
      return RUNNING;
  }
}

/** A nexus has five kinds of attention to tell at most. */
function greet(target: EmulatedTarget, nexus: string): void {
  for (let told = 0; told < 8 && target.testUnitReady(nexus) !== 'good'; told += 1);
}

function calm(target: EmulatedTarget): void {
  for (const nexus of target.inspect().attentions.keys()) greet(target, nexus);
}

/**
 * Two disks with one key behave alike: the order of registrations, of tasks and of attentions is
 * told to nobody, and the generation is used by nobody.
 */
export function keyOf(target: EmulatedTarget, { attentions, cache }: Sight): string {
  const disk = target.inspect();
  const parts = [
    [...disk.registrations].map(([nexus, key]) => `${nexus}=${key.toString(16)}`).sort(),
    [disk.reservation === null ? '' : `${disk.reservation.type}${disk.reservation.holder}`],
    [`${disk.aptplActive}`],
    disk.tasks.map(({ nexus, data }) => `${nexus}<${data}`).sort(),
    attentions
      ? [...disk.attentions].map(([nexus, codes]) => `${nexus}!${[...codes].sort()}`).sort()
      : [],
    cache ? [...disk.cache.values(), '/', ...disk.medium.values()] : [],
  ];
  return parts.map((part) => part.join()).join(';');
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `0x${part.toString(16)}` : part,
  );
}
