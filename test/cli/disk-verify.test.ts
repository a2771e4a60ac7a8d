/** `holdfast disk verify` and `disk attend` as an operator types them, on an emulated disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../src/fencing/devices/emulated/server.ts';
import { verificationKeys } from '../../src/fencing/verify/keys.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { holdfast, LAUNCHER } from './holdfast.ts';

const IDENTITY = 'naa.6001405000000002';

let directory = '';
let server: DiskServer;
let device = '';
let weak = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-verify-'));
  server = new DiskServer({
    address: join(directory, 'disk.sock'),
    disks: {
      good: { ...DEFAULT_TARGET, identity: IDENTITY },
      weak: { ...DEFAULT_TARGET, identity: 'naa.2', abort: false, reset: false },
    },
    file: null,
    blocks: 16,
    writeDelayMs: 0,
    clock: monotonicClock,
  });
  const address = await server.start();
  device = `emulated:${address}#good`;
  weak = `emulated:${address}#weak`;
});
afterEach(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const verify = (...words: string[]) => holdfast(['disk', 'verify', ...words]);
const attend = () => `'${process.execPath}' '${LAUNCHER}' disk attend '${device}'`;
const keys = () => [...(server.target('good')?.inspect().registrations.values() ?? [])];

describe('holdfast disk verify', () => {
  it('with another node: everything is proven, status 0, nothing is left', async () => {
    const { code, stdout, stderr } = await verify(device, '--scratch', '--with-command', attend());
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^([^:\n]+: works\n)+$/),
    });
    expect(stdout).toMatch(/^works +PREEMPT AND ABORT +takes key and reservation/m);
    expect(stdout).toContain('this disk can carry a failover group\n');
    expect(stdout).not.toContain('what it means');
    expect(keys()).toEqual([]);
  });

  it('without --scratch says what is not proven, and why: status 8', async () => {
    const { code, stdout } = await verify(device, '--second', device);
    expect(code).toBe(8);
    expect(stdout).toMatch(/^unproven +writes in flight/m);
    expect(stdout).toContain('- writes in flight: run it with --scratch');
  });

  it('alone is half of it, one line of JSON', async () => {
    const { code, stdout } = await verify(device, '--json');
    expect(code).toBe(8);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ ok: false, identity: IDENTITY, verdict: 'limited' });
    expect(report.findings).toContainEqual({
      check: 'PREEMPT AND ABORT',
      outcome: 'unproven',
      seen: 'not tried: it needs a second node or path',
      means: 'whether a node is kept out by the disk is not known',
    });
  });

  it('of a disk that can neither abort nor reset: status 9', async () => {
    const { code, stdout } = await verify(weak, '--second', weak, '--scratch');
    expect(code).toBe(9);
    expect(stdout).toContain('this disk must not carry a failover group');
    expect(stdout).toMatch(/- LOGICAL UNIT RESET: .*accept-late-writes/);
  });

  it('leaves a disk alone that somebody uses: status 1', async () => {
    const out = { action: 'register', key: 0n, serviceKey: 0xabcn, aptpl: true } as const;
    const target = server.target('good');
    while (target !== null && target.reserveOut('a cluster', out) !== 'good');
    const { code, stderr } = await verify(device);
    expect(code).toBe(1);
    expect(stderr).toContain('FOREIGN_RESERVATION');
    expect(stderr).toContain('key: 0x0000000000000abc');
    expect(keys()).toEqual([0xabcn]);
  });

  it('says what was left by one that was cut short', async () => {
    const { first } = verificationKeys(1);
    const out = { action: 'register', key: 0n, serviceKey: first, aptpl: true } as const;
    const target = server.target('good');
    while (target !== null && target.reserveOut('a node', out) !== 'good');
    const { stderr } = await verify(device);
    expect(stderr).toContain('left by a verification that was cut short');
  });

  it.each([
    ['echo hello', 'it said'],
    ['exit 3', 'status 3'],
  ])('a far side that is none (%s) is an error: status 1', async (command, reason) => {
    const { code, stderr } = await verify(device, '--with-command', command);
    expect(code).toBe(1);
    expect(stderr).toContain('VERIFICATION_PEER_FAILED');
    expect(stderr).toContain(reason);
  });

  it('passes on what the far side refuses', async () => {
    const there = attend().replace('#good', '#missing');
    const { code, stderr } = await verify(device, '--with-command', there);
    expect(code).toBe(1);
    expect(stderr).toContain('DISK_');
  });

  it.each([
    [['--second', 'emulated:/x#0', '--with', 'node2']],
    [['--with', '-oProxyCommand=x']],
    [['--unknown']],
  ])('%j is not understood: status 2', async (words) => {
    expect((await verify(device, ...words)).code).toBe(2);
  });

  it('in two halves around a power loss: the reservation was there, and is taken away', async () => {
    const begun = await verify(device, '--power-loss', 'begin');
    expect(begun).toMatchObject({ code: 8, stdout: expect.stringContaining('--power-loss end') });
    expect(await verify(device)).toMatchObject({ code: 1 });
    server.target('good')?.powerLoss();
    const ended = await verify(device, '--power-loss', 'end');
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/works +power loss/) });
    expect(keys()).toEqual([]);
  });

  it('of storage that forgot the reservation: status 8', async () => {
    expect((await verify(device, '--power-loss', 'begin')).code).toBe(8);
    const [key = 0n] = keys();
    const out = { action: 'register', key, serviceKey: 0n, aptpl: true } as const;
    while (server.target('good')?.reserveOut('verify-first:a', out) !== 'good');
    const ended = await verify(device, '--power-loss', 'end');
    expect(ended).toMatchObject({ code: 8, stdout: expect.stringMatching(/limited +power loss/) });
  });

  it('of a disk that is not there: status 1', async () => {
    expect(await verify('/dev/none')).toMatchObject({ code: 1 });
    expect(await verify('naa.0000')).toMatchObject({ code: 1 });
  });
});

describe('the far side', () => {
  it('takes its registration away when the near side dies', async () => {
    const { second } = verificationKeys(9);
    const ask = (id: number, verb: object) => JSON.stringify({ id, verb });
    const lines = [
      ask(1, { kind: 'test-unit-ready' }),
      ask(2, { kind: 'register', current: '0x0', key: `0x${second.toString(16)}`, aptpl: true }),
      ask(3, { kind: 'read-keys' }),
    ];
    const said = await piped(
      `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} | ${attend()}`,
    );
    const frames = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(frames[0]).toMatchObject({ holdfast: 'disk-attend', identity: IDENTITY });
    expect(frames.find(({ id }) => id === 3)).toMatchObject({
      answer: { kind: 'keys', keys: [`0x${second.toString(16)}`] },
    });
    expect(keys()).toEqual([]);
  });

  it('ends when it is told something else', async () => {
    const said = await piped(`echo '{"id":"x"}' | ${attend()}`);
    expect(said).toContain('DISK_FRAME_GARBLED');
  });
});

async function piped(command: string): Promise<string> {
  const { run } = await import('../../src/system/run.ts');
  const signal = AbortSignal.timeout(25_000);
  return (await run(['sh', '-c', command], { signal, timeoutMs: 25_000 })).stdout;
}
