/**
 * Undoes one thing that a node did for a group. The guardian runs this when the daemon cannot, and the
 * agents run it in their own `kill`: there is one way down, and it is tested once.
 *
 * Every step is idempotent (what is already gone is a success) and bounded. A step that fails throws,
 * and whoever runs the list goes on with the next one.
 */
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { killCgroup } from './cgroup.ts';
import { mountAt } from './mounts.ts';
import { deleteAddress, deleteLink } from './network.ts';
import type { PacketFilter } from './packet-filter.ts';
import { killGroup } from './process.ts';
import { deleteRoute } from './routes.ts';
import { run } from './run.ts';
import { askSegment } from './segment-client.ts';
import type { Teardown } from './teardown.ts';

export type UndoOptions = {
  readonly filter: PacketFilter;
  readonly clock: Clock;
  readonly timeoutMs: Millis;
  readonly signal: AbortSignal;
};

/**
 * @throws HoldfastError with the code of what could not be undone; the signal's reason when it aborts.
 */
export async function undo(item: Teardown, options: UndoOptions): Promise<void> {
  switch (item.kind) {
    case 'block-address':
      return await options.filter.block([item.address]);
    case 'delete-address':
      return deleteAddress(item.device, item.address);
    case 'delete-link':
      return await deleteLink(item.device);
    case 'delete-route':
      return deleteRoute(item.route);
    case 'kill-cgroup':
      return await killCgroup(item.path, options);
    case 'kill-process-group':
      return await killGroup(item, options);
    case 'unmount-lazily':
      return await unmountLazily(item.path, options);
    case 'run-command':
      return await runCommand(item, options);
    case 'withdraw-port':
      return await withdraw(item, options);
  }
}

/**
 * Takes every mount off this directory, whoever uses it: forced, and detached from the tree at once.
 * What still writes to it meets the disk's fence. Nothing mounted there is a success.
 *
 * @throws HoldfastError UNMOUNT_FAILED; the signal's reason when it aborts.
 */
export async function unmountLazily(
  path: string,
  options: Omit<UndoOptions, 'filter'>,
): Promise<void> {
  const untilMs = options.clock.now() + options.timeoutMs;
  while (mountAt(path) !== null) {
    const timeoutMs = untilMs - options.clock.now();
    if (timeoutMs <= 0) throw new HoldfastError('UNMOUNT_FAILED', { path, reason: 'too slow' });
    const argv = ['umount', '--no-canonicalize', '--force', '--lazy', path];
    const failure = await run(argv, { signal: options.signal, timeoutMs }).then(
      ({ status, stderr }) => (status === 0 ? null : stderr.trim()),
      (error: unknown) => String(error),
    );
    options.signal.throwIfAborted();
    // Off the tree is what counts: a `umount` that then hangs flushes to a disk that is fenced.
    if (failure !== null && mountAt(path) !== null) {
      throw new HoldfastError('UNMOUNT_FAILED', { path, reason: failure });
    }
  }
}

async function runCommand(
  { argv, environment }: Extract<Teardown, { kind: 'run-command' }>,
  { timeoutMs, signal }: UndoOptions,
): Promise<void> {
  const added = Object.fromEntries(
    environment.map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  const { status, stderr } = await run(argv, { timeoutMs, signal, environment: added });
  if (status === 0) return;
  const context = { command: argv.join(' '), status, stderr: stderr.trim().slice(-300) };
  throw new HoldfastError('UNDO_FAILED', context);
}

async function withdraw(
  { segment, address, node }: Extract<Teardown, { kind: 'withdraw-port' }>,
  options: UndoOptions,
): Promise<void> {
  try {
    await askSegment(segment, { kind: 'withdraw', address, node }, options);
  } catch (error) {
    // A segment that is gone forwards nothing.
    const errno = error instanceof HoldfastError ? error.context['errno'] : '';
    if (errno !== 'ENOENT' && errno !== 'ECONNREFUSED') throw error;
  }
}
