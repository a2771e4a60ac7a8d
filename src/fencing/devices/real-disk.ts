/**
 * What every adapter for a real disk shares: one path for each `/dev/sdX`, the identity read anew
 * before each command that changes something, and a deadline that holds even when the kernel's own
 * does not.
 *
 * The fear: `/dev/sda` is another disk today. The kernel hands names out again, an array can put
 * another LUN behind a number; a PREEMPT that goes there takes somebody else's disk. So a path
 * whose VPD page 83h does not say what it should is not asked anything.
 *
 * Reference: DESIGN §8 ("A disk is the identity in its VPD page 83h").
 */
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { readDirect } from '../../system/block-device.ts';
import type {
  FenceCapabilities,
  FenceDevice,
  PathId,
  PrCommand,
  PrReply,
} from '../fence-device.ts';

/** How an adapter speaks to one path. None of them rejects for what a disk may do. */
export type PathCommands = {
  execute(command: PrCommand, signal: AbortSignal): Promise<PrReply>;
  /** Read from the disk now, never from what the kernel remembers; null when it gives none. */
  identity(signal: AbortSignal): Promise<string | null>;
  /** REPORT CAPABILITIES; null when the path gives no answer. */
  capabilities(signal: AbortSignal): Promise<FenceCapabilities | null>;
  close(): Promise<void>;
};

export type RealDiskOptions = {
  /** `/dev/sda`, …: all paths to one disk. */
  readonly paths: readonly PathId[];
  /** As `identityOf` writes it; null takes the first path's, and holds the others to it. */
  readonly identity: string | null;
  /** The adapter's own bound on one command. */
  readonly timeoutMs: Millis;
};

/**
 * What the kernel's error handling may add to a command's timeout before we stop waiting for it.
 */
const GRACE_MS: Millis = 500;

export class RealDisk implements FenceDevice {
  readonly #options: RealDiskOptions;
  readonly #commands: ReadonlyMap<PathId, PathCommands>;
  #identity: string | null;

  constructor(options: RealDiskOptions, open: (path: PathId) => PathCommands) {
    this.#options = options;
    this.#identity = options.identity;
    this.#commands = new Map(options.paths.map((path) => [path, open(path)]));
  }

  /** @throws HoldfastError DISK_IDENTITY_MISMATCH, DISK_IDENTITY_UNKNOWN */
  async identity(signal: AbortSignal): Promise<string> {
    for (const path of this.#commands.keys()) await this.#confirm(path, signal);
    if (this.#identity === null) throw new HoldfastError('DISK_IDENTITY_UNKNOWN', {});
    return this.#identity;
  }

  async paths(): Promise<readonly PathId[]> {
    return this.#options.paths;
  }

  /** @throws HoldfastError DISK_IDENTITY_MISMATCH, DISK_IDENTITY_UNKNOWN: nothing was sent. */
  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const { path } = command;
    if (signal.aborted) return { kind: 'timeout', path };
    if (changes(command)) await this.#confirm(path, signal);
    return await this.#bounded(signal, (bound) => this.#path(path).execute(command, bound), {
      kind: 'timeout',
      path,
    });
  }

  /** @throws HoldfastError RESERVATIONS_UNSUPPORTED */
  async capabilities(signal: AbortSignal): Promise<FenceCapabilities> {
    for (const commands of this.#commands.values()) {
      const found = await this.#bounded(signal, (bound) => commands.capabilities(bound), null);
      if (found !== null) return found;
    }
    throw new HoldfastError('RESERVATIONS_UNSUPPORTED', { paths: this.#options.paths });
  }

  /** @throws HoldfastError DISK_PATH_SLOW, DISK_PATHS_LOST */
  async probe(signal: AbortSignal): Promise<{ readonly durationMs: Millis }> {
    const bound = AbortSignal.any([signal, AbortSignal.timeout(this.#options.timeoutMs)]);
    const times = this.#options.paths.map((path) => readDirect(path, bound));
    return { durationMs: Math.max(...(await Promise.all(times))) };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#commands.values()].map((commands) => commands.close()));
  }

  async #confirm(path: PathId, signal: AbortSignal): Promise<void> {
    const found = await this.#bounded(signal, (bound) => this.#path(path).identity(bound), null);
    if (found === null) throw new HoldfastError('DISK_IDENTITY_UNKNOWN', { path });
    this.#identity ??= found;
    if (found !== this.#identity) {
      throw new HoldfastError('DISK_IDENTITY_MISMATCH', { path, found, wanted: this.#identity });
    }
  }

  #path(path: PathId): PathCommands {
    const commands = this.#commands.get(path);
    if (commands === undefined) throw new HoldfastError('DISK_DEVICE_INVALID', { device: path });
    return commands;
  }

  /**
   * The kernel may hold a command far beyond its timeout (error handling): the answer does not
   * wait.
   */
  async #bounded<T>(
    signal: AbortSignal,
    work: (bound: AbortSignal) => Promise<T>,
    late: T,
  ): Promise<T> {
    const bound = AbortSignal.any([
      signal,
      AbortSignal.timeout(this.#options.timeoutMs + GRACE_MS),
    ]);
    return await new Promise<T>((resolve, reject) => {
      const giveUp = () => resolve(late);
      bound.addEventListener('abort', giveUp, { once: true });
      work(bound)
        .then(resolve, reject)
        .finally(() => bound.removeEventListener('abort', giveUp));
    });
  }
}

function changes({ kind }: PrCommand): boolean {
  return kind !== 'read-keys' && kind !== 'read-reservation' && kind !== 'test-unit-ready';
}
