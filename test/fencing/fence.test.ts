/**
 * The conversation with a disk: deadlines, one at a time, what a device throws, APTPL read back.
 */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../src/fencing/devices/emulated/verbs.ts';
import { Fence, type TakeOver } from '../../src/fencing/fence.ts';
import type { FenceDevice, PrReply } from '../../src/fencing/fence-device.ts';
import { packKey } from '../../src/fencing/protocol/key.ts';
import { Turns } from '../../src/fencing/turns.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import { monotonicClock } from '../../src/system/clock.ts';

const key = (node: number, epoch: number) => packKey({ tag: 7, node, epoch });

function deviceOn(target: EmulatedTarget, node: string): FenceDevice {
  return {
    identity: async () => target.options.identity,
    paths: async () => ['a'],
    execute: async (command) => execute(target, `${node}:${command.path}`, command),
    capabilities: async () => target.capabilities(),
    probe: async () => ({ durationMs: 0 }),
  };
}

const disk = (options = {}) =>
  new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1', ...options });

function wanted(device: FenceDevice, epoch = 1): TakeOver {
  return {
    device,
    identity: 'naa.1',
    key: key(1, epoch),
    type: 1,
    predecessorFenced: false,
    lastEpoch: 9,
    volatileReservations: false,
    acceptLateWrites: false,
    signal: AbortSignal.timeout(10_000),
  };
}

describe('a takeover', () => {
  it('returns what it holds, and the owner then finds it its own', async () => {
    const fence = new Fence({ clock: monotonicClock });
    const device = deviceOn(disk(), 'n1');
    const held = await fence.takeOver(wanted(device));
    expect(held).toMatchObject({ ok: true, value: { identity: 'naa.1', durable: true } });
    if (!held.ok) return;
    const signal = AbortSignal.timeout(10_000);
    const verdict = await fence.defend({ device, held: held.value, signal });
    expect(verdict).toMatchObject({ kind: 'mine' });
  });

  it('of another disk than the one that was meant sends nothing', async () => {
    const target = disk();
    const options = { ...wanted(deviceOn(target, 'n1')), identity: 'naa.2' };
    const result = await new Fence({ clock: monotonicClock }).takeOver(options);
    expect(result).toMatchObject({ ok: false, error: { code: 'DISK_IDENTITY_MISMATCH' } });
    expect(target.inspect().registrations.size).toBe(0);
  });

  it('of a target that forgets is refused before anything is registered, unless accepted', async () => {
    const target = disk({ aptpl: false });
    const fence = new Fence({ clock: monotonicClock });
    const options = wanted(deviceOn(target, 'n1'));
    const refused = { ok: false, error: { code: 'VOLATILE_RESERVATIONS' } };
    expect(await fence.takeOver(options)).toMatchObject(refused);
    expect(target.inspect().registrations.size).toBe(0);
    const accepted = await fence.takeOver({ ...options, volatileReservations: true });
    expect(accepted).toMatchObject({ ok: true, value: { durable: false } });
  });

  it('of a target that claims PTPL_C and leaves PTPL_A at 0 is refused', async () => {
    const target = disk();
    const device = {
      ...deviceOn(target, 'n1'),
      capabilities: async () => ({ ...target.capabilities(), aptplActive: false }),
    };
    const result = await new Fence({ clock: monotonicClock }).takeOver(wanted(device));
    expect(result).toMatchObject({ ok: false, error: { code: 'VOLATILE_RESERVATIONS' } });
  });

  it('turns what a device throws into its end, and lets a bug be a bug', async () => {
    const fence = new Fence({ clock: monotonicClock });
    const lost = deviceOn(disk(), 'n1');
    const throwing = (error: Error): FenceDevice => ({
      ...lost,
      execute: async () => {
        throw error;
      },
    });
    const mismatch = throwing(new HoldfastError('DISK_IDENTITY_MISMATCH'));
    expect(await fence.takeOver(wanted(mismatch))).toMatchObject({
      ok: false,
      error: { code: 'DISK_IDENTITY_MISMATCH' },
    });
    await expect(fence.takeOver(wanted(throwing(new TypeError('a bug'))))).rejects.toThrow('a bug');
  });

  it('answers at its deadline although the disk never does; the next one waits for its turn', async () => {
    const fence = new Fence({ clock: monotonicClock });
    const target = disk();
    const real = deviceOn(target, 'n1');
    let unstick: () => void = () => {};
    const stuck = new Promise<void>((resolve) => {
      unstick = resolve;
    });
    const hanging: FenceDevice = {
      ...real,
      execute: async (command): Promise<PrReply> => {
        await stuck;
        return { kind: 'timeout', path: command.path };
      },
    };
    const deadline = new AbortController();
    const first = fence.takeOver({ ...wanted(hanging), signal: deadline.signal });
    let secondIsOver = false;
    const second = fence.takeOver(wanted(real, 2)).then((result) => {
      secondIsOver = true;
      return result;
    });
    deadline.abort();
    expect(await first).toMatchObject({ ok: false, error: { code: 'TAKEOVER_TIMED_OUT' } });
    expect(secondIsOver).toBe(false);
    expect(target.inspect().registrations.size).toBe(0);
    unstick();
    expect(await second).toMatchObject({ ok: true });
  });
});

describe('turns', () => {
  it('work on one name never overlaps, on two it does', async () => {
    const turns = new Turns();
    const log: string[] = [];
    const signal = AbortSignal.timeout(10_000);
    const work = (name: string, tag: string) =>
      turns.take(name, signal, undefined, async () => {
        log.push(`${tag}+`);
        await Promise.resolve();
        await Promise.resolve();
        log.push(`${tag}-`);
      });
    await Promise.all([work('x', '1'), work('x', '2'), work('y', '3')]);
    expect(log.indexOf('1-')).toBeLessThan(log.indexOf('2+'));
    expect(log.indexOf('3+')).toBeLessThan(log.indexOf('1-'));
  });

  it('a failure is told to its caller, and the next one has its turn', async () => {
    const turns = new Turns();
    const signal = AbortSignal.timeout(10_000);
    const bad = turns.take('x', signal, 0, () => Promise.reject(new RangeError('bad')));
    const good = turns.take('x', signal, 0, async () => 1);
    await expect(bad).rejects.toThrow('bad');
    expect(await good).toBe(1);
    expect(await turns.take('x', AbortSignal.abort(), 7, async () => 1)).toBe(7);
  });
});
