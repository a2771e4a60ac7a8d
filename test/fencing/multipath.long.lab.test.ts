/**
 * A real dm-multipath map of the kernel above two nexuses of one disk of LIO: a takeover registers
 * both, the file system lies on the map, and after another machine's takeover neither path writes.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Guest, KernelLab, repositoryRoot } from '../lab/kernel/index.ts';
import { secondSession } from './second-session.ts';

const DISK = '/dev/lab/lun0';
const MAP = '/dev/mapper/shared';
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const RUNNER = `${repositoryRoot}/test/contract/takeover-runner.ts`;
const PATIENCE_MS = 240_000;

type Told = { readonly outcome: { readonly status: number; readonly code: string | null } };
type Report = Record<'fitness' | 'start' | 'monitor', Told>;

const lab = new KernelLab();
let first: Guest;
let third: Guest;
let other = '';

beforeAll(async () => {
  // The second machine's name is used by the second path, so the other owner is the third.
  await lab.up({ nodes: 3, luns: 1, lunSizeMb: 64 });
  [first, third] = [lab.guest(1), lab.guest(3)];
  await lab.guest(2).powerOff();
  other = await secondSession(first);
});
afterAll(async () => {
  await lab.down();
});

async function takeOver(guest: Guest, device: string, words: string): Promise<Report> {
  return JSON.parse(await guest.ok(`${NODE} ${RUNNER} ${device} ${words}`, PATIENCE_MS)) as Report;
}

const keys = () => third.ok(`sg_turs ${DISK} 2>/dev/null; sg_persist -n -i -y -k ${DISK}`);

async function writeThrough(device: string): Promise<string> {
  const command = `dd if=/dev/zero of=${device} bs=4096 seek=300 count=1 oflag=direct 2>&1`;
  const { status, output } = await first.exec(command);
  return status === 0 ? 'good' : output;
}

describe('a multipath map', () => {
  it('is taken over through both paths, mounted, and refused on both when another took it', async () => {
    const numbers = await first.ok(
      `for d in $(readlink -f ${DISK}) ${other}; do cat /sys/block/$(basename $d)/dev; done`,
    );
    const [one = '', two = ''] = numbers.trim().split('\n');
    const paths = `1 1 round-robin 0 2 1 ${one} 1 ${two} 1`;
    await first.ok(
      `modprobe dm-multipath; modprobe dm-round-robin; size=$(blockdev --getsz ${DISK})
       dmsetup create shared -u mpath-shared --table "0 $size multipath 0 0 ${paths}" && dmsetup mknodes`,
      PATIENCE_MS,
    );
    const taken = await takeOver(first, MAP, '1 1 first multipath 5');
    expect(taken.start.outcome).toMatchObject({ status: 0 });
    expect(taken.monitor.outcome).toMatchObject({ status: 0 });
    // One key, on two nexuses.
    expect((await keys()).match(/0x[0-9a-f]{12,}/g)).toHaveLength(2);
    await first.ok(`mkfs.ext4 -q -F ${MAP} && mkdir -p /run/m && mount ${MAP} /run/m`, PATIENCE_MS);
    await first.ok('echo record > /run/m/file && sync /run/m/file');

    // Each of its paths leads to the map, by whatever name it is called.
    expect(
      (await takeOver(first, DISK, '1 2 after-fenced multipath 5')).start.outcome,
    ).toMatchObject({ status: 1, code: 'DISK_MOUNTED' });
    // It is mounted: nothing here may register again.
    expect(
      (await takeOver(first, MAP, '1 2 after-fenced multipath 5')).start.outcome,
    ).toMatchObject({
      status: 1,
      code: 'DISK_MOUNTED',
    });
    const later = await takeOver(third, DISK, '3 3 after-fenced scsi 5');
    expect(later.start.outcome).toMatchObject({ status: 0 });
    expect((await keys()).match(/0x[0-9a-f]{12,}/g)).toHaveLength(1);
    for (const path of [MAP, DISK, other]) {
      expect(await writeThrough(path), path).toContain('Invalid exchange');
    }
    expect(await third.ok(`mkdir -p /run/m && mount ${DISK} /run/m && cat /run/m/file`)).toBe(
      'record\n',
    );
  });

  it('by type 1 is refused: only one path could write', async () => {
    await first.exec('umount -l /run/m');
    const taken = await takeOver(first, MAP, '1 9 after-fenced multipath 1');
    expect(taken.start.outcome).toMatchObject({ code: 'RESERVATION_TYPE_UNSUPPORTED' });
  });
});
