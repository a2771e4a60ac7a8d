/**
 * DESIGN §8: a path that comes back is registered outside the map, the keys are read again, and only then
 * it joins. Every way in which a newer owner's takeover can come in between is tried.
 */
import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGET, type ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute, word } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand, PrReply } from '../../../src/fencing/fence-device.ts';
import { admit, beginAdmission } from '../../../src/fencing/protocol/admission.ts';
import { packKey } from '../../../src/fencing/protocol/key.ts';

const key = (node: number, epoch: number) => packKey({ tag: 7, node, epoch });
const MINE = key(2, 20);
const NEWER = key(1, 21);

function send(target: EmulatedTarget, nexus: string, out: ReserveOut): string {
  while (target.testUnitReady(nexus) !== 'good');
  return word(target.reserveOut(nexus, out));
}

/** We own the disk by path a; path b was logged in anew. */
function owned(): EmulatedTarget {
  const target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1' });
  send(target, 'n2:a', { action: 'register', key: 0n, serviceKey: MINE, aptpl: true });
  send(target, 'n2:a', { action: 'reserve', key: MINE, type: 5 });
  return target;
}

const NEWER_OWNER: readonly ((target: EmulatedTarget) => void)[] = [
  (target) =>
    void send(target, 'n1:a', { action: 'register', key: 0n, serviceKey: NEWER, aptpl: true }),
  (target) =>
    void send(target, 'n1:a', {
      ...{ action: 'preempt-and-abort', key: NEWER, serviceKey: MINE, type: 5 },
    }),
];

function mayWrite(target: EmulatedTarget, nexus: string): boolean {
  while (target.testUnitReady(nexus) !== 'good');
  const task = target.submitWrite(nexus, 1, nexus);
  return typeof task === 'object' && 'id' in task && target.completeWrite(task.id);
}

type Told = { readonly verdict: string; readonly sent: readonly string[] };

/** @param before called before the command of this number, and before the end */
function attempt(
  target: EmulatedTarget,
  before: (step: number) => void = () => {},
  answer: (command: PrCommand) => PrReply = (command) =>
    execute(target, `n2:${command.path}`, command),
): Told {
  const sent: string[] = [];
  const goal = { key: MINE, type: 5, path: 'b', witness: 'a', aptpl: true } as const;
  let next = beginAdmission(goal);
  for (let [command] = next.commands; command !== undefined; [command] = next.commands) {
    before(sent.length);
    sent.push(`${command.kind} ${command.path}`);
    expect(sent.length).toBeLessThan(200);
    next = admit(next.state, answer(command));
  }
  before(sent.length);
  return { verdict: next.state.kind === 'over' ? next.state.verdict.kind : 'unfinished', sent };
}

describe('a path that comes back', () => {
  it('is registered, and joins when the old path is still ours and nobody is newer', () => {
    const target = owned();
    expect(mayWrite(target, 'n2:b')).toBe(false);
    const { verdict, sent } = attempt(target);
    expect(verdict).toBe('admitted');
    expect(sent.filter((text) => !text.startsWith('test'))).toEqual(
      expect.arrayContaining(['register b', 'read-keys a', 'read-reservation a', 'register a']),
    );
    expect(mayWrite(target, 'n2:b')).toBe(true);
  });

  it('joins when only its link was away, and its registration stayed', () => {
    const target = owned();
    send(target, 'n2:b', { action: 'register', key: 0n, serviceKey: MINE, aptpl: true });
    expect(attempt(target).verdict).toBe('admitted');
  });

  it('does not join with another key on it, and that key stays', () => {
    const target = owned();
    send(target, 'n2:b', { action: 'register', key: 0n, serviceKey: 0xa1n, aptpl: true });
    expect(attempt(target).verdict).toBe('refused');
    expect(target.inspect().registrations.get('n2:b')).toBe(0xa1n);
  });

  it('does not join when the old path is not registered any more', () => {
    const target = owned();
    send(target, 'n2:c', { action: 'register', key: 0n, serviceKey: MINE, aptpl: true });
    send(target, 'n2:a', { action: 'register', key: MINE, serviceKey: 0n, aptpl: true });
    send(target, 'n2:c', { action: 'reserve', key: MINE, type: 5 });
    expect(attempt(target).verdict).toBe('refused');
    expect(target.inspect().registrations.has('n2:b')).toBe(false);
  });

  it('does not join when an answer is missing, and does not wait for ever', () => {
    const target = owned();
    const lost = attempt(target, undefined, (command) =>
      command.kind === 'read-keys'
        ? { kind: 'timeout', path: command.path }
        : execute(target, `n2:${command.path}`, command),
    );
    expect(lost.verdict).toBe('refused');
    expect(target.inspect().registrations.has('n2:b')).toBe(false);
    const endless = attempt(owned(), undefined, ({ path }) => ({ kind: 'busy', path }));
    expect(endless.verdict).toBe('refused');
  });
});

/** A newer owner registers before command `first`, and preempts before command `second`. */
function* interleavings(): Generator<readonly [number, number]> {
  const longest = 12;
  for (let first = 0; first <= longest; first += 1) {
    for (let second = first; second <= longest; second += 1) yield [first, second];
  }
}

function against([first, second]: readonly [number, number]): Told & { target: EmulatedTarget } {
  const target = owned();
  const told = attempt(target, (step) => {
    if (step === first) NEWER_OWNER[0]?.(target);
    if (step === second) NEWER_OWNER[1]?.(target);
  });
  return { ...told, target };
}

describe('a newer owner takes the disk meanwhile', () => {
  it('at any moment: a path that joined cannot write once the preemption is through', () => {
    const verdicts = new Set<string>();
    for (const when of interleavings()) {
      const { verdict, sent, target } = against(when);
      verdicts.add(verdict);
      const preempted = when[1] <= sent.length;
      const name = `registers before ${when[0]}, preempts before ${when[1]}: ${sent.join(', ')}`;
      if (preempted && verdict === 'admitted') expect(mayWrite(target, 'n2:b'), name).toBe(false);
      if (preempted && verdict === 'refused') {
        expect(target.inspect().registrations.has('n2:b'), name).toBe(false);
      }
    }
    expect([...verdicts].toSorted()).toEqual(['admitted', 'refused']);
  });

  it('a path that joins as soon as it is registered could write (negative control)', () => {
    const target = owned();
    for (const step of NEWER_OWNER) step(target);
    const { commands } = beginAdmission({
      ...{ key: MINE, type: 5, path: 'b', witness: 'a', aptpl: true },
    });
    for (const command of commands) {
      while (execute(target, 'n2:b', command).kind === 'unit-attention');
    }
    expect(mayWrite(target, 'n2:b')).toBe(true);
  });
});
