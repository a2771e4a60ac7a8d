/** SPC-4 §5.13.7 tables 67 and 68, §5.13.9 (reserving), §5.13.10 (holder). */
import { describe, expect, it } from 'vitest';
import {
  ALL_REGISTRANTS,
  blank,
  CONFLICT,
  clear,
  HOLDER,
  HOLDERS_KEY,
  ignore,
  illegal,
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
  SINGLE,
  STRANGER,
  TYPES,
  told,
} from './bench.ts';

describe('SPC-4 §5.13.7 table 67 REGISTER', () => {
  it('unregistered, key 0, service action key 0: nothing is done, GOOD', () => {
    const target = blank();
    expect(out(target, STRANGER, register(0n, 0n))).toBe('good');
    expect(keysOf(target)).toEqual({});
  });

  it('unregistered, key 0: registered', () => {
    const target = blank();
    expect(out(target, STRANGER, register(0n, 0x7n))).toBe('good');
    expect(keysOf(target)).toEqual({ [STRANGER]: 0x7n });
  });

  it.each([0n, 0x8n])('unregistered, another key, service action key %i: a conflict', (key) => {
    const target = blank();
    expect(out(target, STRANGER, register(0x7n, key))).toBe(CONFLICT);
    expect(keysOf(target)).toEqual({});
  });

  it.each([0n, HOLDERS_KEY, 0x9n])('registered, key %i is not its own: a conflict', (key) => {
    const target = registered();
    expect(out(target, REGISTRANT, register(key, 0x8n))).toBe(CONFLICT);
    expect(out(target, REGISTRANT, register(key, 0n))).toBe(CONFLICT);
    expect(keysOf(target)[REGISTRANT]).toBe(REGISTRANTS_KEY);
  });

  it('registered, own key, 0: unregistered', () => {
    const target = registered();
    expect(out(target, REGISTRANT, register(REGISTRANTS_KEY, 0n))).toBe('good');
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY });
  });

  it('registered, own key, another: changed', () => {
    const target = registered();
    expect(out(target, REGISTRANT, register(REGISTRANTS_KEY, 0x8n))).toBe('good');
    expect(keysOf(target)[REGISTRANT]).toBe(0x8n);
  });
});

describe('SPC-4 §5.13.7 table 68 REGISTER AND IGNORE EXISTING KEY', () => {
  it('unregistered, 0: nothing is done, GOOD', () => {
    const target = blank();
    expect(out(target, STRANGER, ignore(0n))).toBe('good');
    expect(keysOf(target)).toEqual({});
  });

  it('unregistered: registered', () => {
    const target = blank();
    expect(out(target, STRANGER, ignore(0x7n))).toBe('good');
    expect(keysOf(target)).toEqual({ [STRANGER]: 0x7n });
  });

  it('registered, 0: unregistered', () => {
    const target = registered();
    expect(out(target, REGISTRANT, ignore(0n))).toBe('good');
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY });
  });

  it('registered: changed, whatever the key was', () => {
    const target = registered();
    expect(out(target, REGISTRANT, ignore(0x8n))).toBe('good');
    expect(keysOf(target)[REGISTRANT]).toBe(0x8n);
  });
});

describe('SPC-4 §5.13.7, text', () => {
  it.each(TYPES)('type %i: a new key of the holder leaves the reservation alone', (type) => {
    const target = reserved(type);
    const before = target.inspect().reservation;
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0x5n))).toBe('good');
    expect(target.inspect().reservation).toEqual(before);
    expect(told(target, REGISTRANT)).toEqual([]);
  });

  it('a registration has no effect on others with the same key', () => {
    const target = registered();
    expect(out(target, STRANGER, register(0n, HOLDERS_KEY))).toBe('good');
    expect(out(target, STRANGER, register(HOLDERS_KEY, 0x6n))).toBe('good');
    expect(keysOf(target)).toMatchObject({ [HOLDER]: HOLDERS_KEY, [STRANGER]: 0x6n });
  });

  it('registering again with the same key is no error', () => {
    expect(out(registered(), HOLDER, register(HOLDERS_KEY, HOLDERS_KEY))).toBe('good');
  });

  it.each([
    ['RESERVE', reserve(0x7n, 1)],
    ['RELEASE', release(0x7n, 1)],
    ['CLEAR', clear(0x7n)],
    ['PREEMPT', preempt(0x7n, HOLDERS_KEY, 1)],
    ['PREEMPT of 0', preempt(0x7n, 0n, 1)],
    ['PREEMPT AND ABORT', preemptAndAbort(0x7n, HOLDERS_KEY, 1)],
  ] as const)('%s by a nexus that is not registered: a conflict', (_, command) => {
    expect(out(registered(), STRANGER, command)).toBe(CONFLICT);
  });

  it('a nexus that is not registered is told of the conflict, not of a type that is unknown', () => {
    const target = registered({ types: [1] });
    expect(out(target, STRANGER, reserve(0x7n, 5))).toBe(CONFLICT);
    expect(out(target, HOLDER, reserve(0x7n, 5))).toBe(CONFLICT);
  });
});

describe('SPC-4 §5.13.9 reserving', () => {
  it.each(SINGLE)('type %i: who reserves holds', (type) => {
    const target = registered();
    expect(out(target, HOLDER, reserve(HOLDERS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: HOLDER });
  });

  it('with a key that is not its own: a conflict', () => {
    const target = registered();
    expect(out(target, HOLDER, reserve(REGISTRANTS_KEY, 1))).toBe(CONFLICT);
    expect(target.inspect().reservation).toBeNull();
  });

  it.each(TYPES)('type %i: the same once more is no error and changes nothing', (type) => {
    const target = reserved(type);
    const before = target.inspect().reservation;
    expect(out(target, HOLDER, reserve(HOLDERS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toEqual(before);
  });

  it.each(TYPES)('type %i: the holder cannot change the type by it', (type) => {
    const target = reserved(type);
    const other = type === 1 ? 5 : 1;
    expect(out(target, HOLDER, reserve(HOLDERS_KEY, other))).toBe(CONFLICT);
    expect(target.inspect().reservation?.type).toBe(type);
  });

  it('a second path of the same node is another nexus: a conflict', () => {
    const target = reserved(1);
    expect(out(target, STRANGER, register(0n, HOLDERS_KEY))).toBe('good');
    expect(out(target, STRANGER, reserve(HOLDERS_KEY, 1))).toBe(CONFLICT);
  });

  it('a type that the target does not have: INVALID FIELD IN CDB', () => {
    const target = registered({ types: [1, 5] });
    expect(out(target, HOLDER, reserve(HOLDERS_KEY, 3))).toEqual(illegal('24/00'));
    expect(target.inspect().reservation).toBeNull();
  });
});

describe('SPC-4 §5.13.10 the holder', () => {
  it.each(ALL_REGISTRANTS)('type %i: every registrant holds, and may reserve again', (type) => {
    const target = reserved(type);
    expect(target.inspect().reservation).toEqual({ type, holder: null });
    expect(out(target, REGISTRANT, reserve(REGISTRANTS_KEY, type))).toBe('good');
  });

  it.each(ALL_REGISTRANTS)('type %i: who registers later holds as well', (type) => {
    const target = reserved(type);
    expect(out(target, STRANGER, register(0n, 0x7n))).toBe('good');
    expect(out(target, STRANGER, release(0x7n, type))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
  });

  it.each(SINGLE)('type %i: the reservation goes with the registration of its holder', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, ignore(0n))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
  });

  it.each(ALL_REGISTRANTS)('type %i: it stays until the last registration is gone', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0n))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: null });
    expect(out(target, REGISTRANT, register(REGISTRANTS_KEY, 0n))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
  });
});
