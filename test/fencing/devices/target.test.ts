/**
 * The emulated target against the tables of SPC-4 §5.13: every type, every verb, every unit
 * attention.
 */
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TARGET,
  type ReserveOut,
  type TargetOptions,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import type { ReservationType } from '../../../src/fencing/fence-device.ts';

const [H, R, U] = ['holder', 'registrant', 'unregistered'];
const KEYS: Readonly<Record<string, bigint>> = { [H]: 1n, [R]: 2n };

function disk(options: Partial<TargetOptions> = {}): EmulatedTarget {
  return new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1', ...options });
}

/** Reads every attention that is waiting, and answers them. */
function attentions(target: EmulatedTarget, nexus: string): string[] {
  const told: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    const status = target.testUnitReady(nexus);
    if (typeof status === 'string') break;
    told.push(status.code);
  }
  return told;
}

function out(target: EmulatedTarget, nexus: string, command: ReserveOut): unknown {
  attentions(target, nexus);
  return target.reserveOut(nexus, command);
}

function register(target: EmulatedTarget, nexus: string, key: bigint, aptpl = true): void {
  const command = { action: 'register', key: 0n, serviceKey: key, aptpl } as const;
  expect(out(target, nexus, command)).toBe('good');
}

function reserved(type: ReservationType, options: Partial<TargetOptions> = {}): EmulatedTarget {
  const target = disk(options);
  register(target, H, 1n);
  register(target, R, 2n);
  expect(out(target, H, { action: 'reserve', key: 1n, type })).toBe('good');
  for (const nexus of [H, R, U]) attentions(target, nexus);
  return target;
}

const writes = (target: EmulatedTarget, nexus: string) =>
  typeof target.submitWrite(nexus, 0, '') === 'object';
const reads = (target: EmulatedTarget, nexus: string) => typeof target.read(nexus, 0) === 'object';

describe('who may read and write', () => {
  const table: readonly [ReservationType, string, string][] = [
    // type, may read, may write: holder, registrant, unregistered (SPC-4 table 63)
    [1, 'yes yes yes', 'yes no no'],
    [3, 'yes no no', 'yes no no'],
    [5, 'yes yes yes', 'yes yes no'],
    [6, 'yes yes no', 'yes yes no'],
    [7, 'yes yes yes', 'yes yes no'],
    [8, 'yes yes no', 'yes yes no'],
  ];
  it.each(table)('type %i', (type, reading, writing) => {
    const target = reserved(type);
    const words = (may: (target: EmulatedTarget, nexus: string) => boolean) =>
      [H, R, U].map((nexus) => (may(target, nexus) ? 'yes' : 'no')).join(' ');
    expect(words(reads)).toBe(reading);
    expect(words(writes)).toBe(writing);
    expect([H, R, U].map((nexus) => target.testUnitReady(nexus))).toEqual(['good', 'good', 'good']);
  });

  it('everybody where nothing is reserved', () => {
    const target = disk();
    attentions(target, U);
    expect(writes(target, U) && reads(target, U)).toBe(true);
  });
});

describe('the end of a reservation', () => {
  it.each([
    [1, []],
    [3, []],
    [5, ['2a/04']],
    [6, ['2a/04']],
  ] as const)('type %i: a holder that unregisters releases it', (type, told) => {
    const target = reserved(type);
    out(target, H, { action: 'register', key: 1n, serviceKey: 0n, aptpl: true });
    expect(target.inspect().reservation).toBeNull();
    expect(attentions(target, R)).toEqual(told);
  });

  it.each([7, 8] as const)('type %i: it lasts until the last registrant is gone', (type) => {
    const target = reserved(type);
    out(target, H, { action: 'register', key: 1n, serviceKey: 0n, aptpl: true });
    expect(target.inspect().reservation).toEqual({ type, holder: null });
    expect(target.readReservation(R)).toMatchObject({ holder: 0n, type });
    out(target, R, { action: 'register', key: 2n, serviceKey: 0n, aptpl: true });
    expect(target.inspect().reservation).toBeNull();
  });

  it('RELEASE by the holder with the right type; by others it changes nothing', () => {
    const target = reserved(5);
    expect(out(target, R, { action: 'release', key: 2n, type: 5 })).toBe('good');
    expect(out(target, H, { action: 'release', key: 1n, type: 1 })).toMatchObject({
      code: '26/04',
    });
    expect(target.inspect().reservation).not.toBeNull();
    expect(out(target, H, { action: 'release', key: 1n, type: 5 })).toBe('good');
    expect(target.inspect().reservation).toBeNull();
    expect(attentions(target, R)).toEqual(['2a/04']);
  });

  it('CLEAR removes everything and tells everybody', () => {
    const target = reserved(1);
    expect(out(target, R, { action: 'clear', key: 2n })).toBe('good');
    expect(target.inspect()).toMatchObject({ registrations: new Map(), reservation: null });
    expect(attentions(target, H)).toEqual(['2a/03']);
  });
});

describe('PREEMPT', () => {
  const preempt = (serviceKey: bigint, type: ReservationType) =>
    ({ action: 'preempt', key: 2n, serviceKey, type }) as const;

  it('of the holder takes the reservation, and tells who lost its registration', () => {
    const target = reserved(1);
    expect(out(target, R, preempt(1n, 1))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 1, holder: R });
    expect(attentions(target, H)).toEqual(['2a/05']);
  });

  it('under another type tells those who stay', () => {
    const target = reserved(1);
    register(target, 'third', 3n);
    expect(out(target, R, preempt(1n, 5))).toBe('good');
    expect(attentions(target, 'third')).toEqual(['2a/04']);
  });

  it('removes the key from every nexus that has it', () => {
    const target = reserved(5);
    register(target, 'second path', 1n);
    expect(out(target, R, preempt(1n, 5))).toBe('good');
    expect([...target.inspect().registrations.keys()]).toEqual([R]);
  });

  it('of a key where all registrants hold removes that key only', () => {
    const target = reserved(7);
    expect(out(target, R, preempt(1n, 1))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 7, holder: null });
  });

  it('of key 0 where all registrants hold removes all others and takes it', () => {
    const target = reserved(8);
    expect(out(target, R, preempt(0n, 1))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 1, holder: R });
    expect([...target.inspect().registrations.keys()]).toEqual([R]);
  });

  it('of key 0 elsewhere is an illegal request', () => {
    expect(out(reserved(1), R, preempt(0n, 1))).toMatchObject({ check: 'illegal-request' });
  });

  it('without a reservation only removes registrations', () => {
    const target = disk();
    register(target, H, 1n);
    register(target, R, 2n);
    expect(out(target, R, preempt(1n, 1))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
  });

  it('lets what was accepted go on; PREEMPT AND ABORT ends it', () => {
    for (const [action, landed] of [
      ['preempt', true],
      ['preempt-and-abort', false],
    ] as const) {
      const target = reserved(1);
      const task = target.submitWrite(H, 0, 'late');
      expect(out(target, R, { action, key: 2n, serviceKey: 1n, type: 1 })).toBe('good');
      expect(typeof task === 'object' && 'id' in task && target.completeWrite(task.id)).toBe(
        landed,
      );
    }
  });
});

describe('REGISTER', () => {
  it('AND IGNORE EXISTING KEY compares nothing', () => {
    const target = reserved(1);
    const command = {
      action: 'register-and-ignore',
      key: 99n,
      serviceKey: 4n,
      aptpl: true,
    } as const;
    expect(out(target, H, command)).toBe('good');
    expect(target.inspect().registrations.get(H)).toBe(4n);
  });

  it('of key 0 by a nexus that has none is good and counts nothing', () => {
    const target = disk();
    const command = { action: 'register', key: 0n, serviceKey: 0n, aptpl: false } as const;
    expect(out(target, U, command)).toBe('good');
    expect(target.readKeys(U)).toEqual({ generation: 0, keys: [] });
  });

  it('with APTPL on a target without it is refused', () => {
    const target = disk({ aptpl: false });
    const command = { action: 'register', key: 0n, serviceKey: 1n, aptpl: true } as const;
    expect(out(target, H, command)).toMatchObject({ code: '26/00' });
  });
});

describe('the target loses power', () => {
  it('and keeps keys and reservation with APTPL; cache and tasks are gone', () => {
    const target = reserved(1);
    const flushed = target.submitWrite(H, 0, 'flushed');
    if (typeof flushed === 'object' && 'id' in flushed) target.completeWrite(flushed.id);
    expect(target.synchronizeCache(H)).toBe('good');
    const cached = target.submitWrite(H, 0, 'only in the cache');
    if (typeof cached === 'object' && 'id' in cached) target.completeWrite(cached.id);
    target.submitWrite(H, 0, 'in flight');
    target.powerLoss();
    expect(attentions(target, H)).toEqual(['29/00']);
    expect(target.read(H, 0)).toEqual({ data: 'flushed' });
    expect(target.inspect().reservation).toEqual({ type: 1, holder: H });
    expect(target.inspect().tasks).toEqual([]);
    expect(target.readKeys(H)).toEqual({ generation: 0, keys: [1n, 2n] });
  });

  it('and forgets everything when the last REGISTER did not ask for APTPL', () => {
    const target = reserved(1);
    register(target, U, 3n, false);
    target.powerLoss();
    expect(target.inspect()).toMatchObject({ registrations: new Map(), reservation: null });
  });

  it('as its image says', () => {
    const target = reserved(5);
    const image = JSON.parse(JSON.stringify(target.image()));
    const again = new EmulatedTarget(target.options, image);
    expect(again.inspect().registrations).toEqual(target.inspect().registrations);
    expect(again.inspect().reservation).toEqual(target.inspect().reservation);
  });
});

describe('a unit attention', () => {
  it('greets each nexus once, and what brought it was not executed', () => {
    const target = disk();
    const command = { action: 'register', key: 0n, serviceKey: 1n, aptpl: true } as const;
    expect(target.reserveOut(U, command)).toEqual({ check: 'unit-attention', code: '29/00' });
    expect(target.inspect().registrations.size).toBe(0);
    expect(target.reserveOut(U, command)).toBe('good');
  });

  it('LOGICAL UNIT RESET ends all tasks, tells everybody, and leaves the reservation', () => {
    const target = reserved(1);
    target.submitWrite(H, 0, 'x');
    expect(target.logicalUnitReset(R)).toBe('good');
    expect(target.inspect().tasks).toEqual([]);
    expect(target.inspect().reservation).toEqual({ type: 1, holder: H });
    expect([H, R, U].map((nexus) => attentions(target, nexus))).toEqual([
      ['29/03'],
      ['29/03'],
      ['29/03'],
    ]);
  });

  it('the keys of the table above are the ones registered', () => {
    expect([...reserved(1).inspect().registrations]).toEqual(Object.entries(KEYS));
  });
});
