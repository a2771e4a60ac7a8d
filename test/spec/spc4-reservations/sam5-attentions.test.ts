/**
 * SAM-5 §5.14 (unit attentions), §6.3 (conditions from resets and power on), §7.7 (LOGICAL UNIT
 * RESET); SBC-3 §4.15 (volatile cache): what surrounds reservations.
 */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGET } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import {
  accepted,
  blank,
  CONFLICT,
  clear,
  HOLDER,
  HOLDERS_KEY,
  illegal,
  keysOf,
  out,
  preempt,
  REGISTRANT,
  REGISTRANTS_KEY,
  register,
  release,
  reserved,
  STRANGER,
  TYPES,
  told,
} from './bench.ts';

const ATTENTION = { check: 'unit-attention', code: '29/00' };
const fresh = () => new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1' });

describe('SAM-5 unit attentions', () => {
  it.each([
    ['TEST UNIT READY', (target: EmulatedTarget) => target.testUnitReady(HOLDER)],
    ['READ', (target: EmulatedTarget) => target.read(HOLDER, 0)],
    ['WRITE', (target: EmulatedTarget) => target.submitWrite(HOLDER, 0, 'x')],
    ['SYNCHRONIZE CACHE', (target: EmulatedTarget) => target.synchronizeCache(HOLDER)],
    ['READ KEYS', (target: EmulatedTarget) => target.readKeys(HOLDER)],
    ['READ RESERVATION', (target: EmulatedTarget) => target.readReservation(HOLDER)],
    ['REGISTER', (target: EmulatedTarget) => target.reserveOut(HOLDER, register(0n, 1n))],
  ] as const)('%s is not executed: it brings the attention instead, once', (_, command) => {
    const target = fresh();
    expect(command(target)).toEqual(ATTENTION);
    expect(target.inspect()).toMatchObject({ registrations: new Map(), tasks: [] });
    expect(command(target)).not.toEqual(ATTENTION);
  });

  it('each nexus has its own', () => {
    const target = fresh();
    expect(told(target, HOLDER)).toEqual(['29/00']);
    expect(told(target, REGISTRANT)).toEqual(['29/00']);
  });

  it('comes before a reservation conflict', () => {
    const target = reserved(1);
    target.logicalUnitReset(HOLDER);
    expect(target.submitWrite(STRANGER, 0, 'x')).toMatchObject({ check: 'unit-attention' });
    expect(target.submitWrite(STRANGER, 0, 'x')).toBe(CONFLICT);
  });

  it('several wait in the order in which they came, each once', () => {
    const target = reserved(5);
    target.logicalUnitReset(STRANGER);
    out(target, HOLDER, release(HOLDERS_KEY, 5));
    target.logicalUnitReset(STRANGER);
    expect(told(target, REGISTRANT)).toEqual(['29/03', '2a/04']);
  });

  it('a nexus that was preempted is no registrant any more that a CLEAR would tell', () => {
    const target = reserved(1);
    out(target, REGISTRANT, preempt(REGISTRANTS_KEY, HOLDERS_KEY, 1));
    out(target, REGISTRANT, clear(REGISTRANTS_KEY));
    expect(told(target, HOLDER)).toEqual(['2a/05']);
  });
});

describe('SAM-5 §7.7 LOGICAL UNIT RESET', () => {
  it('ends the commands of every nexus', () => {
    const target = blank();
    const tasks = [HOLDER, REGISTRANT, STRANGER].map((nexus) => accepted(target, nexus));
    expect(target.logicalUnitReset(STRANGER)).toBe('good');
    expect(tasks.map(({ id }) => target.completeWrite(id))).toEqual([false, false, false]);
  });

  it('every nexus is told 29/03, who sent it as well', () => {
    const target = blank();
    target.logicalUnitReset(STRANGER);
    const all = [HOLDER, REGISTRANT, STRANGER].map((nexus) => told(target, nexus));
    expect(all).toEqual([['29/03'], ['29/03'], ['29/03']]);
  });

  it.each(TYPES)('type %i: no reservation forbids it, and it reads no attention', (type) => {
    const target = reserved(type);
    target.logicalUnitReset(HOLDER);
    expect(target.logicalUnitReset(STRANGER)).toBe('good');
    expect(told(target, STRANGER)).toEqual(['29/03']);
  });

  it('is refused by a target that does not have it, and ends nothing', () => {
    const target = blank({ reset: false });
    const task = accepted(target, HOLDER);
    expect(target.logicalUnitReset(STRANGER)).toEqual(illegal('20/00'));
    expect(target.completeWrite(task.id)).toBe(true);
  });

  it('what was completed before is not lost', () => {
    const target = blank();
    target.completeWrite(accepted(target, HOLDER, 'done').id);
    target.logicalUnitReset(STRANGER);
    told(target, HOLDER);
    expect(target.read(HOLDER, 0)).toEqual({ data: 'done' });
  });
});

describe('SAM-5 power on, SBC-3 §4.15 volatile cache', () => {
  it('a power on is told to every nexus, 29/00, and nothing older', () => {
    const target = reserved(5);
    target.logicalUnitReset(STRANGER);
    target.powerLoss();
    expect(told(target, HOLDER)).toEqual(['29/00']);
    expect(told(target, STRANGER)).toEqual(['29/00']);
  });

  it('commands in flight are gone', () => {
    const target = blank();
    const task = accepted(target, HOLDER);
    target.powerLoss();
    expect(target.completeWrite(task.id)).toBe(false);
  });

  it('what was completed and not synchronized is gone; what was, is there', () => {
    const target = blank();
    target.completeWrite(accepted(target, HOLDER, 'kept').id);
    expect(target.synchronizeCache(HOLDER)).toBe('good');
    target.completeWrite(accepted(target, HOLDER, 'lost').id);
    expect(target.read(HOLDER, 0)).toEqual({ data: 'lost' });
    target.powerLoss();
    told(target, HOLDER);
    expect(target.read(HOLDER, 0)).toEqual({ data: 'kept' });
  });

  it('without a volatile cache nothing is lost', () => {
    const target = blank({ writeCache: false });
    target.completeWrite(accepted(target, HOLDER, 'kept').id);
    target.powerLoss();
    told(target, HOLDER);
    expect(target.read(HOLDER, 0)).toEqual({ data: 'kept' });
  });

  it('SYNCHRONIZE CACHE writes what others wrote, and does not wait for commands in flight', () => {
    const target = blank();
    target.completeWrite(accepted(target, STRANGER, 'another').id);
    accepted(target, STRANGER, 'in flight');
    expect(target.synchronizeCache(HOLDER)).toBe('good');
    target.powerLoss();
    told(target, HOLDER);
    expect(target.read(HOLDER, 0)).toEqual({ data: 'another' });
  });

  it('the loss of a nexus ends its commands, no others, and keeps its key', () => {
    const target = reserved(5);
    const tasks = [accepted(target, HOLDER), accepted(target, REGISTRANT)];
    target.nexusLoss(HOLDER);
    expect(tasks.map(({ id }) => target.completeWrite(id))).toEqual([false, true]);
    expect(keysOf(target)[HOLDER]).toBe(HOLDERS_KEY);
  });
});
