/** `holdfast disk release` and `disk format` as an operator types them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../src/fencing/devices/emulated/server.ts';
import { clusterTag, packKey } from '../../src/fencing/protocol/key.ts';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { FakeDaemon } from '../operator/fake-daemon.ts';
import { holdfast } from './holdfast.ts';

let directory = '';
let disks: DiskServer;
let device = '';
let socket = '';
let operator: OperatorServer | null = null;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-release-'));
  socket = join(directory, 'holdfast.sock');
  disks = new DiskServer({
    address: join(directory, 'disk.sock'),
    disks: { '0': { ...DEFAULT_TARGET, identity: 'naa.1' } },
    file: null,
    blocks: 16,
    writeDelayMs: 0,
    clock: monotonicClock,
  });
  device = `emulated:${await disks.start()}#0`;
});
afterEach(async () => {
  await operator?.stop();
  operator = null;
  await disks.stop();
  await rm(directory, { recursive: true });
});

const release = (...words: string[]) => {
  return holdfast(['disk', 'release', device, '--socket', socket, ...words]);
};
const keys = () => [...(disks.target('0')?.inspect().registrations.values() ?? [])];

function held(key: bigint): void {
  const out = { action: 'register', key: 0n, serviceKey: key, aptpl: true } as const;
  const target = disks.target('0');
  while (target !== null && target.reserveOut('node', out) !== 'good');
  expect(target?.reserveOut('node', { action: 'reserve', key, type: 1 })).toBe('good');
}

/** A daemon of this cluster, and a key of one of its groups with the epoch that is its now. */
async function clusterOwns(): Promise<{ readonly group: string; readonly key: bigint }> {
  const daemon = new FakeDaemon();
  operator = createOperatorServer({ daemon, socketPath: socket });
  await operator.start();
  const { clusterId, data } = await daemon.status({ current: false });
  const owned = data.groups.find(({ owner }) => owner !== null);
  if (owned === undefined) throw new Error('the fake daemon has no group that is owned');
  const key = packKey({ tag: clusterTag(clusterId), node: 1, epoch: owned.epoch });
  return { group: owned.group, key };
}

describe('holdfast disk release', () => {
  it('says what is there and does nothing: status 1', async () => {
    held(0xabcn);
    const { code, stdout, stderr } = await release();
    expect(code).toBe(1);
    expect(stdout).toContain('0x0000000000000abc  whose is not known here, holds (type 1)');
    expect(stderr).toContain('RELEASE_NOT_FORCED');
    expect(keys()).toEqual([0xabcn]);
  });

  it('does it with --force', async () => {
    held(0xabcn);
    const { code, stdout } = await release('--force', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, released: [expect.any(String)] });
    expect(keys()).toEqual([]);
    expect(disks.target('0')?.inspect().reservation).toBeNull();
  });

  it('of a disk without keys is done: status 0', async () => {
    expect(await release()).toMatchObject({ code: 0, stdout: expect.stringContaining('nobody') });
  });

  it('of a disk that a group of this cluster owns is refused, also with --force', async () => {
    const { group, key } = await clusterOwns();
    held(key);
    const { code, stderr } = await release('--force');
    expect(code).toBe(1);
    expect(stderr).toContain('RELEASE_OWNED');
    expect(stderr).toContain(`group: ${group}`);
    expect(keys()).toEqual([key]);
  });

  it('of a disk of an epoch that is over says whose it was, and does it', async () => {
    const { key } = await clusterOwns();
    held(key + 1000n);
    expect((await release()).stdout).toMatch(/^0x[0-9a-f]{16} {2}\S+, epoch \d+, holds/);
    expect((await release('--force')).code).toBe(0);
    expect(keys()).toEqual([]);
  });
});

describe('holdfast disk format', () => {
  it.each([
    ['a disk that this kernel does not know', () => [device], 1, 'DISK_DEVICE_INVALID'],
    ['a disk that is not there', () => ['/dev/none'], 1, 'DISK_DEVICE_INVALID'],
    ['a type without a journal', () => [device, '--type', 'ext2'], 2, 'ext2'],
    ['a label that is too long', () => [device, '--label', 'x'.repeat(13)], 2, '--label'],
  ] as const)('refuses %s', async (_, words, status, reason) => {
    const { code, stderr } = await holdfast(['disk', 'format', ...words()]);
    expect(code).toBe(status);
    expect(stderr).toContain(reason);
  });
});
