/** DESIGN §8, Defence: what the owner learns from its disk, and the little that it does. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGET, type ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand, PrReply } from '../../../src/fencing/fence-device.ts';
import {
  beginDefence,
  type DefenceVerdict,
  defend,
} from '../../../src/fencing/protocol/defence.ts';
import { packKey } from '../../../src/fencing/protocol/key.ts';

const key = (node: number, epoch: number) => packKey({ tag: 7, node, epoch });
const MINE = key(2, 20);

function registered(nexus: string, ours: bigint, target: EmulatedTarget): void {
  send(target, nexus, { action: 'register', key: 0n, serviceKey: ours, aptpl: true });
}

function send(target: EmulatedTarget, nexus: string, out: ReserveOut): void {
  while (target.testUnitReady(nexus) !== 'good');
  expect(target.reserveOut(nexus, out)).toBe('good');
}

function owned(): EmulatedTarget {
  const target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1' });
  registered('n2:a', MINE, target);
  registered('n2:b', MINE, target);
  send(target, 'n2:a', { action: 'reserve', key: MINE, type: 5 });
  return target;
}

function look(
  target: EmulatedTarget,
  answer: (command: PrCommand) => PrReply = (command) =>
    execute(target, `n2:${command.path}`, command),
): { verdict: DefenceVerdict | null; sent: string[] } {
  const sent: string[] = [];
  let next = beginDefence({ key: MINE, type: 5, paths: ['a', 'b'], aptpl: true });
  for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
    sent.push(command.kind);
    expect(sent.length).toBeLessThan(200);
    next = defend(next.state, answer(command));
  }
  return { verdict: next.state.kind === 'over' ? next.state.verdict : null, sent };
}

describe('the owner looks at its disk', () => {
  it('and it is still its own, on both paths', () => {
    const { verdict, sent } = look(owned());
    expect(verdict).toEqual({ kind: 'mine', silent: [], strangers: [], preempted: [] });
    expect(sent.filter((kind) => kind === 'register')).toHaveLength(2);
  });

  it('and was preempted', () => {
    const target = owned();
    registered('n1:a', key(1, 21), target);
    const out = { action: 'preempt-and-abort', key: key(1, 21), serviceKey: MINE } as const;
    send(target, 'n1:a', { ...out, type: 5 });
    expect(look(target).verdict).toEqual({ kind: 'fenced', by: key(1, 21) });
  });

  it('and a newer owner has registered: it stops before it is preempted', () => {
    const target = owned();
    registered('n1:a', key(1, 21), target);
    expect(look(target).verdict).toEqual({ kind: 'fenced', by: key(1, 21) });
  });

  it('and nobody reserves it any more (the target forgot)', () => {
    const target = owned();
    send(target, 'n2:a', { action: 'clear', key: MINE });
    expect(look(target).verdict).toEqual({ kind: 'fenced', by: null });
  });

  it('and an older key has come late: it is preempted, nothing else', () => {
    const target = owned();
    registered('n1:a', key(1, 19), target);
    expect(look(target).verdict).toMatchObject({ kind: 'mine', preempted: [key(1, 19)] });
    expect([...target.inspect().registrations.values()]).toEqual([MINE, MINE]);
  });

  it('and a stranger has registered: it tells, and leaves the stranger alone', () => {
    const target = owned();
    registered('x:a', 0xa1n, target);
    expect(look(target).verdict).toMatchObject({ kind: 'mine', strangers: [0xa1n] });
    expect(target.inspect().registrations.get('x:a')).toBe(0xa1n);
  });

  it('and one path lost its registration: it does not register again', () => {
    const target = owned();
    send(target, 'n2:b', { action: 'register', key: MINE, serviceKey: 0n, aptpl: true });
    expect(look(target).verdict).toEqual({ kind: 'registration-lost', path: 'b' });
    expect([...target.inspect().registrations.keys()]).toEqual(['n2:a']);
  });

  it('and one path is silent, or all are', () => {
    const target = owned();
    const on = (command: PrCommand) => execute(target, `n2:${command.path}`, command);
    const half = look(target, (command) =>
      command.path === 'a' ? { kind: 'timeout', path: 'a' } : on(command),
    );
    expect(half.verdict).toMatchObject({ kind: 'mine', silent: ['a'] });
    const none = look(target, ({ path }) => ({ kind: 'path-lost', path }));
    expect(none.verdict).toEqual({ kind: 'unreachable' });
    const endless = look(target, ({ path }) => ({ kind: 'unit-attention', path }));
    expect(endless.verdict).toEqual({ kind: 'unreachable' });
  });
});
