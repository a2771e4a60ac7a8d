/**
 * What a file system does for a failover, measured on the device below it: whether fsync reaches the disk
 * as a flush (barriers), and whether a disk image of the moment after fsync, as a power loss leaves it,
 * holds the file after the journal was replayed. The image is taken from the file below a loop device: all
 * that was written to the device is in it, so it shows the replay, not the loss of a disk's own cache.
 */
import { equal, match, notEqual, ok } from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startLongLived } from '../../../src/system/long-lived.ts';
import { mountUsers } from '../../../src/system/mount-users.ts';
import { mountAt } from '../../../src/system/mounts.ts';
import { destroy } from '../../guardian/support/guardian-process.ts';
import { isAlive, until } from '../../system/support/until.ts';
import { contextOf, resource } from '../support/definitions.ts';
import type { DiskStage } from '../support/disk-stage.ts';
import { must, works } from '../support/shell.ts';
import type { Story } from './addresses.ts';
import { filesystem, journaled } from './labs.ts';

const context = contextOf();

/** "Number of flush I/Os processed" (Documentation/block/stat.rst). */
function flushes(device: string): number {
  const fields = readFileSync(`/sys/block/${basename(device)}/stat`, 'utf8')
    .trim()
    .split(/\s+/);
  return Number(fields[15] ?? Number.NaN);
}

function writeSynced(path: string, text: string): void {
  writeFileSync(path, text, { flush: true });
}

export function durabilityStories(disks: DiskStage): readonly Story[] {
  const on = (device: string, type: string) =>
    resource('filesystem', { device, directory: disks.directory(`durable-${type}`), type });
  return journaled().flatMap((type): readonly Story[] => [
    {
      name: `${type}: each fsync goes to the disk as a flush, and without barriers none does (the control)`,
      run: async () => {
        const device = disks.disk(`flush-${type}`, type);
        const definition = on(device, type);
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        const before = flushes(device);
        for (let i = 0; i < 5; i += 1) writeSynced(join(directory, `paid-${i}`), 'paid');
        const flushed = flushes(device) - before;
        ok(flushed >= 5, `${flushed} flushes for five fsyncs`);
        equal((await filesystem.stop(definition, context)).status, 0);
        // XFS has had no option against barriers for years (xfs(5)).
        if (type === 'xfs') return;
        must(
          'mount',
          '-t',
          type,
          '-o',
          type === 'btrfs' ? 'nobarrier' : 'barrier=0',
          device,
          directory,
        );
        const bare = flushes(device);
        for (let i = 0; i < 5; i += 1) writeSynced(join(directory, `lost-${i}`), 'lost');
        equal(flushes(device) - bare, 0);
        must('umount', directory);
        disks.destroy();
      },
    },
    {
      name: `${type}: the image of the moment after fsync is replayed and holds what was promised`,
      run: async () => {
        const device = disks.disk(`image-${type}`, type);
        const definition = on(device, type);
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        writeSynced(join(directory, 'ledger'), 'paid\n');
        appendFileSync(join(directory, 'ledger'), 'and again\n', { flush: true });
        writeFileSync(join(directory, 'unsynced'), 'nobody was told');
        const image = disks.image(`image-${type}`);
        const copy = disks.image(`copy-${type}`);
        copyFileSync(image, copy);
        equal((await filesystem.stop(definition, context)).status, 0);
        if (type.startsWith('ext')) match(must('dumpe2fs', '-h', copy), /needs_recovery/);
        must('losetup', '--detach', device);
        const lost = disks.attach(copy);
        equal((await filesystem.start(on(lost, type), context)).status, 0);
        equal(readFileSync(join(directory, 'ledger'), 'utf8'), 'paid\nand again\n');
        equal((await filesystem.monitor(on(lost, type), context)).status, 0);
        equal((await filesystem.stop(on(lost, type), context)).status, 0);
        disks.destroy();
      },
    },
  ]);
}

/** What goes wrong with a disk, injected. */
export function injuryStories(disks: DiskStage): readonly Story[] {
  const on = (
    device: string,
    more: Record<string, string | boolean> = {},
    stopTimeoutMs = 20_000,
  ) =>
    resource(
      'filesystem',
      { device, directory: disks.directory('injured'), type: 'ext4', ...more },
      { stopTimeoutMs },
    );
  const flakey = works('dmsetup', 'targets') && must('dmsetup', 'targets').includes('flakey');
  if (!flakey) process.stderr.write('dm-flakey is not tested: this kernel has no such target\n');
  return [
    {
      name: 'a full disk is degraded and goes on being served; with room again it is well',
      run: async () => {
        const definition = on(disks.disk('full', 'ext4'), { 'write-probe': true });
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        equal((await filesystem.monitor(definition, context)).status, 0);
        for (const [name, size] of [
          ['fill', '1M'],
          ['rest', '4k'],
        ]) {
          works('dd', 'if=/dev/zero', `of=${join(directory, name ?? '')}`, `bs=${size}`);
        }
        const { status, code } = await filesystem.monitor(definition, context);
        equal(status, 190);
        equal(code, 'FILESYSTEM_FULL');
        equal((await filesystem.monitor(on('x'), context)).status, 0, 'without the probe');
        must('rm', join(directory, 'fill'), join(directory, 'rest'));
        equal((await filesystem.monitor(definition, context)).status, 0);
        equal(works('test', '-e', join(directory, '.holdfast-probe')), false, 'nothing stays');
        equal((await filesystem.stop(definition, context)).status, 0);
        disks.destroy();
      },
    },
    {
      name: 'an unmount that never returns ends by force within its timeout, and says so',
      run: async () => {
        const definition = on(disks.disk('stuck', 'ext4'), {}, 3_000);
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        const bin = disks.directory('bin');
        // Only the polite form hangs, as it does while a dead disk is written to.
        const text =
          '#!/bin/sh\ncase "$*" in *--lazy*) exec /usr/bin/umount "$@" ;; esac\nsleep 600\n';
        writeFileSync(join(bin, 'umount'), text, { mode: 0o755 });
        const path = process.env['PATH'];
        process.env['PATH'] = `${bin}:${path}`;
        try {
          const outcome = await filesystem.stop(definition, context);
          equal(outcome.code, 'UNMOUNT_FAILED');
          match(outcome.detail, /COMMAND_TIMED_OUT.*taken off the tree by force/);
          equal(mountAt(directory), null);
        } finally {
          process.env['PATH'] = path;
        }
        disks.destroy();
      },
    },
    {
      name: 'who uses another mount below the directory is not killed (pain 12: a stop kills strangers)',
      run: async () => {
        const definition = on(disks.disk('nested', 'ext4'), {}, 1_500);
        equal((await filesystem.start(definition, context)).status, 0);
        const directory = String(definition.parameters['directory']);
        const inner = join(directory, 'inner');
        must('mkdir', inner);
        must('mount', '-t', 'tmpfs', 'none', inner);
        const output = { kind: 'file', path: '/dev/null' } as const;
        const start = async (at: string) =>
          await startLongLived({ argv: ['sleep', '600'], directory: at, output });
        const [stranger, user] = [await start(inner), await start(directory)];
        const named = mountUsers(directory).map(({ pid }) => pid);
        equal(named.includes(user.mark.pid), true);
        equal(named.includes(stranger.mark.pid), false);
        const outcome = await filesystem.stop(definition, context);
        equal(outcome.code, 'UNMOUNT_FAILED', 'the other mount keeps it busy, and is not ours');
        await until('the user is gone', () => !isAlive(user.mark.pid));
        equal(isAlive(stranger.mark.pid), true);
        await destroy(stranger);
        disks.destroy();
      },
    },
    ...(flakey
      ? [
          {
            name: 'a disk that fails its writes makes the file system a failure, and the stop ends',
            run: async () => {
              const device = disks.disk('flaky', 'ext4');
              const sectors = must('blockdev', '--getsz', device).trim();
              must('dmsetup', 'create', 'hf-flaky', '--table', `0 ${sectors} linear ${device} 0`);
              const definition = on('/dev/mapper/hf-flaky', { 'write-probe': true });
              equal((await filesystem.start(definition, context)).status, 0);
              const broken = `0 ${sectors} flakey ${device} 0 0 1 1 error_writes`;
              must('dmsetup', 'suspend', '--nolockfs', 'hf-flaky');
              must('dmsetup', 'load', 'hf-flaky', '--table', broken);
              must('dmsetup', 'resume', 'hf-flaky');
              notEqual((await filesystem.monitor(definition, context)).status, 0);
              await filesystem.stop(definition, context);
              must('dmsetup', 'remove', '--force', 'hf-flaky');
              disks.destroy();
            },
          },
        ]
      : []),
  ];
}

/** What a failover must not mount, in words that say what to do. */
export function refusalStories(disks: DiskStage): readonly Story[] {
  const on = (device: string, type: string, options: readonly string[] = []) =>
    resource('filesystem', { device, directory: disks.directory('refused'), type, options });
  return [
    {
      name: 'ReiserFS is refused with the reason, by its name and by what lies on the disk',
      run: async () => {
        const named = await filesystem.start(on('/dev/null', 'reiserfs'), context);
        equal(named.code, 'FILESYSTEM_GONE');
        match(named.detail, /Linux 6\.13 removed ReiserFS/);
        const device = disks.disk('reiser', '');
        const magic = Buffer.alloc(4_096);
        magic.write('ReIsEr2Fs', 52, 'latin1');
        writeFileSync(disks.image('magic'), magic);
        must(
          'dd',
          `if=${disks.image('magic')}`,
          `of=${device}`,
          'seek=16',
          'bs=4096',
          'conv=fsync',
        );
        const found = await filesystem.start(on(device, 'ext4'), context);
        equal(found.code, 'FILESYSTEM_TYPE_MISMATCH');
        match(found.detail, /reiserfs/);
        disks.destroy();
      },
    },
    ...(journaled().includes('btrfs')
      ? [
          {
            name: 'Btrfs without barriers, without replay, or over several devices is refused',
            run: async () => {
              const device = disks.disk('btrfs', 'btrfs');
              const code = async (option: string) =>
                (await filesystem.start(on(device, 'btrfs', [option]), context)).code;
              equal(await code('nobarrier'), 'BARRIER_REFUSED');
              for (const option of ['nologreplay', 'rescue=all', 'usebackuproot', 'degraded']) {
                equal(await code(option), 'NO_JOURNAL', option);
              }
              const other = disks.disk('other', '');
              must('mkfs.btrfs', '-q', '-f', '-d', 'single', '-m', 'single', device, other);
              equal((await filesystem.start(on(device, 'btrfs'), context)).code, 'SEVERAL_DEVICES');
              disks.destroy();
            },
          },
        ]
      : []),
  ];
}
