/** What a failover must never mount, and how a busy or broken mount comes down. */
import { equal, match, notEqual, throws } from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Parameter } from '../../../src/cluster/definition.ts';
import { monotonicClock as clock } from '../../../src/system/clock.ts';
import { startLongLived } from '../../../src/system/long-lived.ts';
import { mountAt } from '../../../src/system/mounts.ts';
import { destroy } from '../../guardian/support/guardian-process.ts';
import { isAlive, until } from '../../system/support/until.ts';
import { contextOf, resource } from '../support/definitions.ts';
import type { DiskStage } from '../support/disk-stage.ts';
import { must, works } from '../support/shell.ts';
import type { Story } from './addresses.ts';
import { filesystem } from './labs.ts';

const context = contextOf();
const calm = new AbortController().signal;

export function filesystemStories(disks: DiskStage): readonly Story[] {
  const on = (device: string, parameters: Readonly<Record<string, Parameter>>) =>
    resource('filesystem', { device, directory: disks.directory('story'), ...parameters });
  const fresh = async () => {
    await filesystem.kill(on('/dev/null', { type: 'ext4' }), context);
    disks.destroy();
  };
  const refused = async (definition: ReturnType<typeof on>, code: string) => {
    equal((await filesystem.start(definition, context)).code, code);
    equal((await filesystem.monitor(definition, context)).status, 7, 'nothing stays mounted');
  };
  const stories: readonly Story[] = [
    {
      name: 'a file system without a journal is refused, whatever it calls itself',
      run: async () => {
        await refused(on(disks.disk('ext2', 'ext2'), { type: 'ext4' }), 'NO_JOURNAL');
        const honest = on('/dev/null', { type: 'ext2' });
        equal((await filesystem.start(honest, context)).code, 'NO_JOURNAL');
        const bare = disks.disk('bare', 'ext4', '-O', '^has_journal');
        await refused(on(bare, { type: 'ext4' }), 'NO_JOURNAL');
      },
    },
    {
      name: 'a mount that gives up barriers is refused, also when the superblock asks for it',
      run: async () => {
        const disk = disks.disk('barrier', 'ext4');
        for (const options of ['nobarrier', 'noatime,barrier=0']) {
          await refused(on(disk, { type: 'ext4', options }), 'BARRIER_REFUSED');
        }
        await refused(on(disk, { type: 'ext4', options: ['noload'] }), 'NO_JOURNAL');
        must('tune2fs', '-o', 'nobarrier', disk);
        await refused(on(disk, { type: 'ext4' }), 'BARRIER_REFUSED');
        must('tune2fs', '-o', '^nobarrier', '-E', 'mount_opts=nobarrier', disk);
        await refused(on(disk, { type: 'ext4' }), 'BARRIER_REFUSED');
      },
    },
    {
      name: 'a disk that carries something else is refused',
      run: async () => {
        await refused(on(disks.disk('xfs', 'xfs'), { type: 'ext4' }), 'FILESYSTEM_TYPE_MISMATCH');
        await refused(on(disks.disk('empty', ''), { type: 'xfs' }), 'FILESYSTEM_TYPE_MISMATCH');
        await refused(on('/dev/no-such-disk', { type: 'xfs' }), 'DEVICE_UNREADABLE');
      },
    },
    {
      name: 'a device that is mounted elsewhere, and a directory that is taken, are refused',
      run: async () => {
        const disk = disks.disk('elsewhere', 'ext4');
        const there = disks.directory('elsewhere');
        must('mount', disk, there);
        await refused(on(disk, { type: 'ext4' }), 'FILESYSTEM_BUSY');
        const other = on(disks.disk('other', 'ext4'), { type: 'ext4', directory: there });
        equal((await filesystem.start(other, context)).code, 'FILESYSTEM_BUSY');
        must('umount', there);
      },
    },
    {
      name: 'what was written and synced is there after the mount was torn away, journal replayed',
      run: async () => {
        const definition = on(disks.disk('replay', 'ext4'), { type: 'ext4' });
        equal((await filesystem.start(definition, context)).status, 0);
        const file = join(String(definition.parameters['directory']), 'ledger');
        writeFileSync(file, 'paid', { flush: true });
        await filesystem.kill(definition, context);
        equal((await filesystem.start(definition, context)).status, 0);
        equal(must('cat', file), 'paid');
        await filesystem.stop(definition, context);
      },
    },
    {
      name: 'a write that was lost is not forgotten: not started again, but mounted anew it is well',
      run: async () => {
        const disk = disks.scarce('lost');
        const definition = on(disk.device, { type: 'ext4' });
        equal((await filesystem.start(definition, context)).status, 0);
        const file = join(String(definition.parameters['directory']), 'ledger');
        writeFileSync(file, 'paid', { flush: true });
        equal((await filesystem.start(definition, context)).status, 0, 'nothing was lost so far');
        disk.fill();
        throws(() => writeFileSync(file, 'paid and paid'.repeat(100_000), { flush: true }));
        disk.empty();
        // The trap: the page is still there, and whoever asks now is told that it is safe.
        equal(readFileSync(file, 'utf8').length, 1_300_000);
        equal(works('dd', 'if=/dev/null', `of=${file}`, 'conv=notrunc,fsync'), true);
        equal((await filesystem.monitor(definition, context)).status, 0);
        for (const _ of ['asked', 'asked again']) {
          equal((await filesystem.start(definition, context)).code, 'WRITES_LOST');
        }
        await filesystem.kill(definition, context);
        equal((await filesystem.start(definition, context)).status, 0);
        equal((await filesystem.start(definition, context)).status, 0);
        await filesystem.stop(definition, context);
      },
    },
    {
      name: 'an orderly stop ends those who keep it busy, and says whom',
      run: async () => {
        const definition = {
          ...on(disks.disk('busy', 'xfs'), { type: 'xfs' }),
          stopTimeoutMs: 8_000,
        };
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        const user = await startLongLived({
          argv: ['sleep', '600'],
          directory,
          output: { kind: 'file', path: '/dev/null' },
        });
        const outcome = await filesystem.stop(definition, context);
        equal(outcome.status, 0, outcome.detail);
        match(outcome.detail, /killed \d+ \(sleep 600\)/);
        equal(isAlive(user.mark.pid), false);
        equal(mountAt(directory), null);
      },
    },
    {
      name: 'a kill takes a busy mount off the tree at once and touches no process',
      run: async () => {
        const definition = on(disks.disk('lazy', 'ext4'), { type: 'ext4' });
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        const output = { kind: 'file', path: '/dev/null' } as const;
        const user = await startLongLived({ argv: ['sleep', '600'], directory, output });
        equal((await filesystem.kill(definition, context)).status, 0);
        equal(mountAt(directory), null);
        equal(isAlive(user.mark.pid), true);
        await destroy(user);
      },
    },
    {
      name: 'a file system that the kernel made read-only is a failure',
      run: async () => {
        const definition = on(disks.disk('readonly', 'ext4'), { type: 'ext4' });
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        must('mount', '-o', 'remount,ro', directory);
        equal((await filesystem.monitor(definition, context)).code, 'FILESYSTEM_READ_ONLY');
        await filesystem.stop(definition, context);
      },
    },
    {
      name: 'a shut-down XFS is a failure and comes down',
      run: async () => {
        const definition = on(disks.disk('shut', 'xfs'), { type: 'xfs' });
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        must('xfs_io', '-x', '-c', 'shutdown', directory);
        await until('the monitor notices', async () => {
          return (await filesystem.monitor(definition, context)).status !== 0;
        });
        notEqual((await filesystem.monitor(definition, context)).status, 0);
        equal((await filesystem.stop(definition, context)).status, 0);
        await clock.after(1, calm);
        equal(mountAt(directory), null);
      },
    },
  ];
  return stories.map(({ name, run }) => ({
    name,
    run: async () => {
      await fresh();
      await run();
    },
  }));
}
