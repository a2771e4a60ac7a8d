/**
 * What happens on the way: a LOGICAL UNIT RESET and a path that is lost must leave keys and
 * reservation where they are, and an error must come back soon.
 *
 * Reference: SPC-4 §5.13.5; SAM-5 §7.7 (LOGICAL UNIT RESET), §6.3 (I_T nexus loss).
 */
import {
  ask,
  finding,
  firstDifference,
  holdingOn,
  keysOn,
  register,
  reserve,
  type Step,
  sameKeys,
} from '../talk.ts';
import type { Check } from '../words.ts';

export const RESET: Check = {
  name: 'LOGICAL UNIT RESET',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys: { first } }) {
    const name = 'LOGICAL UNIT RESET';
    yield* register('first', 0n, first);
    yield* reserve('first', first, 1);
    const { kind } = yield* ask('first', { kind: 'logical-unit-reset' });
    if (kind !== 'good') {
      const means =
        'after a takeover that was cut short the disk is not taken again ' +
        '(LATE_WRITES_POSSIBLE), unless the group says `accept-late-writes: true`';
      return [finding(name, 'limited', `it is answered ${kind}`, means)];
    }
    const steps: Step[] = [
      ['the key is still there', sameKeys(yield* keysOn('first'), [first]), true],
      ['the holder', (yield* holdingOn('first'))?.holder, first],
    ];
    const wrong = firstDifference(steps);
    return [
      wrong === null
        ? finding(name, 'works', 'keys and reservation stay')
        : finding(name, 'unfit', wrong, 'a reset would let a fenced machine write'),
    ];
  },
};

export const PATH_LOSS: Check = {
  name: 'path loss',
  needsSecond: false,
  unprovenMeans: '',
  *talk({ keys, second }) {
    const name = 'path loss';
    yield* register('first', 0n, keys.first);
    yield* reserve('first', keys.first, 1);
    const cut = yield* ask('first', { kind: 'lose-path' });
    if (cut.kind !== 'good') {
      const seen = 'this path cannot be taken away by a command';
      return [finding(name, 'unproven', seen, 'pull the cable and look at `holdfast status`')];
    }
    const during = yield* ask('first', { kind: 'test-unit-ready' });
    const seenElsewhere = second ? yield* holdingOn('second') : null;
    const back = yield* ask('first', { kind: 'regain-path' });
    const steps: Step[] = [
      ['a command on the lost path', during.kind, 'path-lost'],
      ['the path came back', back.kind, 'good'],
    ];
    if (second) steps.push(['the holder meanwhile', seenElsewhere?.holder, keys.first]);
    steps.push(['the key is still there', sameKeys(yield* keysOn('first'), [keys.first]), true]);
    steps.push(['the holder', (yield* holdingOn('first'))?.holder, keys.first]);
    const own = yield* register('first', keys.first, keys.first);
    steps.push(['the path is still registered', own, 'good']);
    const wrong = firstDifference(steps);
    const means = 'an owner loses its disk with each hiccup of a path, and the group fails over';
    return [
      wrong === null
        ? finding(name, 'works', 'a lost path says so; keys and reservation wait for it')
        : finding(name, 'limited', wrong, means),
    ];
  },
};
