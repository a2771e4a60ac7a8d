/** SPC-4 §5.13.5 (preserving), §5.13.6 (reporting), §6.15.2 (PRgeneration). */
import { describe, expect, it } from 'vitest';
import {
  blank,
  CONFLICT,
  clear,
  generation,
  HOLDER,
  HOLDERS_KEY,
  ignore,
  illegal,
  join,
  keysOf,
  out,
  preempt,
  preemptAndAbort,
  REGISTRANT,
  REGISTRANTS_KEY,
  register,
  registered,
  release,
  reserve,
  reserved,
  STRANGER,
  TYPES,
  told,
} from './bench.ts';

describe('SPC-4 §5.13.5.1 persist through power loss', () => {
  it.each(TYPES)('type %i: reservation and registrations outlive a power loss', (type) => {
    const target = reserved(type);
    const before = target.inspect().reservation;
    target.powerLoss();
    expect(target.inspect().reservation).toEqual(before);
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY, [REGISTRANT]: REGISTRANTS_KEY });
  });

  it('the last REGISTER decides, of any nexus: APTPL 0 forgets all', () => {
    const target = reserved(1);
    expect(out(target, STRANGER, register(0n, 0x3n, false))).toBe('good');
    target.powerLoss();
    expect(target.inspect()).toMatchObject({ reservation: null, registrations: new Map() });
  });

  it('REGISTER AND IGNORE EXISTING KEY decides as well', () => {
    const target = reserved(1);
    expect(out(target, REGISTRANT, ignore(REGISTRANTS_KEY, false))).toBe('good');
    expect(target.capabilities().aptplActive).toBe(false);
    expect(out(target, REGISTRANT, ignore(REGISTRANTS_KEY, true))).toBe('good');
    expect(target.capabilities().aptplActive).toBe(true);
  });

  it('a REGISTER that conflicted decides nothing', () => {
    const target = reserved(1);
    expect(out(target, REGISTRANT, register(0x9n, 0x3n, false))).toBe(CONFLICT);
    expect(target.capabilities().aptplActive).toBe(true);
  });

  it('§6.16.3 APTPL 1 where PTPL_C is 0: INVALID FIELD IN PARAMETER LIST', () => {
    const target = blank({ aptpl: false });
    expect(out(target, HOLDER, register(0n, HOLDERS_KEY))).toEqual(illegal('26/00'));
    expect(keysOf(target)).toEqual({});
    expect(out(target, HOLDER, register(0n, HOLDERS_KEY, false))).toBe('good');
  });

  it.each(TYPES)('type %i: everything outlives a logical unit reset', (type) => {
    const target = reserved(type);
    const before = target.inspect().reservation;
    expect(target.logicalUnitReset(STRANGER)).toBe('good');
    expect(target.inspect().reservation).toEqual(before);
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY, [REGISTRANT]: REGISTRANTS_KEY });
  });

  it('a registration outlives the loss of its nexus', () => {
    const target = registered();
    target.nexusLoss(REGISTRANT);
    expect(keysOf(target)[REGISTRANT]).toBe(REGISTRANTS_KEY);
  });
});

describe('SPC-4 §5.13.6.2 READ KEYS', () => {
  it('a key is listed once for each nexus that has it', () => {
    const target = registered();
    join(target, STRANGER, HOLDERS_KEY);
    expect(target.readKeys(STRANGER)).toMatchObject({
      keys: [HOLDERS_KEY, REGISTRANTS_KEY, HOLDERS_KEY],
    });
  });

  it('nobody is listed where nobody is registered', () => {
    expect(blank().readKeys(STRANGER)).toEqual({ generation: 0, keys: [] });
  });

  it('§5.13.11.2.1 a nexus whose registration was removed is not listed any more', () => {
    const target = registered();
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0n))).toBe('good');
    expect(target.readKeys(STRANGER)).toMatchObject({ keys: [REGISTRANTS_KEY] });
  });
});

describe('SPC-4 §5.13.6.3 READ RESERVATION', () => {
  it.each([1, 3, 5, 6] as const)("type %i: the holder's key", (type) => {
    const answer = reserved(type).readReservation(STRANGER);
    expect(answer).toMatchObject({ holder: HOLDERS_KEY, type });
  });

  it.each([7, 8] as const)('type %i: key 0', (type) => {
    expect(reserved(type).readReservation(STRANGER)).toMatchObject({ holder: 0n, type });
  });

  it('nothing where nothing is reserved', () => {
    expect(registered().readReservation(STRANGER)).toMatchObject({ holder: null, type: null });
  });

  it('§5.13.7 the key as it is now, where the holder changed it', () => {
    const target = reserved(1);
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0x5n))).toBe('good');
    expect(target.readReservation(STRANGER)).toMatchObject({ holder: 0x5n, type: 1 });
  });
});

describe('SPC-4 §6.15.2 PRgeneration', () => {
  it.each([
    ['REGISTER', register(REGISTRANTS_KEY, 0x5n)],
    ['REGISTER of the same key', register(REGISTRANTS_KEY, REGISTRANTS_KEY)],
    ['REGISTER of 0', register(REGISTRANTS_KEY, 0n)],
    ['REGISTER AND IGNORE EXISTING KEY', ignore(0x5n)],
    ['CLEAR', clear(REGISTRANTS_KEY)],
    ['PREEMPT', preempt(REGISTRANTS_KEY, HOLDERS_KEY, 1)],
    ['PREEMPT AND ABORT', preemptAndAbort(REGISTRANTS_KEY, HOLDERS_KEY, 1)],
  ] as const)('%s counts', (_, command) => {
    const target = reserved(1);
    const before = generation(target);
    expect(out(target, REGISTRANT, command)).toBe('good');
    expect(generation(target)).toBe(before + 1);
  });

  it.each([
    ['RESERVE', HOLDER, reserve(HOLDERS_KEY, 1), 'good'],
    ['RELEASE', HOLDER, release(HOLDERS_KEY, 1), 'good'],
    ['a REGISTER that conflicts', REGISTRANT, register(0x9n, 0x5n), CONFLICT],
    ['a CLEAR that conflicts', STRANGER, clear(0x9n), CONFLICT],
    ['a PREEMPT of nobody', REGISTRANT, preempt(REGISTRANTS_KEY, 0x9n, 1), CONFLICT],
    ['a PREEMPT of 0', REGISTRANT, preempt(REGISTRANTS_KEY, 0n, 1), illegal('26/00')],
    ['a RELEASE of another type', HOLDER, release(HOLDERS_KEY, 5), illegal('26/04')],
    ['a REGISTER of 0 that has nothing to do', STRANGER, register(0n, 0n), 'good'],
  ] as const)('%s does not', (_, nexus, command, answer) => {
    const target = reserved(1);
    const before = generation(target);
    expect(out(target, nexus, command)).toEqual(answer);
    expect(generation(target)).toBe(before);
  });

  it('is 0 after a power on, whatever APTPL is', () => {
    const target = reserved(1);
    expect(generation(target)).toBeGreaterThan(0);
    target.powerLoss();
    expect(generation(target)).toBe(0);
  });

  it('is told by both PERSISTENT RESERVE IN service actions', () => {
    const target = reserved(1);
    expect(target.readReservation(STRANGER)).toMatchObject({ generation: generation(target) });
    expect(told(target, STRANGER)).toEqual([]);
  });
});
