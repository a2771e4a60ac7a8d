/**
 * Taking a disk: who may reserve, what PREEMPT removes, what PREEMPT AND ABORT takes, and that
 * who was preempted is out: no write, no registration, and told of it.
 *
 * Reference: SPC-4 §5.13.9, §5.13.11.2 (preempting), table 72; SAM-5 §5.8.7 (unit attentions).
 */
import {
  ask,
  finding,
  firstDifference,
  holdingOn,
  keysOn,
  once,
  preempt,
  read,
  register,
  reserve,
  type Step,
  sameKeys,
  settle,
  write,
} from '../talk.ts';
import type { Check } from '../words.ts';

const CONFLICT = 'reservation-conflict';
const UNPROVEN = 'whether a node is kept out by the disk is not known';

export const EXCLUSIVE: Check = {
  name: 'one holder',
  needsSecond: true,
  unprovenMeans: UNPROVEN,
  *talk({ keys }) {
    const steps: Step[] = [
      ['REGISTER of the first', yield* register('first', 0n, keys.first), 'good'],
      ['RESERVE of the first', yield* reserve('first', keys.first, 5), 'good'],
      ['RESERVE of a stranger', yield* reserve('second', keys.second, 5), CONFLICT],
      ['REGISTER of the second', yield* register('second', 0n, keys.second), 'good'],
      ['RESERVE of a registrant', yield* reserve('second', keys.second, 5), CONFLICT],
      ['RESERVE with the key of another', yield* reserve('second', keys.first, 5), CONFLICT],
    ];
    const found = yield* holdingOn('second');
    steps.push(['the holder that the second reads', found?.holder, keys.first]);
    const both = [keys.first, keys.second];
    steps.push(['both keys are read', sameKeys(yield* keysOn('second'), both), true]);
    const wrong = firstDifference(steps);
    const means = 'two nodes could own the disk at once: no group may use it';
    return [
      wrong === null
        ? finding('one holder', 'works', 'only a registrant reserves, and only one')
        : finding('one holder', 'unfit', wrong, means),
    ];
  },
};

/** `PREEMPT` of a registrant that does not hold. */
export const PREEMPT: Check = {
  name: 'PREEMPT',
  needsSecond: true,
  unprovenMeans: UNPROVEN,
  *talk({ keys }) {
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 5);
    yield* register('second', 0n, keys.second);
    const gone = keys.other;
    const plain = { type: 5, abort: false } as const;
    const steps: Step[] = [
      ['of a key that nobody has', yield* preempt('first', keys.first, gone, plain), CONFLICT],
      ['of the registrant', yield* preempt('first', keys.first, keys.second, plain), 'good'],
    ];
    steps.push(['only the own key is left', sameKeys(yield* keysOn('first'), [keys.first]), true]);
    steps.push(['the holder', (yield* holdingOn('first'))?.holder, keys.first]);
    const data = (yield* read('second')).data ?? '';
    steps.push(['a write of the removed', yield* write('second', data), CONFLICT]);
    const wrong = firstDifference(steps);
    const means = 'an older node would keep its registration: no group may use this disk';
    return [
      wrong === null
        ? finding('PREEMPT', 'works', 'removes the key of another, and its right to write')
        : finding('PREEMPT', 'unfit', wrong, means),
    ];
  },
};

export const PREEMPT_AND_ABORT: Check = {
  name: 'PREEMPT AND ABORT',
  needsSecond: true,
  unprovenMeans: UNPROVEN,
  *talk({ keys }) {
    const name = 'PREEMPT AND ABORT';
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    yield* register('second', 0n, keys.second);
    const abort = { type: 1, abort: true } as const;
    const taken = yield* preempt('second', keys.second, keys.first, abort);
    if (taken === 'not-supported') {
      return [
        finding(
          name,
          'limited',
          'the storage does not know it',
          'every takeover needs a LOGICAL UNIT RESET, which disturbs all users of the disk',
        ),
      ];
    }
    const steps: Step[] = [['it', taken, 'good']];
    const left = yield* keysOn('second');
    steps.push(['only the own key is left', sameKeys(left, [keys.second]), true]);
    const found = yield* holdingOn('second');
    steps.push(['the holder', found?.holder, keys.second]);
    steps.push(['its type', found?.type, 1]);
    const data = (yield* read('second')).data ?? '';
    steps.push(['a write of the old holder', yield* write('first', data), CONFLICT]);
    const again = yield* register('first', keys.first, keys.first);
    steps.push(['REGISTER with its old key', again, CONFLICT]);
    steps.push(['RESERVE of the old holder', yield* reserve('first', keys.first, 1), CONFLICT]);
    steps.push(['a write of the new holder', yield* write('second', data), 'good']);
    const wrong = firstDifference(steps);
    const means = 'a disk cannot be taken from a dead owner: no group may use it';
    return [
      wrong === null
        ? finding(name, 'works', 'takes key and reservation; the old holder is out')
        : finding(name, 'unfit', wrong, means),
    ];
  },
};

export const SELF_PREEMPT: Check = {
  name: 'change of type',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    yield* register('first', 0n, first);
    yield* reserve('first', first, 5);
    const own = yield* preempt('first', first, first, { type: 1, abort: true });
    const found = yield* holdingOn('first');
    const there = sameKeys(yield* keysOn('first'), [first]);
    if (own === 'good' && found?.holder === first && found.type === 1 && there) {
      return [finding('change of type', 'works', 'a holder preempts itself to change the type')];
    }
    return [
      finding(
        'change of type',
        'differs',
        `a holder that preempts itself: ${own}, then type ${found?.type ?? 'none'}`,
        'changing `reservation-type` needs `holdfast disk release` with the group stopped',
      ),
    ];
  },
};

export const ATTENTIONS: Check = {
  name: 'unit attentions',
  needsSecond: true,
  unprovenMeans: 'nothing: the cluster reads the disk, it does not wait to be told',
  *talk({ keys }) {
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    yield* register('second', 0n, keys.second);
    yield* settle('first');
    yield* preempt('second', keys.second, keys.first, { type: 1, abort: true });
    const told = yield* once('first', { kind: 'test-unit-ready' });
    const then = yield* ask('first', { kind: 'test-unit-ready' });
    const name = 'unit attentions';
    const means = 'nothing: the cluster reads the disk, it does not wait to be told';
    if (then.kind !== 'good') {
      const seen = `after a preempt the path answers ${then.kind} and goes on doing so`;
      return [finding(name, 'unfit', seen, 'a node that lost the disk can never take it again')];
    }
    if (told.kind !== 'unit-attention') {
      const seen = 'who was preempted is not told';
      return [finding(name, 'differs', seen, means)];
    }
    const code = told.code ?? 'a code that cannot be read here';
    const expected = code === '2a/03' || code === '2a/05';
    return [
      expected
        ? finding(name, 'works', `who was preempted is told once (${code})`)
        : finding(name, 'differs', `who was preempted is told ${code}`, means),
    ];
  },
};
