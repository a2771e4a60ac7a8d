/**
 * Carries the protocols out on a device: a takeover within a deadline, a look at what is ours. All
 * decisions are in `protocol/`; here is only the conversation, one command at a time, and one
 * conversation at a time for each disk of this node.
 *
 * The fear: an attempt that was given up has a command in the kernel still. The caller has its
 * answer at the deadline, but the next attempt on the disk has to wait for its turn, and its first
 * command for the one that is out (a device sends one at a time), so that attempts of one node
 * never interleave.
 *
 * It does not prove that the node is idle (`idle-proof.ts`) and does not mount.
 * Reference: DESIGN §8.
 */
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Epoch, Millis } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import { admitStrays } from './admit-strays.ts';
import type {
  FenceDevice,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from './fence-device.ts';
import { beginDefence, type DefenceVerdict, defend } from './protocol/defence.ts';
import { formatKey } from './protocol/key.ts';
import { begin, step } from './protocol/takeover.ts';
import type { TakeoverRule, TakeoverState } from './protocol/takeover-state.ts';
import { Turns } from './turns.ts';

export type TakeOver = {
  readonly device: FenceDevice;
  /** VPD page 83h that the disk must have; null only where the operator named none. */
  readonly identity: string | null;
  readonly key: ReservationKey;
  readonly type: ReservationType;
  /** Every earlier epoch's takeover of this disk was verified and committed. */
  readonly predecessorFenced: boolean;
  /** Its epoch, where it is known: see `TakeoverGoal`. */
  readonly predecessor?: Epoch | undefined;
  /** Highest epoch that the cluster is known to have committed. */
  readonly lastEpoch: Epoch;
  /** Accept a target that forgets reservations at a power loss. */
  readonly volatileReservations: boolean;
  /** Accept a target that can neither abort nor reset; then `guaranteed` is false. */
  readonly acceptLateWrites: boolean;
  /** Tests only. */
  readonly omit?: readonly TakeoverRule[];
  /** The deadline. */
  readonly signal: AbortSignal;
};

export type Held = {
  readonly key: ReservationKey;
  readonly type: ReservationType;
  /** Verified: only these paths may carry IO. */
  readonly paths: readonly string[];
  /** As the disk gave it, on every path. */
  readonly identity: string;
  /** PTPL_A was read back after the registration. */
  readonly durable: boolean;
  readonly guaranteed: boolean;
  readonly wasReset: boolean;
  readonly rounds: number;
  /** Commands that were sent, for the log and for benchmarks. */
  readonly commands: number;
};

export type TakeoverError = {
  readonly code: ProblemCode;
  /** The key in the way, where it is one: `0x…`. */
  readonly by: string | null;
  readonly detail: string;
};

export type Defend = {
  readonly device: FenceDevice;
  readonly held: Pick<Held, 'key' | 'type' | 'paths' | 'identity' | 'durable'>;
  readonly signal: AbortSignal;
};

/** A target that says BUSY is given this long before it is asked again. */
const BUSY_PAUSE_MS: Millis = 25;

export class Fence {
  readonly #clock: Clock;
  /** By the disk's identity: one conversation at a time. */
  readonly #turns = new Turns();

  constructor(options: { readonly clock: Clock }) {
    this.#clock = options.clock;
  }

  /**
   * Takes the disk over. After `ok` no write of an older owner can reach it (P2), unless
   * `guaranteed` is false. What was taken stays reserved, also when the attempt ends in an error.
   */
  async takeOver(options: TakeOver): Promise<Result<Held, TakeoverError>> {
    const { device, signal } = options;
    const name = options.identity ?? (await device.paths()).join();
    return await this.#turns.take(name, signal, TIMED_OUT, async () => {
      try {
        return await this.#attempt(options);
      } catch (error) {
        return ended(error);
      }
    });
  }

  async #attempt(options: TakeOver): Promise<Result<Held, TakeoverError>> {
    const { device, signal } = options;
    const identity = await device.identity(signal);
    if (options.identity !== null && identity !== options.identity) {
      return failed('DISK_IDENTITY_MISMATCH', `it is ${identity}`);
    }
    const capabilities = await device.capabilities(signal);
    if (!capabilities.aptpl && !options.volatileReservations)
      return failed('VOLATILE_RESERVATIONS');
    if (!capabilities.types.includes(options.type)) return failed('RESERVATION_TYPE_UNSUPPORTED');
    let next = begin({
      key: options.key,
      type: options.type,
      paths: await device.paths(),
      predecessorFenced: options.predecessorFenced,
      ...(options.predecessor === undefined ? {} : { predecessor: options.predecessor }),
      lastEpoch: options.lastEpoch,
      aptpl: capabilities.aptpl,
      acceptLateWrites: options.acceptLateWrites,
      omit: options.omit ?? [],
    });
    let commands = 0;
    for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
      commands += 1;
      const reply = await this.#ask(device, command, signal);
      next = step(next.state, signal.aborted ? { kind: 'deadline' } : { kind: 'reply', reply });
    }
    return await this.#conclude(next.state, options, { identity, commands });
  }

  /**
   * Are key and reservation still ours, on every path? Older keys are preempted on the way.
   * `unreachable` also when the signal aborts first.
   */
  async defend({ device, held, signal }: Defend): Promise<DefenceVerdict> {
    const late: DefenceVerdict = { kind: 'unreachable' };
    return await this.#turns.take(held.identity, signal, late, async () => {
      const { key, type } = held;
      // A path that came back without its registration is a loss; one that kept it is welcome.
      const live = (await device.livePaths?.()) ?? [];
      const paths = [...new Set([...held.paths, ...live])];
      let next = beginDefence({ key, type, paths, aptpl: held.durable });
      for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
        next = defend(next.state, await this.#ask(device, command, signal));
        if (signal.aborted) return late;
      }
      if (next.state.kind !== 'over') return late;
      await admitStrays({ device, held, verdict: next.state.verdict, signal }, (command) =>
        this.#ask(device, command, signal),
      );
      return next.state.verdict;
    });
  }

  /**
   * PTPL_A is a property of the target, so it is read back, not concluded from a REGISTER that was
   * good.
   */
  async #conclude(
    state: TakeoverState,
    options: TakeOver,
    facts: { readonly identity: string; readonly commands: number },
  ): Promise<Result<Held, TakeoverError>> {
    if (state.kind !== 'held') {
      if (state.kind !== 'failed') return failed('TAKEOVER_TIMED_OUT');
      const by = state.by === null ? null : formatKey(state.by);
      return failure({ code: state.code, by, detail: by === null ? '' : `key ${by}` });
    }
    const { aptplActive } = await options.device.capabilities(options.signal);
    if (!aptplActive && !options.volatileReservations) {
      return failed('VOLATILE_RESERVATIONS', 'PTPL_A stays 0 after a REGISTER with APTPL');
    }
    const { key, type, paths, guaranteed, wasReset, rounds } = state;
    return success({
      ...facts,
      key,
      type,
      paths,
      guaranteed,
      wasReset,
      rounds,
      durable: aptplActive,
    });
  }

  async #ask(device: FenceDevice, command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    if (signal.aborted) return { kind: 'timeout', path: command.path };
    const answer = await device.execute(command, signal);
    if (answer.kind === 'busy') {
      // Aborted meanwhile: the caller looks at the signal next.
      await this.#clock.after(BUSY_PAUSE_MS, signal).catch(() => {});
    }
    return answer;
  }
}

const TIMED_OUT = failed('TAKEOVER_TIMED_OUT');

function failed(code: ProblemCode, detail = ''): Result<Held, TakeoverError> {
  return failure({ code, by: null, detail });
}

/** What a device threw is the end of an attempt; anything else is a bug and stays one. */
function ended(error: unknown): Result<Held, TakeoverError> {
  if (!(error instanceof HoldfastError)) throw error;
  return failed(error.code, error.message);
}
