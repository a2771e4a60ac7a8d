/** NVMe reservations behind the port: the contract, the bytes, and a takeover. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  parseIdentity,
  parseReport,
  toNvme,
} from '../../../../src/fencing/devices/nvme/commands.ts';
import { NvmePath } from '../../../../src/fencing/devices/nvme/nvme-path.ts';
import { type PathCommands, RealDisk } from '../../../../src/fencing/devices/real-disk.ts';
import { Fence } from '../../../../src/fencing/fence.ts';
import type { FenceDevice } from '../../../../src/fencing/fence-device.ts';
import { packKey } from '../../../../src/fencing/protocol/key.ts';
import { monotonicClock } from '../../../../src/system/clock.ts';
import { layOut } from '../../../../src/system/nvme.ts';
import { blank, FENCE_DEVICE_CONTRACT, type FenceLab } from '../../../contract/fence-device.ts';
import { EmulatedNamespace, type NamespaceOptions } from './controller.ts';

const PATH = '/dev/nvme0n1';
const IDENTITY = `eui.${'0011223344556677'.repeat(2)}`;
const soon = () => AbortSignal.timeout(10_000);

function deviceOn(namespace: EmulatedNamespace, host: string): FenceDevice {
  const path: PathCommands = new NvmePath({
    path: PATH,
    port: namespace.port(host),
    timeoutMs: 1000,
  });
  const disk = new RealDisk({ paths: [PATH], identity: null, timeoutMs: 1000 }, () => path);
  // A block device of that name is not here to be read.
  return {
    identity: (signal) => disk.identity(signal),
    paths: () => disk.paths(),
    execute: (command, signal) => disk.execute(command, signal),
    capabilities: (signal) => disk.capabilities(signal),
    probe: async () => ({ durationMs: 0 }),
  };
}

const VARIANTS: readonly (readonly [string, NamespaceOptions])[] = [
  ['a host with one controller', {}],
  ['hosts with several controllers', { controllersOfHost: 3 }],
  ['identifiers of 64 bits', { shortHosts: true }],
];

describe.each(VARIANTS)('a namespace: %s', (_, options) => {
  let lab: FenceLab;

  beforeEach(() => {
    const namespace = new EmulatedNamespace(options);
    lab = {
      a: deviceOn(namespace, 'a'),
      b: deviceOn(namespace, 'b'),
      write: async (who) => {
        const { status, land } = namespace.write(who, who);
        land();
        return status === 0 ? 'good' : 'reservation-conflict';
      },
      lacks: ['reset', 'attentions'],
    };
  });
  afterEach(async () => {
    await blank(lab);
  });

  it.each(FENCE_DEVICE_CONTRACT)('$name', async ({ run }) => {
    await blank(lab);
    await run(lab);
  });
});

describe('a takeover of a namespace', () => {
  const take = (device: FenceDevice, epoch: number, facts: object = {}) =>
    new Fence({ clock: monotonicClock }).takeOver({
      device,
      identity: IDENTITY,
      key: packKey({ tag: 7, node: epoch, epoch }),
      type: 1,
      predecessorFenced: true,
      lastEpoch: 9,
      volatileReservations: false,
      acceptLateWrites: false,
      signal: soon(),
      ...facts,
    });

  it('from an owner ends what it has in flight; nothing of it lands', async () => {
    const namespace = new EmulatedNamespace();
    const first = await take(deviceOn(namespace, 'a'), 1, { acceptLateWrites: true });
    expect(first).toMatchObject({ ok: true, value: { guaranteed: false, durable: true } });
    const late = namespace.write('a', 'late');
    const second = await take(deviceOn(namespace, 'b'), 2);
    expect(second).toMatchObject({ ok: true, value: { guaranteed: true, wasReset: false } });
    expect(namespace.write('b', 'new').land()).toBe(0);
    expect(late.land()).not.toBe(0);
    expect(namespace.write('a', 'later').status).not.toBe(0);
    expect(namespace.content).toBe('new');
  });

  it('needs the operator’s word where only a reset would rule out a late write', async () => {
    const taken = await take(deviceOn(new EmulatedNamespace(), 'a'), 1);
    expect(taken).toMatchObject({ ok: false, error: { code: 'LATE_WRITES_POSSIBLE' } });
  });

  it.each([
    ['has no reservations', { capabilities: 0 }, 'RESERVATIONS_UNSUPPORTED'],
    ['forgets them at a power loss', { capabilities: 0x7e }, 'VOLATILE_RESERVATIONS'],
    ['lacks the type', { capabilities: 0x7d }, 'RESERVATION_TYPE_UNSUPPORTED'],
  ])('that %s is refused', async (_, options, code) => {
    const taken = await take(deviceOn(new EmulatedNamespace(options), 'a'), 1);
    expect(taken).toMatchObject({ ok: false, error: { code } });
  });

  it('is there after a power loss', async () => {
    const namespace = new EmulatedNamespace();
    await take(deviceOn(namespace, 'a'), 1, { acceptLateWrites: true });
    namespace.powerLoss();
    expect(namespace.write('b', 'x').status).not.toBe(0);
  });
});

describe('the bytes', () => {
  const path = PATH;
  it('of a Reservation Register with CPTPL: both keys, the lowest byte first', () => {
    const command = toNvme({ kind: 'register', path, current: 1n, key: 0x0203n, aptpl: true });
    expect(command).toMatchObject({ queue: 'io', opcode: 0x0d, cdw11: 0 });
    if (command === null || command === 'nothing') return;
    expect(command.cdw10 >>> 0).toBe(0xc000_0002);
    expect(Buffer.from(command.out ?? []).toString('hex')).toBe(
      '0100000000000000' + '0302000000000000',
    );
  });

  it.each([
    [1, 0x0100],
    [3, 0x0200],
    [5, 0x0300],
    [6, 0x0400],
    [7, 0x0500],
    [8, 0x0600],
  ] as const)('of type %i of SPC-4 in a Reservation Acquire', (type, cdw10) => {
    const command = toNvme({ kind: 'preempt-and-abort', path, key: 1n, victim: 2n, type });
    expect(command).toMatchObject({ opcode: 0x11, cdw10: cdw10 | 2 });
  });

  it('that nothing is sent to unregister what is not, nor for a reset', () => {
    const nothing = { kind: 'register', path, current: 0n, key: 0n, aptpl: true } as const;
    expect(toNvme(nothing)).toBe('nothing');
    expect(toNvme({ kind: 'logical-unit-reset', path })).toBeNull();
  });

  it('of a command as the kernel wants it', () => {
    const command = {
      queue: 'io',
      opcode: 0x0e,
      cdw10: -1,
      cdw11: 1,
      out: null,
      inLength: 8,
    } as const;
    const data = Buffer.alloc(8);
    const laid = layOut({ ...command, timeoutMs: 2000 }, { namespaceId: 3, data });
    expect(laid).toHaveLength(72);
    expect(laid.readUInt8(0)).toBe(0x0e);
    expect(laid.readUInt32LE(4)).toBe(3);
    expect(laid.readBigUInt64LE(24)).not.toBe(0n);
    expect(laid.readUInt32LE(36)).toBe(8);
    expect(laid.readUInt32LE(40)).toBe(0xffff_ffff);
    expect(laid.readUInt32LE(64)).toBe(2000);
  });

  it('of identities, as the kernel writes them', () => {
    const uuid = '03100000' + '00112233445566778899aabbccddeeff';
    expect(parseIdentity(Buffer.from(`${uuid}00000000`, 'hex'))).toBe(
      'uuid.00112233-4455-6677-8899-aabbccddeeff',
    );
    const eui = `01080000${'00'.repeat(8)}`;
    expect(parseIdentity(Buffer.from(`${eui}00000000`, 'hex'))).toBeNull();
    expect(parseIdentity(Buffer.alloc(0))).toBeNull();
  });

  it('of a report that is cut short are no report', () => {
    expect(() => parseReport(Buffer.alloc(10), true)).toThrow(RangeError);
  });
});
