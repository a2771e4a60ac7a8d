/**
 * DESIGN §8 steps 3 and 5: whoever holds the reservation is judged like every other key, since it
 * may have come between READ KEYS and READ RESERVATION; a reservation that was gone for a while asks
 * for a reset. Found by `../exploration`.
 */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGET, type ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../../src/fencing/devices/emulated/verbs.ts';
import { packKey } from '../../../src/fencing/protocol/key.ts';
import { begin, step } from '../../../src/fencing/protocol/takeover.ts';
import type { TakeoverGoal, TakeoverState } from '../../../src/fencing/protocol/takeover-state.ts';

const key = (node: number, epoch: number) => packKey({ tag: 7, node, epoch });
const GOAL: TakeoverGoal = {
  key: key(2, 20),
  type: 1,
  paths: ['a'],
  predecessorFenced: true,
  lastEpoch: 30,
  aptpl: true,
  acceptLateWrites: false,
  omit: [],
};

function disk(): EmulatedTarget {
  const target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1' });
  // Greeted already, so that no command is counted twice.
  target.testUnitReady('n2:a');
  return target;
}

function given(target: EmulatedTarget, nexus: string, ...outs: readonly ReserveOut[]): void {
  for (const out of outs) {
    while (target.testUnitReady(nexus) !== 'good');
    expect(target.reserveOut(nexus, out)).toBe('good');
  }
}

function owns(target: EmulatedTarget, nexus: string, mine: bigint): void {
  given(
    target,
    nexus,
    { action: 'register', key: 0n, serviceKey: mine, aptpl: true },
    { action: 'reserve', key: mine, type: 1 },
  );
}

/** `before` happens once, just before the `nth` command of the kind. */
function run(
  target: EmulatedTarget,
  goal: TakeoverGoal,
  kind: string,
  nth: number,
  before: () => void,
): TakeoverState {
  let count = 0;
  let next = begin(goal);
  for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
    if (command.kind === kind) count += 1;
    if (command.kind === kind && count === nth) before();
    next = step(next.state, {
      kind: 'reply',
      reply: execute(target, `n2:${command.path}`, command),
    });
    expect(count).toBeLessThan(100);
  }
  return next.state;
}

describe('between READ KEYS and READ RESERVATION', () => {
  it.each([1, 2])('look %i: a newer owner came: it is not preempted', (look) => {
    const target = disk();
    const end = run(target, GOAL, 'read-reservation', look, () => owns(target, 'n3:a', key(3, 21)));
    expect(end).toEqual({ kind: 'failed', code: 'TAKEOVER_SUPERSEDED', by: key(3, 21) });
    expect(target.inspect().reservation).toEqual({ type: 1, holder: 'n3:a' });
  });

  it.each([1, 2])('look %i: a stranger came: nothing is stolen', (look) => {
    const target = disk();
    const end = run(target, GOAL, 'read-reservation', look, () => owns(target, 'x:a', 0xa1n));
    expect(end).toEqual({ kind: 'failed', code: 'FOREIGN_RESERVATION', by: 0xa1n });
    expect(target.inspect().reservation).toEqual({ type: 1, holder: 'x:a' });
  });

  it('an owner that the cluster never heard of came', () => {
    const target = disk();
    const end = run(target, { ...GOAL, lastEpoch: 20 }, 'read-reservation', 2, () =>
      owns(target, 'n3:a', key(3, 21)),
    );
    expect(end).toEqual({ kind: 'failed', code: 'STATE_ROLLED_BACK', by: key(3, 21) });
  });
});

const clear = (target: EmulatedTarget): void =>
  given(
    target,
    'x:a',
    { action: 'register', key: 0n, serviceKey: 0xa1n, aptpl: true },
    { action: 'clear', key: 0xa1n },
  );

describe('a third hand clears the disk in the middle of a takeover', () => {
  it('after the abort: the old owner writes meanwhile, and the disk is reset', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 10));
    const end = run(target, GOAL, 'read-keys', 3, () => {
      expect(target.inspect().reservation).toEqual({ type: 1, holder: 'n2:a' });
      clear(target);
      while (target.testUnitReady('n1:a') !== 'good');
      expect(target.submitWrite('n1:a', 0, 'late')).toMatchObject({ data: 'late' });
    });
    expect(end).toMatchObject({ kind: 'held', rounds: 2, wasReset: true });
    expect(target.inspect().tasks).toEqual([]);
  });

  it('after a reset, and an older attacker reserves it: it is reset once more', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 10));
    const uncommitted = { ...GOAL, predecessorFenced: false };
    const end = run(target, uncommitted, 'read-keys', 4, () => {
      clear(target);
      while (target.testUnitReady('n1:a') !== 'good');
      expect(target.submitWrite('n1:a', 0, 'late')).toMatchObject({ data: 'late' });
      owns(target, 'n3:a', key(3, 15));
    });
    expect(end).toMatchObject({ kind: 'held', rounds: 2, wasReset: true });
    expect(target.inspect().tasks).toEqual([]);
  });
});

describe('an older attacker that reserved a cleared disk', () => {
  it('hides the predecessor: its abort is none of the predecessor, and the disk is reset', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 15));
    target.submitWrite('n1:a', 0, 'late');
    clear(target);
    owns(target, 'n3:a', key(3, 12));
    const end = run(target, { ...GOAL, predecessor: 15 }, 'read-keys', 99, () => {});
    expect(end).toMatchObject({ kind: 'held', wasReset: true });
    expect(target.inspect().tasks).toEqual([]);
  });

  it('a predecessor that is in place is aborted and needs no reset', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 15));
    const end = run(target, { ...GOAL, predecessor: 15 }, 'read-keys', 99, () => {});
    expect(end).toMatchObject({ kind: 'held', wasReset: false });
  });
});

describe('a path logs in anew in the middle of its own takeover', () => {
  it('and holds by the nexus that it was: it takes the reservation over from itself (pain 5: a stale key)', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 10));
    let login = 0;
    let next = begin(GOAL);
    let sent = 0;
    for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
      const reply = execute(target, login === 0 ? 'n2:a' : 'n2:a#1', command);
      next = step(next.state, { kind: 'reply', reply });
      if (command.kind === 'preempt-and-abort' && reply.kind === 'good') login = 1;
      sent += 1;
      expect(sent).toBeLessThan(100);
    }
    expect(next.state).toMatchObject({ kind: 'held' });
    expect(target.inspect().reservation).toEqual({ type: 1, holder: 'n2:a#1' });
    expect([...target.inspect().registrations.keys()]).toEqual(['n2:a#1']);
  });

  it('what it preempts of itself is no abort of its predecessor: reset all the same', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 10));
    target.submitWrite('n1:a', 0, 'late');
    // The attempt before, by another login: the abort of its PREEMPT AND ABORT was cut short.
    given(
      target,
      'n2:a#0',
      { action: 'register', key: 0n, serviceKey: GOAL.key, aptpl: true },
      { action: 'preempt', key: GOAL.key, serviceKey: key(1, 10), type: 1 },
    );
    const end = run(target, GOAL, 'read-keys', 99, () => {});
    expect(end).toMatchObject({ kind: 'held', wasReset: true });
    expect(target.inspect().tasks).toEqual([]);
  });

  it('the same under another type', () => {
    const target = disk();
    owns(target, 'n1:a', key(1, 10));
    target.submitWrite('n1:a', 0, 'late');
    given(
      target,
      'n2:a',
      { action: 'register', key: 0n, serviceKey: GOAL.key, aptpl: true },
      { action: 'preempt', key: GOAL.key, serviceKey: key(1, 10), type: 5 },
    );
    const end = run(target, GOAL, 'read-keys', 99, () => {});
    expect(end).toMatchObject({ kind: 'held', wasReset: true });
    expect(target.inspect().tasks).toEqual([]);
  });
});
