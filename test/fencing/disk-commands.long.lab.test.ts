/**
 * `holdfast disk …` on a real disk of LIO: the verification through two sessions of one machine and
 * through two machines, what it refuses, and that the disk is as it was before.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Guest, KernelLab, repositoryRoot } from '../lab/kernel/index.ts';
import { secondSession } from './second-session.ts';

const DISK = '/dev/lab/lun0';
const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const HOLDFAST = `${NODE} ${repositoryRoot}/src/holdfast.js`;
const WIRE = `${NODE} ${repositoryRoot}/test/fencing/wire.ts`;
const PATIENCE_MS = 240_000;

type Finding = { readonly check: string; readonly outcome: string; readonly seen: string };
type Report = { readonly verdict: string; readonly findings: readonly Finding[] };

const lab = new KernelLab();
let first: Guest;
let second: Guest;

beforeAll(async () => {
  await lab.up({ nodes: 2, luns: 1, lunSizeMb: 64 });
  [first, second] = [lab.guest(1), lab.guest(2)];
});
afterAll(async () => {
  await lab.down();
});

async function disk(words: string): Promise<{ status: number; output: string }> {
  return await first.exec(`${HOLDFAST} ${words} 2>&1`, PATIENCE_MS);
}

async function verify(words: string): Promise<Report & { readonly status: number }> {
  const { status, output } = await disk(`--json disk verify ${DISK} ${words}`);
  const last = output.trim().split('\n').at(-1) ?? '';
  expect(last, output).toMatch(/^\{.*"verdict"/);
  return { status, ...(JSON.parse(last) as Report) };
}

const sum = () => first.ok(`dd if=${DISK} bs=1M count=4 iflag=direct 2>/dev/null | md5sum`);
const keys = () => first.ok(`sg_turs ${DISK} 2>/dev/null; sg_persist -n -i -y -k ${DISK}`);
const besides = ({ findings }: Report, ...good: string[]) =>
  findings.filter(({ outcome }) => !good.includes(outcome));

describe('holdfast disk verify on LIO', () => {
  it('through two sessions: says what LIO does, and leaves data and keys as they were', async () => {
    await first.ok(`dd if=/dev/urandom of=${DISK} bs=1M count=4 oflag=direct 2>/dev/null`);
    const before = await sum();
    const other = await secondSession(first);
    const report = await verify(`--second ${other} --scratch`);
    // LIO lets a flush of a stranger through, which harms nobody.
    expect(besides(report, 'works').map(({ check, outcome }) => [check, outcome])).toEqual([
      ['SYNCHRONIZE CACHE (10)', 'differs'],
      ['SYNCHRONIZE CACHE (16)', 'differs'],
    ]);
    expect(report).toMatchObject({ verdict: 'fit', status: 0 });
    expect(await sum()).toBe(before);
    expect(await keys()).toContain('NO registered');
  });

  it('through two machines, the far one over the network', async () => {
    // In place of ssh: one connection is served by `disk attend` of the other machine.
    await second.ok(
      `(${WIRE} listen 7799 ${HOLDFAST} disk attend ${DISK} >/run/attend 2>&1 &)
       for i in $(seq 200); do sleep 0.1; grep -qs listening /run/attend && break; done`,
      PATIENCE_MS,
    );
    const before = await sum();
    const report = await verify(`--scratch --with-command '${WIRE} connect 10.99.1.12 7799'`);
    expect(besides(report, 'works', 'differs')).toEqual([]);
    expect(await sum()).toBe(before);
    expect(await keys()).toContain('NO registered');
  });

  it('refuses a disk that is mounted here, there, or reserved by somebody', async () => {
    await first.ok(`mkfs.ext4 -q -F ${DISK} && mkdir -p /run/m && mount ${DISK} /run/m`);
    expect(await disk(`disk verify ${DISK}`)).toMatchObject({
      status: 1,
      output: expect.stringContaining('DISK_MOUNTED'),
    });
    await first.ok('umount /run/m');
    await second.ok(`sg_turs ${DISK} 2>/dev/null; sg_persist -n -o -G --param-sark=0xabc ${DISK}`);
    expect(await disk(`disk verify ${DISK}`)).toMatchObject({
      status: 1,
      output: expect.stringContaining('FOREIGN_RESERVATION'),
    });
    expect(await keys()).toContain('0xabc');
    await second.ok(`sg_persist -n -o -G --param-rk=0xabc ${DISK}`);
  });

  it('a file system on it is the same afterwards', async () => {
    const before = await sum();
    expect((await verify('')).verdict).toBe('limited');
    expect(await sum()).toBe(before);
    await first.ok(`mount ${DISK} /run/m && umount /run/m`);
  });
});

describe('holdfast disk format and release on LIO', () => {
  it('makes a file system, and asks before it destroys one', async () => {
    await first.ok(`wipefs -a ${DISK} && dd if=/dev/zero of=${DISK} bs=1M count=4 oflag=direct`);
    const made = await disk(`--json disk format ${DISK} --type ext4 --label ledger`);
    expect(made.status, made.output).toBe(0);
    expect(made.output).toContain('"journal":true');
    await first.ok(`mount ${DISK} /run/m && echo kept > /run/m/file && umount /run/m`);
    expect(await disk(`disk format ${DISK}`)).toMatchObject({
      status: 1,
      output: expect.stringContaining('DISK_NOT_EMPTY'),
    });
    await second.ok(`mkdir -p /run/m && mount ${DISK} /run/m && cat /run/m/file && umount /run/m`);
    expect((await disk(`disk format ${DISK} --force`)).status).toBe(0);
    expect(await keys()).toContain('NO registered');
  });

  it('says who has a key, and takes it away with --force', async () => {
    await second.ok(`sg_turs ${DISK} 2>/dev/null; sg_persist -n -o -G --param-sark=0xabc ${DISK}
      sg_persist -n -o -R --param-rk=0xabc --prout-type=1 ${DISK}`);
    expect(await disk(`disk format ${DISK} --force`)).toMatchObject({
      status: 1,
      output: expect.stringContaining('DISK_RESERVED'),
    });
    const asked = await disk(`disk release ${DISK}`);
    expect(asked).toMatchObject({ status: 1 });
    expect(asked.output).toContain('0x0000000000000abc');
    expect(await keys()).toContain('0xabc');
    const released = await disk(`disk release ${DISK} --force`);
    expect(released.status, released.output).toBe(0);
    expect(await keys()).toContain('NO registered');
  });
});

describe('a power loss of LIO', () => {
  const settle = () => first.ok(`for i in 1 2 3; do sg_turs ${DISK} >/dev/null 2>&1; done; true`);

  async function storageLosesPower(): Promise<void> {
    await lab.storage.powerOff();
    await lab.boot(0);
    // The session comes back by itself; a command waits for it.
    await first.ok(`dd if=${DISK} of=/dev/null bs=4096 count=1 iflag=direct`, PATIENCE_MS);
    await settle();
  }

  it('leaves the reservation, and the operator is told so', async () => {
    expect((await disk(`disk verify ${DISK} --power-loss begin`)).status).toBe(8);
    await storageLosesPower();
    const ended = await disk(`disk verify ${DISK} --power-loss end`);
    expect(ended.output).toMatch(/^works +power loss \(tried\)/m);
    expect(ended.status).toBe(0);
    expect(await keys()).toContain('NO registered');
  });

  it('that takes the reservations too is noticed (negative control)', async () => {
    expect((await disk(`disk verify ${DISK} --power-loss begin`)).status).toBe(8);
    await lab.storage.ok('rm -f /etc/target/pr/aptpl_* && sync');
    await storageLosesPower();
    const ended = await disk(`disk verify ${DISK} --power-loss end`);
    expect(ended.output).toMatch(/^limited +power loss \(tried\)/m);
    expect(ended.status).toBe(8);
  });
});

describe('a target that has its reservations switched off', () => {
  it('is refused in words', async () => {
    const attribute = '/sys/kernel/config/target/core/iblock_0/lun0/attrib/emulate_pr';
    await lab.storage.ok(`echo 0 > ${attribute}`);
    try {
      expect(await disk(`disk verify ${DISK}`)).toMatchObject({
        status: 1,
        output: expect.stringContaining('RESERVATIONS_UNSUPPORTED'),
      });
    } finally {
      await lab.storage.ok(`echo 1 > ${attribute}`);
    }
  });
});
