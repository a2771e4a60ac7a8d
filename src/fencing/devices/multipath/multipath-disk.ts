/**
 * A disk below a dm-multipath map: the map's members are its paths, asked anew each time, since
 * multipathd takes paths out and puts them in whenever it likes.
 *
 * The fear: a path that comes back is a new nexus without a registration, and the map sends the
 * file system's writes over it at once. Registered while the file system is mounted, it could give
 * a machine that was fenced meanwhile its rights back. So a path is registered by takeovers only,
 * and the defence looks at every live one (`livePaths`): one without registration ends the
 * ownership, and the next epoch's takeover registers it. A path that only lost its link keeps its
 * registration, and is welcome again.
 *
 * It does not change the map and does not talk to multipathd, whose `reservation_key` has to stay
 * unset. Reference: DESIGN §8; Linux Documentation/admin-guide/device-mapper; multipath.conf(5).
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import type {
  FenceCapabilities,
  FenceDevice,
  PathId,
  PrCommand,
  PrReply,
} from '../../fence-device.ts';
import { type PathCommands, RealDisk } from '../real-disk.ts';

export type MultipathOptions = {
  /** The paths that the map has now, such as `/dev/sda`. */
  readonly members: () => Promise<readonly PathId[]>;
  readonly open: (path: PathId) => Promise<PathCommands>;
  readonly identity: string | null;
  readonly timeoutMs: Millis;
};

export class MultipathDisk implements FenceDevice {
  readonly #options: MultipathOptions;
  readonly #open = new Map<PathId, Promise<RealDisk>>();
  #identity: string | null;

  constructor(options: MultipathOptions) {
    this.#options = options;
    this.#identity = options.identity;
  }

  /**
   * Two members that differ are two disks. A member that does not answer says nothing.
   *
   * @throws HoldfastError DISK_IDENTITY_MISMATCH, DISK_IDENTITY_UNKNOWN
   */
  async identity(signal: AbortSignal): Promise<string> {
    const found: string[] = [];
    for (const path of await this.paths()) {
      try {
        found.push(await (await this.#disk(path)).identity(signal));
      } catch (error) {
        if (!isCode(error, 'DISK_IDENTITY_UNKNOWN', 'DISK_DEVICE_INVALID')) throw error;
        this.#forget(path);
      }
    }
    const [identity] = found;
    if (identity === undefined) throw new HoldfastError('DISK_IDENTITY_UNKNOWN', {});
    if (found.some((other) => other !== identity)) {
      throw new HoldfastError('DISK_IDENTITY_MISMATCH', { found });
    }
    this.#identity ??= identity;
    return identity;
  }

  async paths(): Promise<readonly PathId[]> {
    const members = await this.#options.members();
    for (const path of this.#open.keys()) if (!members.includes(path)) this.#forget(path);
    return members;
  }

  livePaths(): Promise<readonly PathId[]> {
    return this.paths();
  }

  /** @throws HoldfastError DISK_IDENTITY_MISMATCH: nothing was sent. */
  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const { path } = command;
    if (!(await this.paths()).includes(path)) return { kind: 'path-lost', path };
    try {
      const reply = await (await this.#disk(path)).execute(command, signal);
      // Its name may lead to another device when it is back: then it is opened anew.
      if (reply.kind === 'path-lost') this.#forget(path);
      return reply;
    } catch (error) {
      // It says nothing about itself, and so it is not asked anything.
      if (!isCode(error, 'DISK_IDENTITY_UNKNOWN', 'DISK_DEVICE_INVALID')) throw error;
      this.#forget(path);
      return { kind: 'path-lost', path };
    }
  }

  /** @throws HoldfastError RESERVATIONS_UNSUPPORTED when no member answers. */
  async capabilities(signal: AbortSignal): Promise<FenceCapabilities> {
    const paths = await this.paths();
    for (const path of paths) {
      try {
        return await (await this.#disk(path)).capabilities(signal);
      } catch (error) {
        if (!isCode(error, 'RESERVATIONS_UNSUPPORTED', 'DISK_DEVICE_INVALID')) throw error;
        this.#forget(path);
      }
    }
    throw new HoldfastError('RESERVATIONS_UNSUPPORTED', { paths });
  }

  /**
   * As the map does it: one path that answers is enough. @throws HoldfastError DISK_PATHS_LOST
   */
  async probe(signal: AbortSignal): Promise<{ readonly durationMs: Millis }> {
    const paths = await this.paths();
    const probes = paths.map(async (path) => (await this.#disk(path)).probe(signal));
    try {
      return await Promise.any(probes);
    } catch (cause) {
      throw new HoldfastError('DISK_PATHS_LOST', { paths }, { cause });
    }
  }

  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const each of await Promise.allSettled(open)) {
      if (each.status === 'fulfilled') await each.value.close();
    }
  }

  #disk(path: PathId): Promise<RealDisk> {
    const open = this.#open.get(path) ?? this.#openPath(path);
    this.#open.set(path, open);
    return open;
  }

  async #openPath(path: PathId): Promise<RealDisk> {
    const commands = await this.#options.open(path);
    const { timeoutMs } = this.#options;
    return new RealDisk({ paths: [path], identity: this.#identity, timeoutMs }, () => commands);
  }

  #forget(path: PathId): void {
    const open = this.#open.get(path);
    this.#open.delete(path);
    // It may not have been opened, or its last command may hang: nobody waits for that.
    void open?.then((disk) => disk.close()).catch(() => {});
  }
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof HoldfastError && codes.includes(error.code);
}
