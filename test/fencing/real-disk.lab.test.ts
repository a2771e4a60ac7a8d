/**
 * Real disks in the kernel laboratory: the contract of `FenceDevice` on both adapters, the idle
 * proof against everything that can use a disk, and an owner that is frozen in the middle of its
 * writes.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FENCE_DEVICE_CONTRACT } from '../contract/fence-device.ts';
import type { ClauseReport } from '../contract/fence-device-runner.ts';
import { type Guest, KernelLab, repositoryRoot, until } from '../lab/kernel/index.ts';
import { secondSession } from './second-session.ts';

const DISK = '/dev/lab/lun0';
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const CONTRACT = `${repositoryRoot}/test/contract`;
const PATIENCE_MS = 120_000;
const patience = (what: string) => ({ what, limitMs: PATIENCE_MS, intervalMs: 200 });

const lab = new KernelLab();
let first: Guest;
let second: Guest;
/** The device of the second session, once there is one. */

type Report = Record<'fitness' | 'start' | 'monitor', { readonly outcome: Told }>;
type Told = { readonly status: number; readonly code: string | null; readonly detail: string };

/** The disk agent of that machine checks its fitness, takes the disk and looks at it. */
async function takeOver(guest: Guest, epoch: number, history: string, type = 1): Promise<Report> {
  const script = `${CONTRACT}/takeover-runner.ts`;
  const argv = [NODE, script, DISK, guest.id, epoch, history, 'scsi', type];
  return JSON.parse(await guest.ok(argv.join(' '), PATIENCE_MS)) as Report;
}

/** Unregisters whoever is left, from the machine that may. */
async function clear(): Promise<void> {
  for (const guest of [first, second]) {
    const keys = await guest.ok(`sg_turs ${DISK} 2>/dev/null; sg_persist -n -i -y -k ${DISK}`);
    for (const [key] of keys.matchAll(/0x[0-9a-f]{4,}/g)) {
      await guest.exec(`sg_persist -n -o -C -K ${key} ${DISK}`);
    }
    await guest.exec(`sg_turs ${DISK}; sg_turs ${DISK}`);
  }
}

beforeAll(async () => {
  await lab.up({ nodes: 2, luns: 1, lunSizeMb: 64 });
  [first, second] = [lab.guest(1), lab.guest(2)];
});
afterAll(async () => {
  await lab.down();
});
beforeEach(clear);

describe('a disk of LIO through two sessions of one machine', () => {
  it.each(['scsi', 'sg-persist'])('keeps the contract through the adapter %s', async (adapter) => {
    const other = await secondSession(first);
    const device = (await first.ok(`readlink -f ${DISK}`)).trim();
    const run = [NODE, `${CONTRACT}/fence-device-runner.ts`, adapter, device, other].join(' ');
    const output = await first.ok(run, 2 * PATIENCE_MS);
    const { reports } = JSON.parse(output) as { readonly reports: readonly ClauseReport[] };
    expect(reports.filter((report) => report.error !== null)).toEqual([]);
    expect(reports.length).toBeGreaterThan(FENCE_DEVICE_CONTRACT.length);
  });
});

describe('a path that is lost', () => {
  const ask = async (adapter: string): Promise<unknown> =>
    JSON.parse(await first.ok(`${NODE} ${CONTRACT}/ask-runner.ts ${adapter} ${DISK}`, PATIENCE_MS));

  it.each(['scsi', 'sg-persist'])('is no empty disk to the adapter %s', async (adapter) => {
    expect(await ask(adapter)).toMatchObject({ 'read-keys': 'keys', identity: 'known' });
    await lab.cut({ guest: first.id, network: 0 });
    try {
      // The first question is on its way when the kernel gives the path up, the others come after.
      expect(await ask(adapter)).toEqual({
        'test-unit-ready': 'path-lost',
        'read-keys': 'path-lost',
        'read-reservation': 'path-lost',
        identity: 'DISK_IDENTITY_UNKNOWN',
        capabilities: 'RESERVATIONS_UNSUPPORTED',
      });
    } finally {
      await lab.restoreAll();
    }
    const whole = async () => (await first.exec(`sg_turs ${DISK}`)).status === 0;
    await until(whole, patience('the path is there again'));
  });
});

describe('a node that uses the disk registers nothing', () => {
  const users = [
    {
      what: 'a mount',
      code: 'DISK_MOUNTED',
      begin: `mkfs.ext4 -q -F ${DISK} && mkdir -p /run/m && mount ${DISK} /run/m`,
      end: 'umount /run/m',
    },
    {
      what: 'a mount in another mount namespace',
      code: 'DISK_MOUNTED',
      begin: `mkdir -p /run/n && unshare -m sh -c 'mount ${DISK} /run/n && exec sleep 300' \
        >/dev/null 2>&1 & for i in $(seq 100); do sleep 0.1; grep -qs /run/n /proc/$!/mounts && break; done`,
      end: 'kill $(pidof sleep)',
    },
    {
      what: 'a loop device',
      code: 'DISK_HAS_HOLDERS',
      begin: `modprobe loop && losetup -f $(readlink -f ${DISK}) && losetup -j $(readlink -f ${DISK})`,
      end: 'losetup -D',
    },
    {
      what: 'a raw writer',
      code: 'DISK_IN_USE',
      begin: `sh -c 'exec sleep 300 3<>${DISK}' >/dev/null 2>&1 & sleep 0.3`,
      end: 'kill $(pidof sleep)',
    },
  ];

  it.each(users)('$what', async ({ code, begin, end }) => {
    await first.ok(begin, PATIENCE_MS);
    const used = await takeOver(first, 1, 'first');
    expect(used.fitness.outcome).toMatchObject({ status: 1, code });
    expect(used.start.outcome).toMatchObject({ status: 1, code });
    expect(await first.ok(`sg_persist -n -i -y -k ${DISK}`)).toContain('NO registered');

    await first.ok(end, PATIENCE_MS);
    await until(
      async () => {
        return (await takeOver(first, 1, 'first')).start.outcome.status === 0;
      },
      patience(`the disk is idle after ${end}`),
    );
  });
});

describe('two machines', () => {
  it('a frozen writer thaws and its writes are refused', async () => {
    expect((await takeOver(first, 1, 'first')).start.outcome.status).toBe(0);
    // Writes what it counts into block 256, until a write fails; keeps the reason.
    await first.ok(
      `(i=0; while i=$((i+1)); printf %4096d $i | dd of=${DISK} bs=4096 seek=256 \
        oflag=direct conv=notrunc 2>/run/reason; do echo $i > /run/written; done) >/dev/null 2>&1 &`,
    );
    await until(async () => {
      return Number((await first.exec('cat /run/written')).output) > 5;
    }, patience('the owner writes'));
    first.freeze();
    try {
      const taken = await takeOver(second, 2, 'after-fenced');
      expect(taken.start.outcome).toMatchObject({ status: 0 });
      await second.ok(`printf %4096d 424242 | dd of=${DISK} bs=4096 seek=256 oflag=direct`);
    } finally {
      first.thaw();
    }
    await until(async () => {
      return (await first.exec('cat /run/reason')).output.includes('Invalid exchange');
    }, patience('the owner is refused'));
    const block = `dd if=${DISK} bs=4096 skip=256 count=1 iflag=direct 2>/dev/null`;
    expect((await second.ok(block)).trim()).toBe('424242');
    expect((await takeOver(second, 2, 'after-fenced')).monitor.outcome.status).toBe(0);

    // The loser asks for the disk under its old epoch: the disk itself says that it is too late.
    const again = await takeOver(first, 1, 'first');
    expect(again.start.outcome).toMatchObject({ status: 1, code: 'STATE_ROLLED_BACK' });
  });

  it.each([3, 6])(
    'exclusive access, type %i: the old owner neither reads nor writes',
    async (type) => {
      expect((await takeOver(first, 1, 'first', type)).start.outcome.status).toBe(0);
      const read = `dd if=${DISK} of=/dev/null bs=4096 count=1 iflag=direct 2>&1`;
      const write = `dd if=/dev/zero of=${DISK} bs=4096 count=1 seek=256 oflag=direct 2>&1`;
      expect((await first.exec(read)).status).toBe(0);
      expect((await second.exec(read)).output).toContain('Invalid exchange');
      const taken = await takeOver(second, 2, 'after-fenced', type);
      expect(taken.fitness.outcome).toMatchObject({ status: 0 });
      expect(taken.start.outcome).toMatchObject({ status: 0 });
      expect(taken.monitor.outcome).toMatchObject({ status: 0 });
      for (const command of [read, write]) {
        expect((await first.exec(command)).output).toContain('Invalid exchange');
        expect((await second.exec(command)).status).toBe(0);
      }
    },
  );

  it('without fencing the same writer goes on (negative control)', async () => {
    await first.ok(`dd if=/dev/zero of=${DISK} bs=4096 count=1 seek=256 oflag=direct`);
    const { status } = await second.exec(
      `dd if=/dev/zero of=${DISK} bs=4096 count=1 seek=256 oflag=direct`,
    );
    expect(status).toBe(0);
  });
});

describe('a cache of the disk', () => {
  const believe = (what: string) =>
    first.ok(`echo '${what}' > /sys/block/$(basename $(readlink -f ${DISK}))/queue/write_cache`);
  const ask = () => first.ok(`${NODE} ${CONTRACT}/write-cache-runner.ts ${DISK}`, PATIENCE_MS);

  it('that the kernel was told not to flush is found, and no other', async () => {
    expect((await ask()).trim()).toBe('null');
    await believe('write through');
    try {
      expect((await ask()).trim()).toMatch(/^"sd[a-z]"$/);
    } finally {
      await believe('write back');
    }
    expect((await ask()).trim()).toBe('null');
  });
});
