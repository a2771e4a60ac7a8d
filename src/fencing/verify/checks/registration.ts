/**
 * Registration: REGISTER is a compare and swap on the path's own key, all 64 bits of a key come
 * back, PRgeneration counts, and PTPL_A says that it would survive a power loss.
 *
 * Reference: SPC-4 §5.13.7 (registering), §5.13.5 (preserving), §6.15 (PRgeneration).
 */
import { formatKey } from '../../protocol/key.ts';
import {
  ask,
  finding,
  firstDifference,
  generationOn,
  keysOn,
  register,
  reserve,
  type Step,
  sameKeys,
} from '../talk.ts';
import type { Check, Finding, Talk } from '../words.ts';

const CONFLICT = 'reservation-conflict';
const UNFIT = 'two nodes could overwrite each other’s registration: no group may use this disk';

export const REGISTRATION: Check = {
  name: 'registration',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first, other } }) {
    const steps: Step[] = [
      ['REGISTER over a key that is not there', yield* register('first', other, first), CONFLICT],
      ['REGISTER', yield* register('first', 0n, first), 'good'],
      ['REGISTER as if there were none', yield* register('first', 0n, other), CONFLICT],
      ['REGISTER over another key', yield* register('first', other, other), CONFLICT],
      ['REGISTER of the key onto itself', yield* register('first', first, first), 'good'],
      ['REGISTER over the own key', yield* register('first', first, other), 'good'],
    ];
    const there = yield* keysOn('first');
    steps.push(['READ KEYS finds the last key only', sameKeys(there, [other]), true]);
    steps.push(['REGISTER of 0', yield* register('first', other, 0n), 'good']);
    steps.push(['READ KEYS finds none', sameKeys(yield* keysOn('first'), []), true]);
    const wrong = firstDifference(steps);
    return [
      wrong === null
        ? finding('registration', 'works', 'REGISTER compares before it swaps')
        : finding('registration', 'unfit', wrong, UNFIT),
    ];
  },
};

export const KEY_WIDTH: Check = {
  name: 'key width',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    yield* register('first', 0n, first);
    const [back = null] = (yield* keysOn('first')) ?? [];
    if (back === first) return [finding('key width', 'works', 'all 64 bits of a key come back')];
    const seen = `registered ${formatKey(first)}, read ${back === null ? 'none' : formatKey(back)}`;
    return [finding('key width', 'unfit', seen, 'cluster, node and epoch do not fit into a key')];
  },
};

export const GENERATION: Check = {
  name: 'generation',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    const before = yield* generationOn('first');
    yield* register('first', 0n, first);
    const registered = yield* generationOn('first');
    yield* reserve('first', first, 1);
    const reserved = yield* generationOn('first');
    const counts = before !== null && registered === before + 1 && reserved === registered;
    return [
      counts
        ? finding('generation', 'works', 'PRgeneration counts REGISTER and not RESERVE')
        : finding(
            'generation',
            'differs',
            `PRgeneration ${before}, after REGISTER ${registered}, after RESERVE ${reserved}`,
            'nothing: the cluster reads the keys themselves',
          ),
    ];
  },
};

export const APTPL: Check = {
  name: 'power loss (APTPL)',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    const can = yield* aptpl();
    const registered = yield* register('first', 0n, first);
    const does = yield* aptpl();
    const means =
      'after a power loss of the storage a fenced machine could write: refused, ' +
      'unless the group says `volatile-reservations: true`';
    const limited = (seen: string): readonly Finding[] => [
      finding('power loss (APTPL)', 'limited', seen, means),
    ];
    if (can === null || does === null) return limited('REPORT CAPABILITIES is not answered');
    if (!can.aptpl) return limited('PTPL_C is 0: the storage keeps nothing through a power loss');
    if (registered !== 'good') return limited(`REGISTER with APTPL is answered ${registered}`);
    if (!does.aptplActive) return limited('PTPL_A stays 0 after a REGISTER with APTPL');
    return [finding('power loss (APTPL)', 'works', 'PTPL_A is 1 after a REGISTER with APTPL')];
  },
};

function* aptpl(): Talk<{ readonly aptpl: boolean; readonly aptplActive: boolean } | null> {
  const answer = yield* ask('first', { kind: 'capabilities' });
  return answer.kind === 'capabilities' ? answer.capabilities : null;
}
