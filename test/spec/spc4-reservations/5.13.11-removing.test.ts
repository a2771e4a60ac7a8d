/** SPC-4 §5.13.11.2: releasing, unregistering, preempting, preempting and aborting, clearing. */
import { describe, expect, it } from 'vitest';
import {
  ALL_REGISTRANTS,
  accepted,
  CONFLICT,
  clear,
  HOLDER,
  HOLDERS_KEY,
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
  reserved,
  SINGLE,
  STRANGER,
  TYPES,
  told,
} from './bench.ts';

const THIRD = 'third';
const THIRDS_KEY = 0x3n;
const SHARED = [5, 6, 7, 8] as const;

describe('SPC-4 §5.13.11.2.2 releasing', () => {
  it.each(TYPES)('type %i: by the holder; the registrations stay', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, release(HOLDERS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY, [REGISTRANT]: REGISTRANTS_KEY });
  });

  it.each(SHARED)('type %i: the other registrants are told, 2A/04', (type) => {
    const target = reserved(type);
    out(target, HOLDER, release(HOLDERS_KEY, type));
    const all = [HOLDER, REGISTRANT, STRANGER].map((nexus) => told(target, nexus));
    expect(all).toEqual([[], ['2a/04'], []]);
  });

  it.each([1, 3] as const)('type %i: nobody is told', (type) => {
    const target = reserved(type);
    out(target, HOLDER, release(HOLDERS_KEY, type));
    expect(told(target, REGISTRANT)).toEqual([]);
  });

  it.each(TYPES)('type %i: another type is INVALID RELEASE, 26/04', (type) => {
    const target = reserved(type);
    const other = type === 1 ? 5 : 1;
    expect(out(target, HOLDER, release(HOLDERS_KEY, other))).toEqual(illegal('26/04'));
    expect(target.inspect().reservation?.type).toBe(type);
  });

  it('INVALID RELEASE also for a type that the target does not have', () => {
    const target = reserved(1, { types: [1] });
    expect(out(target, HOLDER, release(HOLDERS_KEY, 5))).toEqual(illegal('26/04'));
  });

  it.each(SINGLE)('type %i: by a registrant that does not hold: GOOD, nothing is done', (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, release(REGISTRANTS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: HOLDER });
  });

  it('where nothing is reserved: GOOD', () => {
    expect(out(registered(), HOLDER, release(HOLDERS_KEY, 1))).toBe('good');
  });
});

describe('SPC-4 §5.13.11.2.3 unregistering', () => {
  it.each([5, 6] as const)('type %i: the holder goes, the registrants are told 2A/04', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0n))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
    expect(told(target, REGISTRANT)).toEqual(['2a/04']);
    expect(told(target, HOLDER)).toEqual([]);
  });

  it.each([1, 3] as const)('type %i: the holder goes, nobody is told', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0n))).toBe('good');
    expect(target.inspect().reservation).toBeNull();
    expect(told(target, REGISTRANT)).toEqual([]);
  });

  it.each(SINGLE)('type %i: a mere registrant goes, the reservation stays', (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, register(REGISTRANTS_KEY, 0n))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: HOLDER });
    expect(told(target, HOLDER)).toEqual([]);
  });

  it.each(ALL_REGISTRANTS)('type %i: one of them goes, nobody is told', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, register(HOLDERS_KEY, 0n))).toBe('good');
    expect(told(target, REGISTRANT)).toEqual([]);
  });
});

describe('SPC-4 §5.13.11.2.4.1 table 72, single holder', () => {
  it.each(SINGLE)('type %i, key 0: INVALID FIELD IN PARAMETER LIST, 26/00', (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, 0n, type))).toEqual(illegal('26/00'));
    expect(target.inspect().reservation).toEqual({ type, holder: HOLDER });
  });

  it.each(SINGLE)("type %i, the holder's key: reservation and registration go over", (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: REGISTRANT });
    expect(keysOf(target)).toEqual({ [REGISTRANT]: REGISTRANTS_KEY });
  });

  it.each(SINGLE)("type %i, another's key: its registration goes, no more", (type) => {
    const target = reserved(type);
    join(target, THIRD, THIRDS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, THIRDS_KEY, type))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: HOLDER });
    expect(Object.keys(keysOf(target))).toEqual([HOLDER, REGISTRANT]);
  });

  it('where nothing is reserved, key 0: 26/00', () => {
    const target = registered();
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, 0n, 1))).toEqual(illegal('26/00'));
  });
});

describe('SPC-4 §5.13.11.2.4.1 table 72, all registrants', () => {
  it.each(ALL_REGISTRANTS)('type %i, key 0: all others go, who preempts holds', (type) => {
    const target = reserved(type);
    join(target, THIRD, THIRDS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, 0n, 5))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 5, holder: REGISTRANT });
    expect(keysOf(target)).toEqual({ [REGISTRANT]: REGISTRANTS_KEY });
    expect([HOLDER, THIRD].map((nexus) => told(target, nexus))).toEqual([['2a/05'], ['2a/05']]);
  });

  it.each(ALL_REGISTRANTS)('type %i, a key: its registrations go, the type stays', (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 1))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type, holder: null });
    expect(keysOf(target)).toEqual({ [REGISTRANT]: REGISTRANTS_KEY });
  });
});

describe('SPC-4 §5.13.11.2.4.3 preempting the reservation', () => {
  it('every nexus with the key loses its registration, and is told 2A/05', () => {
    const target = reserved(5);
    join(target, THIRD, HOLDERS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 5))).toBe('good');
    expect(keysOf(target)).toEqual({ [REGISTRANT]: REGISTRANTS_KEY });
    expect([HOLDER, THIRD].map((nexus) => told(target, nexus))).toEqual([['2a/05'], ['2a/05']]);
  });

  it('under the type of the command; who stays registered is told 2A/04', () => {
    const target = reserved(1);
    join(target, THIRD, THIRDS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 5))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 5, holder: REGISTRANT });
    const all = [HOLDER, REGISTRANT, THIRD].map((nexus) => told(target, nexus));
    expect(all).toEqual([['2a/05'], [], ['2a/04']]);
  });

  it('under the same type who stays is told nothing', () => {
    const target = reserved(5);
    join(target, THIRD, THIRDS_KEY);
    out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 5));
    expect(told(target, THIRD)).toEqual([]);
  });

  it.each(SINGLE)('type %i: the holder may preempt itself, and stays registered', (type) => {
    const target = reserved(type);
    const other = type === 1 ? 5 : 1;
    expect(out(target, HOLDER, preempt(HOLDERS_KEY, HOLDERS_KEY, other))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: other, holder: HOLDER });
    expect(keysOf(target)[HOLDER]).toBe(HOLDERS_KEY);
    expect(told(target, HOLDER)).toEqual([]);
  });

  it("a path with the holder's key takes it over from the holding one, and stays registered", () => {
    const target = reserved(1);
    join(target, THIRD, HOLDERS_KEY);
    expect(out(target, THIRD, preempt(HOLDERS_KEY, HOLDERS_KEY, 1))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 1, holder: THIRD });
    expect(keysOf(target)).toEqual({ [REGISTRANT]: REGISTRANTS_KEY, [THIRD]: HOLDERS_KEY });
  });

  it('to a type that the target does not have: 24/00, nothing is done', () => {
    const target = reserved(1, { types: [1] });
    const command = preempt(REGISTRANTS_KEY, HOLDERS_KEY, 5);
    expect(out(target, REGISTRANT, command)).toEqual(illegal('24/00'));
    expect(keysOf(target)[HOLDER]).toBe(HOLDERS_KEY);
  });

  it('it is one event: who was preempted is refused the next write', () => {
    const target = reserved(5);
    out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 5));
    told(target, HOLDER);
    expect(target.submitWrite(HOLDER, 0, 'x')).toBe(CONFLICT);
  });

  it('PREEMPT alone aborts nothing', () => {
    const target = reserved(1);
    const task = accepted(target, HOLDER);
    out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 1));
    expect(target.completeWrite(task.id)).toBe(true);
  });
});

describe('SPC-4 §5.13.11.2.5 removing registrations', () => {
  it('who lost it is told 2A/05', () => {
    const target = registered();
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 1))).toBe('good');
    expect(told(target, HOLDER)).toEqual(['2a/05']);
    expect(target.inspect().reservation).toBeNull();
  });

  it('the type is ignored, also one that the target does not have', () => {
    const target = reserved(1, { types: [1] });
    join(target, THIRD, THIRDS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, THIRDS_KEY, 5))).toBe('good');
    expect(target.inspect().reservation).toEqual({ type: 1, holder: HOLDER });
  });

  it('a key that nobody has: a conflict', () => {
    const target = reserved(1);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, 0x9n, 1))).toBe(CONFLICT);
  });

  it('the own key, not holding: the own registration is removed, and nobody tells', () => {
    const target = reserved(1);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, REGISTRANTS_KEY, 1))).toBe('good');
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY });
    expect(told(target, REGISTRANT)).toEqual([]);
  });

  it('the own key where nothing is reserved: all nexuses with it, and the own one', () => {
    const target = registered();
    join(target, THIRD, REGISTRANTS_KEY);
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, REGISTRANTS_KEY, 1))).toBe('good');
    expect(keysOf(target)).toEqual({ [HOLDER]: HOLDERS_KEY });
    expect(told(target, THIRD)).toEqual(['2a/05']);
  });

  it.each(ALL_REGISTRANTS)('type %i: the own key of the last one releases it', (type) => {
    const target = reserved(type);
    out(target, HOLDER, register(HOLDERS_KEY, 0n));
    expect(out(target, REGISTRANT, preempt(REGISTRANTS_KEY, REGISTRANTS_KEY, type))).toBe('good');
    expect(target.inspect()).toMatchObject({ reservation: null, registrations: new Map() });
  });
});

describe('SPC-4 §5.13.11.2.6 preempting and aborting', () => {
  it('ends the commands of who is preempted', () => {
    const target = reserved(1);
    const task = accepted(target, HOLDER);
    expect(out(target, REGISTRANT, preemptAndAbort(REGISTRANTS_KEY, HOLDERS_KEY, 1))).toBe('good');
    expect(target.completeWrite(task.id)).toBe(false);
    expect(target.inspect().reservation).toEqual({ type: 1, holder: REGISTRANT });
  });

  it('on every nexus with the key, holding or not', () => {
    const target = reserved(5);
    join(target, THIRD, HOLDERS_KEY);
    const tasks = [accepted(target, HOLDER), accepted(target, THIRD)];
    out(target, REGISTRANT, preemptAndAbort(REGISTRANTS_KEY, HOLDERS_KEY, 5));
    expect(tasks.map(({ id }) => target.completeWrite(id))).toEqual([false, false]);
  });

  it('leaves the commands of others alone', () => {
    const target = reserved(5);
    join(target, THIRD, THIRDS_KEY);
    const tasks = [accepted(target, REGISTRANT), accepted(target, THIRD)];
    out(target, REGISTRANT, preemptAndAbort(REGISTRANTS_KEY, HOLDERS_KEY, 5));
    expect(tasks.map(({ id }) => target.completeWrite(id))).toEqual([true, true]);
  });

  it('of a mere registration ends its commands too', () => {
    const target = reserved(5);
    const task = accepted(target, REGISTRANT);
    expect(out(target, HOLDER, preemptAndAbort(HOLDERS_KEY, REGISTRANTS_KEY, 5))).toBe('good');
    expect(target.completeWrite(task.id)).toBe(false);
  });

  it.each(ALL_REGISTRANTS)('type %i, key 0: of all registrants, the own ones as well', (type) => {
    const target = reserved(type);
    const tasks = [accepted(target, HOLDER), accepted(target, REGISTRANT)];
    expect(out(target, REGISTRANT, preemptAndAbort(REGISTRANTS_KEY, 0n, type))).toBe('good');
    expect(tasks.map(({ id }) => target.completeWrite(id))).toEqual([false, false]);
  });

  it('that conflicts ends nothing', () => {
    const target = reserved(1);
    const task = accepted(target, HOLDER);
    expect(out(target, REGISTRANT, preemptAndAbort(REGISTRANTS_KEY, 0x9n, 1))).toBe(CONFLICT);
    expect(out(target, STRANGER, preemptAndAbort(0x9n, HOLDERS_KEY, 1))).toBe(CONFLICT);
    expect(target.completeWrite(task.id)).toBe(true);
  });

  it('§6.16.2 is optional: 24/00 where the target does not have it, and nothing is done', () => {
    const target = reserved(1, { abort: false });
    const command = preemptAndAbort(REGISTRANTS_KEY, HOLDERS_KEY, 1);
    expect(out(target, REGISTRANT, command)).toEqual(illegal('24/00'));
    expect(keysOf(target)[HOLDER]).toBe(HOLDERS_KEY);
  });
});

describe('SPC-4 §5.13.11.2.7 clearing', () => {
  it.each(TYPES)('type %i: reservation and registrations are gone', (type) => {
    const target = reserved(type);
    expect(out(target, REGISTRANT, clear(REGISTRANTS_KEY))).toBe('good');
    expect(target.inspect()).toMatchObject({ reservation: null, registrations: new Map() });
  });

  it('the other registrants are told 2A/03, who sent it and strangers are not', () => {
    const target = reserved(1);
    out(target, REGISTRANT, clear(REGISTRANTS_KEY));
    const all = [HOLDER, REGISTRANT, STRANGER].map((nexus) => told(target, nexus));
    expect(all).toEqual([['2a/03'], [], []]);
  });

  it('what was accepted goes on', () => {
    const target = reserved(1);
    const task = accepted(target, HOLDER);
    out(target, REGISTRANT, clear(REGISTRANTS_KEY));
    expect(target.completeWrite(task.id)).toBe(true);
  });

  it('with a key that is not its own: a conflict', () => {
    const target = reserved(1);
    expect(out(target, REGISTRANT, clear(HOLDERS_KEY))).toBe(CONFLICT);
    expect(target.inspect().reservation).not.toBeNull();
  });
});
