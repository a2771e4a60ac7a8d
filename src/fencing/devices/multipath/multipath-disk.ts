/**
 * A disk below a dm-multipath map: the map's members are its paths, asked anew each time, since
 * multipathd takes paths out and puts them in whenever it likes.
 *
 * The fear: a path that comes back is a new nexus without a registration, and the map sends the
 * file system's writes over it at once. Registered while the map has it, it could give a machine that
 * was fenced meanwhile its rights back. So the defence looks at every live path (`livePaths`): one
 * without registration ends the ownership, and the next epoch's takeover registers it. A path outside
 * the map is registered there, and joins only when we are still the owner after that (`strays.ts`,
 * `protocol/admission.ts`). A path that only lost its link keeps its registration, and is welcome again.
 *
 * It does not talk to multipathd, whose `reservation_key` has to stay unset. Reference: DESIGN §8; Linux
 * Documentation/admin-guide/device-mapper; multipath.conf(5).
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import type {
  FenceCapabilities,
  FenceDevice,
  PathId,
  PrCommand,
  PrReply,
  StrayPath,
} from '../../fence-device.ts';
import { type PathCommands, RealDisk } from '../real-disk.ts';

export type MultipathOptions = {
  /** The paths that the map has now, such as `/dev/sda`. */
  readonly members: () => Promise<readonly PathId[]>;
  readonly open: (path: PathId) => Promise<PathCommands>;
  readonly identity: string | null;
  readonly timeoutMs: Millis;
  /** Paths of the disk that the map does not have, each of them claimed. */
  readonly strays?: (identity: string) => Promise<readonly StrayPath[]>;
};

export class MultipathDisk implements FenceDevice {
  readonly #options: MultipathOptions;
  readonly #open = new Map<PathId, Promise<RealDisk>>();
  /** Outside the map, and claimed by us at this moment. */
  readonly #strays = new Set<PathId>();
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
    for (const path of this.#open.keys()) {
      if (!members.includes(path) && !this.#strays.has(path)) this.#forget(path);
    }
    return members;
  }

  livePaths(): Promise<readonly PathId[]> {
    return this.paths();
  }

  async strayPaths(signal: AbortSignal): Promise<readonly StrayPath[]> {
    const { strays } = this.#options;
    if (strays === undefined) return [];
    const found = await strays(this.#identity ?? (await this.identity(signal)));
    return found.map((stray) => {
      this.#strays.add(stray.path);
      const letGo = async () => {
        this.#strays.delete(stray.path);
        await stray.letGo();
      };
      return { ...stray, letGo };
    });
  }

  /** @throws HoldfastError DISK_IDENTITY_MISMATCH: nothing was sent. */
  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const { path } = command;
    const known = (await this.paths()).includes(path) || this.#strays.has(path);
    if (!known) return { kind: 'path-lost', path };
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
