/**
 * `node hand.ts JSON`, in a node: a takeover by hand, with the bare calls and nothing else. No
 * cluster, no lease, no proof, no verification. It gets ready, says so with the file `/lab/ready`,
 * waits for `/lab/go`, takes over as fast as this machine can, and prints how long each step took.
 */
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { announce } from '../../src/system/announce.ts';
import { findBlockDevice } from '../../src/system/block-device.ts';
import { type LongLived, startLongLived } from '../../src/system/long-lived.ts';
import { mountDirectly } from '../../src/system/mount-call.ts';
import { addAddress, addMacvlan, setLinkUp } from '../../src/system/network.ts';
import { readAhead } from '../../src/system/read-ahead.ts';
import { enterRealTime } from '../../src/system/scheduling.ts';
import { ioctl, type ScsiResult, SgDevice } from '../../src/system/sg-io.ts';
import { readSuperblock } from '../../src/system/superblock.ts';

export type HandWork = {
  readonly key: number;
  readonly device: string;
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  readonly mac: string;
  readonly argv: readonly string[];
  /** It is started while this gets ready, and told on its standard input when its turn has come. */
  readonly prestart: boolean;
  readonly environment: Readonly<Record<string, string>>;
};

const BLKFLSBUF = 0x1261;
const never = new AbortController().signal;
const work = JSON.parse(process.argv[2] ?? '') as HandWork;
const stepsMs: Record<string, number> = {};

async function timed<T>(name: string, step: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const value = await step();
  stepsMs[name] = performance.now() - began;
  return value;
}

/** A unit attention says "not executed". */
async function command(
  disk: SgDevice,
  cdb: readonly number[],
  out: Uint8Array | null = null,
  inLength = 0,
): Promise<ScsiResult> {
  for (;;) {
    const result = await disk.execute({ cdb, out, inLength, timeoutMs: 2_000 }, never);
    if (result.kind !== 'completed' || result.sense?.key !== 6) return result;
  }
}

function reserveOut(
  disk: SgDevice,
  action: number,
  type: number,
  key: bigint,
  other: bigint,
): Promise<ScsiResult> {
  const parameters = Buffer.alloc(24);
  parameters.writeBigUInt64BE(key, 0);
  parameters.writeBigUInt64BE(other, 8);
  return command(disk, [0x5f, action, type, 0, 0, 0, 0, 0, 24, 0], parameters);
}

/** REGISTER AND IGNORE EXISTING KEY, PREEMPT of whoever holds, reset, SYNCHRONIZE CACHE. */
async function fence(disk: SgDevice): Promise<void> {
  const key = BigInt(work.key);
  await reserveOut(disk, 6, 0, 0n, key);
  const held = await command(disk, [0x5e, 1, 0, 0, 0, 0, 0, 0, 24, 0], null, 24);
  const holder = held.kind === 'completed' && held.data.length >= 16 ? held.data : null;
  const taken = holder === null || holder.readUInt32BE(4) === 0;
  if (taken) await reserveOut(disk, 1, 1, key, 0n);
  else await reserveOut(disk, 4, 1, key, holder.readBigUInt64BE(8));
  await disk.resetLogicalUnit(never);
  await command(disk, [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

async function mount(): Promise<void> {
  const { device, directory } = work;
  await ioctl(openSync(device, 'r'), BLKFLSBUF, null);
  const { replay } = await readSuperblock(device);
  const ahead = await readAhead(device, replay);
  const done = await mountDirectly({ device, directory, type: 'ext4', options: [] });
  if (!done) throw new Error('the mount failed');
  await ahead.close();
}

async function address(): Promise<void> {
  const name = 'hand0';
  await addMacvlan({ name, parent: 'eth3', mac: work.mac, mode: 'bridge' });
  await setLinkUp(name, true);
  addAddress(name, `${work.address}/24`);
  announce(name, work.address);
}

async function launchApplication(): Promise<LongLived> {
  const { argv, environment } = work;
  const output = { kind: 'file', path: '/lab/hand-application.log', input: 'pipe' } as const;
  const process = await startLongLived({ argv, environment, output });
  process.unref();
  return process;
}

async function application(): Promise<void> {
  const { input } = early ?? (await launchApplication());
  input?.end('start\n');
  while (!(await connects())) await pause(1);
}

function connects(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: work.address, port: work.port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

const { path } = await findBlockDevice(work.device);
const disk = new SgDevice(path);
mkdirSync(work.directory, { recursive: true });
await command(disk, [0, 0, 0, 0, 0, 0]);
const early = work.prestart ? await launchApplication() : null;
enterRealTime();
writeFileSync('/lab/ready', '');
while (!existsSync('/lab/go')) await pause(1);
const began = performance.now();
await Promise.all([
  timed('fence', () => fence(disk)).then(() => timed('mount', mount)),
  timed('address', address),
]);
await timed('application', application);
stepsMs['all'] = performance.now() - began;
writeFileSync('/lab/steps.json', JSON.stringify(stepsMs));
process.exit(0);
