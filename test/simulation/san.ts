/**
 * The storage network: every command of a host travels to the target and its answer travels back,
 * each on one path. A path that is cut swallows both; the host learns it late. What was sent is not
 * called back when its sender dies, gives up or stands still: it arrives, which is what fencing is
 * about.
 */
import type { Millis } from '../../src/lib/ids.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Effects } from './effects.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { VirtualClock } from './virtual-clock.ts';

export type PathTrouble = {
  cut: boolean;
  lossPerMille: number;
  delayMs: Millis;
  /** So many writes of data come to nothing, and everything else passes. */
  failWrites: number;
  /** The next reservation command takes so much longer; whatever follows it overtakes it. */
  stragglerMs: Millis;
};

const WELL: Readonly<PathTrouble> = {
  cut: false,
  lossPerMille: 0,
  delayMs: 0,
  failWrites: 0,
  stragglerMs: 0,
};

export type Errand<T> = {
  readonly host: string;
  readonly path: string;
  /** The kernel of the host: while it stands still it hears nothing. */
  readonly kernel: FreezableClock;
  /** At the target; it may take its time to reply. */
  readonly arrive: (reply: (what: T) => void) => void;
  readonly answer: (answer: T | 'path-lost' | 'timeout') => void;
  /** On top of what the way takes. */
  readonly lateMs?: Millis;
};

/** How long a host's driver believes in a path that answers nothing. */
const PATH_LOSS_MS: Millis = 150;
/** As the device port's: of one command that was lost on the way. */
const COMMAND_TIMEOUT_MS: Millis = 2_000;

export class San {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #effects: Effects;
  readonly #troubles = new Map<string, PathTrouble>();

  constructor(clock: VirtualClock, random: Random, effects: Effects) {
    this.#clock = clock;
    this.#random = random;
    this.#effects = effects;
  }

  path(host: string, path: string): PathTrouble {
    const key = `${host}:${path}`;
    const known = this.#troubles.get(key);
    if (known !== undefined) return known;
    const fresh = { ...WELL };
    this.#troubles.set(key, fresh);
    return fresh;
  }

  heal(host: string): void {
    for (const [key, trouble] of this.#troubles) {
      if (key.startsWith(`${host}:`)) {
        Object.assign(trouble, WELL);
      }
    }
  }

  failsWrite(host: string, path: string): boolean {
    const trouble = this.path(host, path);
    if (trouble.failWrites === 0) return false;
    trouble.failWrites -= 1;
    this.#effects.count('storage-command-lost');
    return true;
  }

  /** How much later than others the next reservation command comes: asked for once. */
  stragglesMs(host: string, path: string): Millis {
    const trouble = this.path(host, path);
    const lateMs = trouble.stragglerMs;
    trouble.stragglerMs = 0;
    if (lateMs > 0) this.#effects.count('storage-command-late');
    return lateMs;
  }

  send<T>(errand: Errand<T>): void {
    const { host, path, kernel, arrive } = errand;
    const trouble = this.path(host, path);
    let over = false;
    const answer = (what: T | 'path-lost' | 'timeout'): void => {
      if (over) return;
      over = true;
      kernel.run(() => errand.answer(what));
    };
    if (trouble.cut) {
      this.#effects.count('storage-command-lost');
      this.#clock.schedule(PATH_LOSS_MS + this.#random.below(100), () => answer('path-lost'));
      return;
    }
    const lost = (): void => {
      this.#effects.count('storage-command-lost');
      this.#clock.schedule(COMMAND_TIMEOUT_MS, () => answer('timeout'));
    };
    if (this.#isLost(trouble)) {
      lost();
      return;
    }
    this.#clock.schedule(this.#travelMs(trouble) + (errand.lateMs ?? 0), () => {
      if (trouble.cut) {
        lost();
        return;
      }
      arrive((what) => {
        if (this.#isLost(trouble)) {
          lost();
          return;
        }
        this.#clock.schedule(this.#travelMs(trouble), () => (trouble.cut ? lost() : answer(what)));
      });
    });
  }

  #isLost({ lossPerMille }: PathTrouble): boolean {
    return lossPerMille > 0 && this.#random.below(1_000) < lossPerMille;
  }

  #travelMs({ delayMs }: PathTrouble): Millis {
    if (delayMs > 0) this.#effects.count('storage-command-late');
    return 0.05 + this.#random.below(100) / 1_000 + (delayMs > 0 ? this.#random.below(delayMs) : 0);
  }
}
