/**
 * A journaled file system on a disk that this node owns. Mounting replays the journal; a check of the
 * whole file system never runs, a failover has no time for it and a journal makes it needless.
 *
 * What an application was told is durable must be there afterwards, so the agent refuses what breaks
 * that promise: no journal, no barriers, a journal that is not replayed, a cache of the disk that the
 * kernel does not flush. It looks at the superblock
 * past every cache, since a cached one may be older than the fence. A device that is already mounted
 * on this node through another path is refused as well, and that is why `nouuid` is never added by
 * itself: XFS's own check is the last one that would see it. Started again while it is mounted, it
 * answers whether every write since the mount has arrived: where one was lost, memory holds what the
 * disk does not, and only a mount anew tells the truth.
 *
 * The journal is read ahead in large pieces, which is right only because the disk was fenced and its
 * stale pages were dropped before this agent's turn.
 *
 * It does not fence (the disk does), does not format, and does not mount read-only.
 *
 * Parameters: `disk` (the disk resource) or `device`, `directory`, `type` (ext3, ext4, xfs, btrfs), `options`,
 * `write-probe` (the monitor writes and syncs a small file as well).
 *
 * Reference: DESIGN §9; mount(8), umount(8), ext4(5), xfs(5).
 */
import { mkdir, open, opendir, realpath, statfs, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Millis } from '../../lib/ids.ts';
import { type MountCall, mountDirectly } from '../../system/mount-call.ts';
import { type MountUser, mountUsers } from '../../system/mount-users.ts';
import { MountWrites } from '../../system/mount-writes.ts';
import { isReadOnly, type Mount, mountAt } from '../../system/mounts.ts';
import { readAhead } from '../../system/read-ahead.ts';
import { run } from '../../system/run.ts';
import { deviceNumber } from '../../system/superblock.ts';
import type { Teardown } from '../../system/teardown.ts';
import { unmountLazily } from '../../system/undo.ts';
import { hiddenCache } from '../../system/write-cache.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../agent.ts';
import { OK } from '../agent.ts';
import { failed, notRunning, outcomeOf } from '../outcome.ts';
import { optionalText, requiredText } from '../parameters.ts';
import {
  checkSuperblock,
  describe,
  diskOf,
  givesUpBarriers,
  isMountedAlready,
  plainPath,
  readFilesystem,
  refuseUnsafe,
} from './filesystem-checks.ts';
import { Outstanding } from './outstanding.ts';

export type FilesystemOptions = {
  readonly clock: Clock;
  /** The device under which this node may write to the disk now: a path, or the map above its paths. */
  readonly deviceOf: (disk: ResourceDefinition, context: ActionContext) => Promise<string>;
};

/** Written and removed by the optional write probe. */
const PROBE_FILE = '.holdfast-probe';
const PROBE_BYTES = 4_096;
const UNMOUNT_EVERY_MS: Millis = 25;
/** Of the stop timeout: until then users may leave by themselves, then they are ended. */
const PATIENCE = 0.5;
/** Of the stop timeout: after that it comes off by force, and the stop has failed. */
const LAST_RESORT = 0.8;
const QUESTION_TIMEOUT_MS: Millis = 60_000;

export class FilesystemAgent implements ResourceAgent {
  readonly #options: FilesystemOptions;
  /** By directory: whether it answers. */
  readonly #asked = new Outstanding<Outcome>();
  /** By directory, from the mount on. */
  readonly #writes = new Map<string, MountWrites>();

  constructor(options: FilesystemOptions) {
    this.#options = options;
  }

  validateAll(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const wanted = readFilesystem(definition);
      if (optionalText(definition, 'device') === null) diskOf(definition, context);
      for (const option of wanted.options) refuseUnsafe(option);
      await run(['mount', '--version'], { signal: context.signal, timeoutMs: QUESTION_TIMEOUT_MS });
      return OK;
    });
  }

  fitness(definition: ResourceDefinition, _context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { directory } = readFilesystem(definition);
      const there = mountAt(await plainPath(directory));
      if (there === null) return OK;
      return failed('FILESYSTEM_BUSY', `${there.source} is mounted on ${directory}`);
    });
  }

  /** Nothing: what is read of the journal before the fence is worth nothing after it. */
  async prepare(): Promise<Outcome> {
    return OK;
  }

  start(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const wanted = readFilesystem(definition);
      for (const option of wanted.options) refuseUnsafe(option);
      const device = await this.#device(definition, context);
      const number = deviceNumber(device);
      await mkdir(wanted.directory, { recursive: true });
      const directory = await realpath(wanted.directory);
      if (isMountedAlready(number, directory, wanted.type)) {
        return (await this.#writesOf(directory).allArrived())
          ? OK
          : failed('WRITES_LOST', `${directory} has pages that its disk has not`);
      }
      const hidden = await hiddenCache(device, context.signal);
      if (hidden !== null) return failed('WRITE_CACHE_HIDDEN', hidden);
      const { replay } = await checkSuperblock(device, wanted.type);
      const ahead = await readAhead(device, replay);
      try {
        const refusal = await mount({ device, ...wanted, directory }, definition, context);
        if (refusal !== null) return failed('MOUNT_FAILED', refusal);
      } finally {
        await ahead.close();
      }
      return await this.#accept(directory, definition, context);
    });
  }

  stop(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { clock } = this.#options;
      const directory = await plainPath(readFilesystem(definition).directory);
      this.#letGo(directory);
      const beganMs = clock.now();
      const told: string[] = [];
      let refusal = '';
      while (mountAt(directory) !== null) {
        const passedMs = clock.now() - beganMs;
        // Before the last resort, too: off the tree, a user would still hold the disk.
        if (passedMs > definition.stopTimeoutMs * PATIENCE) told.push(...endUsers(directory));
        if (passedMs > definition.stopTimeoutMs * LAST_RESORT) {
          await this.#undo(directory, definition, context);
          const story = [refusal, ...told, 'taken off the tree by force'];
          return failed('UNMOUNT_FAILED', story.join('; '));
        }
        // The first may take until users are ended, a later one until the last resort.
        const part = passedMs > definition.stopTimeoutMs * PATIENCE ? LAST_RESORT : PATIENCE;
        const leftMs = Math.max(1, definition.stopTimeoutMs * part - passedMs);
        refusal = await unmount(directory, leftMs, context.signal);
        if (refusal !== '') await clock.after(UNMOUNT_EVERY_MS, context.signal);
      }
      return { ...OK, detail: told.join('; ') };
    });
  }

  kill(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const directory = await plainPath(readFilesystem(definition).directory);
      this.#letGo(directory);
      await this.#undo(directory, definition, context);
      return OK;
    });
  }

  /** Nothing: a mount is invisible outside, and the disk's reservation stays. */
  async suspend(): Promise<Outcome> {
    return OK;
  }

  async resume(): Promise<Outcome> {
    return OK;
  }

  monitor(definition: ResourceDefinition, context: ActionContext): Promise<Outcome> {
    return outcomeOf(async () => {
      const { directory } = readFilesystem(definition);
      const mount = mountAt(await plainPath(directory));
      if (mount === null) return notRunning(`nothing is mounted on ${directory}`);
      if (isReadOnly(mount)) return failed('FILESYSTEM_READ_ONLY', describe(mount));
      return await this.#ask(mount, definition, context);
    });
  }

  /** The kernel tells nobody of a file system that it gave up; the monitor asks. */
  watch(): void {}

  teardown(definition: ResourceDefinition): readonly Teardown[] {
    return [{ kind: 'unmount-lazily', path: requiredText(definition, 'directory') }];
  }

  async #device(definition: ResourceDefinition, context: ActionContext): Promise<string> {
    const device = optionalText(definition, 'device');
    return device ?? (await this.#options.deviceOf(diskOf(definition, context), context));
  }

  /** What the kernel made of it: the last look before an application is let in. */
  async #accept(
    directory: string,
    definition: ResourceDefinition,
    context: ActionContext,
  ): Promise<Outcome> {
    const mount = mountAt(directory);
    if (mount === null) return failed('MOUNT_FAILED', `nothing is mounted on ${directory}`);
    const unsafe = mount.superOptions.find(givesUpBarriers);
    if (unsafe === undefined && !isReadOnly(mount)) {
      this.#letGo(directory);
      this.#writesOf(directory);
      return OK;
    }
    await this.#undo(directory, definition, context);
    return unsafe === undefined
      ? failed('FILESYSTEM_READ_ONLY', describe(mount))
      : failed('BARRIER_REFUSED', `${describe(mount)} has ${unsafe}`);
  }

  #writesOf(directory: string): MountWrites {
    const known = this.#writes.get(directory) ?? new MountWrites(directory);
    this.#writes.set(directory, known);
    return known;
  }

  /** Before it is unmounted: what is open holds it. */
  #letGo(directory: string): void {
    this.#writes.get(directory)?.close();
    this.#writes.delete(directory);
  }

  async #undo(
    directory: string,
    { stopTimeoutMs }: ResourceDefinition,
    { signal }: ActionContext,
  ): Promise<void> {
    const { clock } = this.#options;
    await unmountLazily(directory, { clock, signal, timeoutMs: stopTimeoutMs });
  }

  /** A full disk is the administrator's business: no other node has more room on it. */
  async #write(mount: Mount): Promise<Outcome> {
    try {
      await writeProbe(join(mount.directory, PROBE_FILE));
      return OK;
    } catch (error) {
      const errno = error instanceof Error && 'code' in error ? error.code : '';
      const detail = `${describe(mount)}: ${String(error)}`;
      if (errno === 'ENOSPC' || errno === 'EDQUOT') {
        return { status: 190, code: 'FILESYSTEM_FULL', detail };
      }
      return failed(errno === 'EROFS' ? 'FILESYSTEM_READ_ONLY' : 'FILESYSTEM_UNWRITABLE', detail);
    }
  }

  async #ask(
    mount: Mount,
    definition: ResourceDefinition,
    { signal }: ActionContext,
  ): Promise<Outcome> {
    const { directory } = mount;
    const { monitorTimeoutMs } = definition;
    const probes = definition.parameters['write-probe'] === true;
    const answer = this.#asked.ask(directory, () =>
      answers(directory).then(
        () => (probes ? this.#write(mount) : OK),
        (error: unknown) => failed('FILESYSTEM_HUNG', `${describe(mount)}: ${String(error)}`),
      ),
    );
    const late = this.#options.clock
      .after(monitorTimeoutMs * 0.8, signal)
      .then(() => failed('FILESYSTEM_HUNG', `${describe(mount)} does not answer`));
    return await Promise.race([answer, late]);
  }
}

/** Null when it is mounted, else why not. */
async function mount(
  wanted: MountCall,
  { startTimeoutMs }: ResourceDefinition,
  { signal }: ActionContext,
): Promise<string | null> {
  if (await mountDirectly(wanted)) return null;
  signal.throwIfAborted();
  const { device, directory, type } = wanted;
  const options = wanted.options.length === 0 ? [] : ['-o', wanted.options.join(',')];
  const argv = ['mount', '-i', '-t', type, ...options, device, directory];
  const { status, stderr } = await run(argv, { signal, timeoutMs: startTimeoutMs });
  return status === 0 ? null : stderr.trim();
}

/** Empty when it came off, else the reason; a command that does not return is one of them. */
async function unmount(directory: string, timeoutMs: Millis, signal: AbortSignal): Promise<string> {
  const argv = ['umount', '--no-canonicalize', directory];
  try {
    const { status, stderr } = await run(argv, { signal, timeoutMs });
    return status === 0 ? '' : stderr.trim() || `status ${status}`;
  } catch (error) {
    signal.throwIfAborted();
    return String(error);
  }
}

/** Ends whoever uses the mount; a line for each. */
function endUsers(directory: string): readonly string[] {
  const users = mountUsers(directory);
  for (const user of users) end(user);
  return users.map(({ pid, command }) => `killed ${pid} (${command})`);
}

function end({ pid }: MountUser): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It left by itself between the look and the signal.
  }
}

/** A file that is written, synced and removed: what an application would do. */
async function writeProbe(path: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.write(Buffer.alloc(PROBE_BYTES, 'holdfast'));
    await file.sync();
  } finally {
    await file.close();
    await unlink(path);
  }
}

/** A question that a shut-down file system cannot answer from memory alone. */
async function answers(directory: string): Promise<void> {
  await statfs(directory);
  const entries = await opendir(directory);
  try {
    await entries.read();
  } finally {
    await entries.close();
  }
}
