/**
 * SPC-4 §5.13.1 table 65 (commands), table 66 (PERSISTENT RESERVE OUT), SBC-3 §4.17 (commands that
 * read or write the medium).
 */
import { describe, expect, it } from 'vitest';
import type { ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import type { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import type { ReservationType } from '../../../src/fencing/fence-device.ts';
import {
  accepted,
  CONFLICT,
  clear,
  HOLDER,
  HOLDERS_KEY,
  ignore,
  out,
  preempt,
  preemptAndAbort,
  REGISTRANT,
  REGISTRANTS_KEY,
  register,
  release,
  reserve,
  reserved,
  STRANGER,
  TYPES,
} from './bench.ts';

type Nexus = typeof HOLDER;
const NEXUSES: readonly Nexus[] = [HOLDER, REGISTRANT, STRANGER];

/** What medium commands may do: holder, registrant, stranger. */
const MAY_READ: Readonly<Record<ReservationType, string>> = {
  1: 'yes yes yes',
  3: 'yes no no',
  5: 'yes yes yes',
  6: 'yes yes no',
  7: 'yes yes yes',
  8: 'yes yes no',
};
const MAY_WRITE: Readonly<Record<ReservationType, string>> = {
  1: 'yes no no',
  3: 'yes no no',
  5: 'yes yes no',
  6: 'yes yes no',
  7: 'yes yes no',
  8: 'yes yes no',
};

type Case = readonly [string, ReservationType, Nexus, boolean];
type Try = (target: EmulatedTarget, nexus: Nexus) => unknown;

function cases(command: string, table: Readonly<Record<ReservationType, string>>): Case[] {
  return TYPES.flatMap((type) =>
    NEXUSES.map((nexus, at): Case => [command, type, nexus, table[type].split(' ')[at] === 'yes']),
  );
}

const COMMANDS: Readonly<Record<string, Try>> = {
  READ: (target, nexus) => target.read(nexus, 0),
  WRITE: (target, nexus) => target.submitWrite(nexus, 0, 'x'),
  'SYNCHRONIZE CACHE': (target, nexus) => target.synchronizeCache(nexus),
  'TEST UNIT READY': (target, nexus) => target.testUnitReady(nexus),
  'PERSISTENT RESERVE IN, READ KEYS': (target, nexus) => target.readKeys(nexus),
  'PERSISTENT RESERVE IN, READ RESERVATION': (target, nexus) => target.readReservation(nexus),
};
const EVERYBODY = Object.fromEntries(TYPES.map((type) => [type, 'yes yes yes'])) as Record<
  ReservationType,
  string
>;

describe('SPC-4 §5.13.1 table 65, SBC-3 §4.17', () => {
  it.each([
    ...cases('READ', MAY_READ),
    ...cases('WRITE', MAY_WRITE),
    ...cases('SYNCHRONIZE CACHE', MAY_WRITE),
    ...cases('TEST UNIT READY', EVERYBODY),
    ...cases('PERSISTENT RESERVE IN, READ KEYS', EVERYBODY),
    ...cases('PERSISTENT RESERVE IN, READ RESERVATION', EVERYBODY),
  ])('%s under type %i by a %s: allowed is %s', (command, type, nexus, allowed) => {
    const answer = (COMMANDS[command] as Try)(reserved(type), nexus);
    if (allowed) expect(answer).not.toBe(CONFLICT);
    else expect(answer).toBe(CONFLICT);
  });

  it.each(TYPES)('no restriction where nothing is reserved, type %i before', (type) => {
    const target = reserved(type);
    expect(out(target, HOLDER, release(HOLDERS_KEY, type))).toBe('good');
    expect(accepted(target, STRANGER)).toMatchObject({ nexus: STRANGER });
  });
});

const OUTS: readonly (readonly [string, (key: bigint, type: ReservationType) => ReserveOut])[] = [
  ['CLEAR', (key) => clear(key)],
  ['PREEMPT', (key, type) => preempt(key, HOLDERS_KEY, type)],
  ['PREEMPT AND ABORT', (key, type) => preemptAndAbort(key, HOLDERS_KEY, type)],
  ['RELEASE', (key, type) => release(key, type)],
];

describe('SPC-4 §5.13.1 table 66', () => {
  for (const type of [1, 3, 5, 6] as const) {
    it.each(OUTS)(`%s under type ${type}: by a registrant allowed, by others not`, (_, command) => {
      expect(out(reserved(type), REGISTRANT, command(REGISTRANTS_KEY, type))).toBe('good');
      expect(out(reserved(type), STRANGER, command(REGISTRANTS_KEY, type))).toBe(CONFLICT);
      expect(out(reserved(type), STRANGER, command(0n, type))).toBe(CONFLICT);
    });

    it(`RESERVE under type ${type}: by a registrant and by others a conflict`, () => {
      const target = reserved(type);
      expect(out(target, REGISTRANT, reserve(REGISTRANTS_KEY, type))).toBe(CONFLICT);
      expect(out(target, STRANGER, reserve(0x7n, type))).toBe(CONFLICT);
    });
  }

  it.each(TYPES)('REGISTER under type %i: by anybody', (type) => {
    const target = reserved(type);
    expect(out(target, STRANGER, register(0n, 0x7n))).toBe('good');
    expect(out(target, REGISTRANT, register(REGISTRANTS_KEY, 0x8n))).toBe('good');
  });

  it.each(TYPES)('REGISTER AND IGNORE EXISTING KEY under type %i: by anybody', (type) => {
    const target = reserved(type);
    expect(out(target, STRANGER, ignore(0x7n))).toBe('good');
    expect(out(target, REGISTRANT, ignore(0x8n))).toBe('good');
  });
});

describe('SPC-4 §5.13.1, text', () => {
  it('a command that passed the check once is not refused by a later reservation', () => {
    const target = reserved(5);
    const task = accepted(target, REGISTRANT);
    expect(out(target, HOLDER, preempt(HOLDERS_KEY, REGISTRANTS_KEY, 5))).toBe('good');
    expect(target.completeWrite(task.id)).toBe(true);
  });

  it('a reservation outlives the loss of its I_T nexus', () => {
    const target = reserved(1);
    target.nexusLoss(HOLDER);
    expect(target.inspect().reservation).toEqual({ type: 1, holder: HOLDER });
  });

  it('one key may be that of several nexuses, and each nexus has one of its own', () => {
    const target = reserved(1);
    expect(out(target, STRANGER, register(0n, HOLDERS_KEY))).toBe('good');
    expect(target.submitWrite(STRANGER, 0, 'x')).toBe(CONFLICT);
  });
});
