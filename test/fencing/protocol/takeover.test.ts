/** DESIGN §8 steps 1–5, one situation at a time, against the exact target. */
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_TARGET,
  type ReserveOut,
  type TargetOptions,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand, PrReply, ReservationType } from '../../../src/fencing/fence-device.ts';
import { packKey } from '../../../src/fencing/protocol/key.ts';
import { begin, MAX_REPEATS, step } from '../../../src/fencing/protocol/takeover.ts';
import type { TakeoverGoal, TakeoverState } from '../../../src/fencing/protocol/takeover-state.ts';

const TAG = 0x4846;
const key = (node: number, epoch: number) => packKey({ tag: TAG, node, epoch });

const GOAL: TakeoverGoal = {
  key: key(2, 20),
  type: 1,
  paths: ['a'],
  predecessorFenced: true,
  lastEpoch: 20,
  aptpl: true,
  acceptLateWrites: false,
  omit: [],
};

function disk(options: Partial<TargetOptions> = {}): EmulatedTarget {
  return new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1', ...options });
}

/** One command past the unit attentions, as a driver of an earlier owner would have sent it. */
function given(target: EmulatedTarget, nexus: string, ...outs: readonly ReserveOut[]): void {
  for (const out of outs) {
    while (target.testUnitReady(nexus) !== 'good');
    expect(target.reserveOut(nexus, out)).toBe('good');
  }
}

const register = (serviceKey: bigint): ReserveOut => ({
  action: 'register',
  key: 0n,
  serviceKey,
  aptpl: true,
});
const reserve = (mine: bigint, type: ReservationType): ReserveOut => ({
  action: 'reserve',
  key: mine,
  type,
});

type Answering = (command: PrCommand) => PrReply;

function run(goal: TakeoverGoal, answer: Answering): { end: TakeoverState; sent: string[] } {
  const sent: string[] = [];
  let next = begin(goal);
  for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
    sent.push(command.kind);
    expect(sent.length).toBeLessThan(500);
    next = step(next.state, { kind: 'reply', reply: answer(command) });
  }
  return { end: next.state, sent };
}

const on =
  (target: EmulatedTarget, node = 'n2'): Answering =>
  (command) =>
    execute(target, `${node}:${command.path}`, command);

describe('a takeover', () => {
  it('of a disk that nobody ever had: reserves it, and resets since nobody could be aborted', () => {
    const target = disk();
    const { end, sent } = run(GOAL, on(target));
    expect(end).toMatchObject({ kind: 'held', wasReset: true, guaranteed: true, paths: ['a'] });
    expect(sent.filter((kind) => kind === 'reserve')).not.toEqual([]);
    expect(target.inspect().reservation).toEqual({ type: 1, holder: 'n2:a' });
  });

  it('from an owner whose takeover was committed: preempts and aborts, no reset (pain 8: neither node mounts)', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 1));
    target.submitWrite('n1:a', 0, 'late');
    const { end, sent } = run(GOAL, on(target));
    expect(end).toMatchObject({ kind: 'held', wasReset: false });
    expect(sent).toContain('preempt-and-abort');
    expect(sent.at(-1)).toBe('synchronize-cache');
    expect(target.inspect().tasks).toEqual([]);
    expect([...target.inspect().registrations.values()]).toEqual([GOAL.key]);
  });

  it('from an owner whose takeover was not committed: resets as well', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 1));
    const { end } = run({ ...GOAL, predecessorFenced: false }, on(target));
    expect(end).toMatchObject({ kind: 'held', wasReset: true });
  });

  it('by a node that finds its own older key and reservation: swaps the key and resets', () => {
    const target = disk();
    given(target, 'n2:a', register(key(2, 10)), reserve(key(2, 10), 1));
    const { end, sent } = run(GOAL, on(target));
    expect(end).toMatchObject({ kind: 'held', wasReset: true });
    expect(sent).not.toContain('preempt-and-abort');
  });

  it('repeated under the same epoch holds again', () => {
    const target = disk();
    run(GOAL, on(target));
    expect(run(GOAL, on(target)).end).toMatchObject({ kind: 'held', rounds: 1 });
  });

  it('removes every older key, also of those that do not hold', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 5));
    given(target, 'n3:a', register(key(3, 9)));
    given(target, 'n4:a', register(key(4, 8)));
    const { end, sent } = run(GOAL, on(target));
    expect(end).toMatchObject({ kind: 'held', type: 1 });
    expect(sent.filter((kind) => kind === 'preempt-and-abort')).toHaveLength(3);
  });

  it('on two paths registers and verifies both', () => {
    const target = disk();
    const { end } = run({ ...GOAL, type: 5, paths: ['a', 'b'] }, on(target));
    expect(end).toMatchObject({ kind: 'held', paths: ['a', 'b'] });
    expect([...target.inspect().registrations.keys()]).toEqual(['n2:a', 'n2:b']);
  });

  it('goes on without a path that is lost, and does not name it', () => {
    const target = disk();
    const { end } = run({ ...GOAL, type: 5, paths: ['a', 'b'] }, (command) =>
      command.path === 'a' ? { kind: 'path-lost', path: 'a' } : on(target)(command),
    );
    expect(end).toMatchObject({ kind: 'held', paths: ['b'] });
  });

  it('changes the type of its own reservation by preempting itself', () => {
    const target = disk();
    given(target, 'n2:a', register(key(2, 10)), reserve(key(2, 10), 5));
    expect(run(GOAL, on(target)).end).toMatchObject({ kind: 'held', type: 1 });
    expect(target.inspect().reservation?.type).toBe(1);
  });
});

describe('a takeover stops', () => {
  it('before a newer owner', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 21)), reserve(key(1, 21), 1));
    const { end, sent } = run({ ...GOAL, lastEpoch: 21 }, on(target));
    expect(end).toEqual({ kind: 'failed', code: 'TAKEOVER_SUPERSEDED', by: key(1, 21) });
    expect(sent).not.toContain('register');
  });

  it('before a newer owner that registers while it registers', () => {
    const target = disk();
    const { end, sent } = run({ ...GOAL, lastEpoch: 21 }, (command) => {
      const reply = on(target)(command);
      if (command.kind === 'register' && reply.kind === 'good') {
        given(target, 'n1:a', register(key(1, 21)));
      }
      return reply;
    });
    expect(end).toMatchObject({ code: 'TAKEOVER_SUPERSEDED', by: key(1, 21) });
    expect(sent).not.toContain('reserve');
  });

  it('at an epoch that was never committed', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 500)));
    const end = { kind: 'failed', code: 'STATE_ROLLED_BACK', by: key(1, 500) };
    expect(run(GOAL, on(target)).end).toEqual(end);
  });

  it('at a key of a stranger, even one that does not hold', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 1));
    given(target, 'x:a', register(0xa1n));
    const { end } = run(GOAL, on(target));
    expect(end).toEqual({ kind: 'failed', code: 'FOREIGN_RESERVATION', by: 0xa1n });
    expect(target.inspect().registrations.get('x:a')).toBe(0xa1n);
  });

  it('at a reservation that all registrants hold', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 7));
    expect(run(GOAL, on(target)).end).toMatchObject({ code: 'RESERVATION_TYPE_UNSUPPORTED' });
  });

  it('with type 1 on two paths', () => {
    const { end, sent } = run({ ...GOAL, paths: ['a', 'b'] }, on(disk()));
    expect(end).toMatchObject({ code: 'RESERVATION_TYPE_UNSUPPORTED' });
    expect(sent).toEqual([]);
  });

  it('where late writes can neither be aborted nor reset, unless that was accepted', () => {
    const bare = { abort: false, reset: false };
    const { end } = run(GOAL, on(disk(bare)));
    expect(end).toMatchObject({ code: 'LATE_WRITES_POSSIBLE' });
    const accepted = run({ ...GOAL, acceptLateWrites: true }, on(disk(bare))).end;
    expect(accepted).toMatchObject({ kind: 'held', guaranteed: false });
  });

  it('on a target without persistent reservations', () => {
    const { end } = run(GOAL, ({ path }) => ({ kind: 'not-supported', path }));
    expect(end).toMatchObject({ code: 'RESERVATIONS_UNSUPPORTED' });
  });

  it('when its last path is gone', () => {
    const { end } = run(GOAL, ({ path }) => ({ kind: 'path-lost', path }));
    expect(end).toMatchObject({ code: 'DISK_PATHS_LOST' });
  });

  it('after a bounded number of rounds, repeats and timeouts', () => {
    const target = disk();
    const conflicts = run(GOAL, (command) =>
      command.kind === 'reserve'
        ? { kind: 'reservation-conflict', path: command.path }
        : on(target)(command),
    );
    expect(conflicts.end).toMatchObject({ code: 'TAKEOVER_ROUNDS_EXHAUSTED' });

    const attentions = run(GOAL, ({ path }) => ({ kind: 'unit-attention', path }));
    expect(attentions.end).toMatchObject({ code: 'DISK_PATHS_LOST' });
    expect(attentions.sent).toHaveLength(MAX_REPEATS + 1);

    const timeouts = run(GOAL, ({ path }) => ({ kind: 'timeout', path }));
    expect(timeouts.end).toMatchObject({ code: 'TAKEOVER_ROUNDS_EXHAUSTED' });
  });

  it('at the deadline, whatever it waits for', () => {
    const { state } = step(begin(GOAL).state, { kind: 'deadline' });
    expect(state).toMatchObject({ code: 'TAKEOVER_TIMED_OUT' });
  });
});

describe('one lost answer', () => {
  it('of a PREEMPT AND ABORT leaves it open whether the aborts were finished: reset', () => {
    const target = disk();
    given(target, 'n1:a', register(key(1, 10)), reserve(key(1, 10), 1));
    let lost = false;
    const { end } = run(GOAL, (command) => {
      const reply = on(target)(command);
      if (command.kind !== 'preempt-and-abort' || lost) return reply;
      lost = true;
      return { kind: 'timeout', path: command.path };
    });
    expect(end).toMatchObject({ kind: 'held', rounds: 2, wasReset: true });
  });
});
