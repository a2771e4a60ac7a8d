/**
 * Each reservation type: can it be had, is it read back as it is, and does the disk enforce what
 * the standard says of it: who may read, who may write. A refusal where an access is allowed breaks
 * the owner, an access where a refusal is due breaks the data.
 *
 * Reference: SPC-4 §5.13.1 table 65, §5.13.9; SBC-3 §4.17.
 */
import type { ReservationType } from '../../fence-device.ts';
import {
  finding,
  firstDifference,
  holdingOn,
  read,
  register,
  reserve,
  type Step,
  write,
} from '../talk.ts';
import type { Check, CheckContext, Finding, Talk } from '../words.ts';

const NAMES: Readonly<Record<ReservationType, string>> = {
  1: 'Write Exclusive',
  3: 'Exclusive Access',
  5: 'Write Exclusive, Registrants Only',
  6: 'Exclusive Access, Registrants Only',
  7: 'Write Exclusive, All Registrants',
  8: 'Exclusive Access, All Registrants',
};

const REGISTRANTS_MAY: readonly ReservationType[] = [5, 6, 7, 8];
const READS_REFUSED: readonly ReservationType[] = [3, 6, 8];
const ALL_HOLD: readonly ReservationType[] = [7, 8];

export const TYPES: readonly Check[] = ([1, 3, 5, 6, 7, 8] as const).map(typeCheck);

function typeCheck(type: ReservationType): Check {
  const name = `type ${type}`;
  return {
    name,
    needsSecond: false,
    unprovenMeans: '',
    *talk(context) {
      const { first } = context.keys;
      yield* register('first', 0n, first);
      const got = yield* reserve('first', first, type);
      if (got !== 'good') return [lacking(name, type, `RESERVE is answered ${got}`)];
      const found = yield* holdingOn('first');
      const holder = ALL_HOLD.includes(type) ? 0n : first;
      if (found?.type !== type || !(found.holder === holder || found.holder === first)) {
        const seen = `RESERVE was good, READ RESERVATION says type ${found?.type ?? 'none'}`;
        return [lacking(name, type, seen)];
      }
      if (!context.second) return [half(name, type)];
      const wrong = firstDifference(yield* accesses(type, context));
      if (wrong !== null) return [lacking(name, type, wrong)];
      return [finding(name, 'works', `${NAMES[type]}: reserved, and enforced for both`)];
    },
  };
}

/** The second initiator as a stranger, then as a registrant; the first holds. */
function* accesses(type: ReservationType, { keys }: CheckContext): Talk<readonly Step[]> {
  const allowed = (yes: boolean) => (yes ? 'good' : 'reservation-conflict');
  const shared = REGISTRANTS_MAY.includes(type);
  const steps: Step[] = [];
  const mine = yield* read('first');
  const data = mine.data ?? '';
  steps.push(['a read of the holder', mine.refusal ?? 'good', 'good']);
  steps.push(['a write of the holder', yield* write('first', data), 'good']);
  const mayRead = !READS_REFUSED.includes(type);
  const strange = yield* read('second');
  steps.push(['a read of a stranger', strange.refusal ?? 'good', allowed(mayRead)]);
  steps.push(['a write of a stranger', yield* write('second', data), allowed(false)]);
  steps.push(['REGISTER of the second', yield* register('second', 0n, keys.second), 'good']);
  const registered = yield* read('second');
  steps.push(['a read of a registrant', registered.refusal ?? 'good', allowed(mayRead || shared)]);
  steps.push(['a write of a registrant', yield* write('second', data), allowed(shared)]);
  return steps;
}

function half(name: string, type: ReservationType): Finding {
  const seen = `${NAMES[type]}: reserved; who may write was not tried without a second path`;
  return finding(name, 'unproven', seen, 'run it with a second node or path');
}

function lacking(name: string, type: ReservationType, seen: string): Finding {
  switch (type) {
    case 1:
      return finding(
        name,
        'limited',
        seen,
        'only `reservation-type: 5` may be used, if that one works',
      );
    case 5:
      return finding(name, 'limited', seen, 'one path only: groups need `reservation-type: 1`');
    default:
      return finding(name, 'differs', seen, 'nothing: the cluster uses types 1 and 5');
  }
}
