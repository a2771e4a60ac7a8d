import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cluster/command.ts';
import { canMove } from '../../src/failover/planner.ts';
import { applyAll, founded, serving } from '../cluster/a-cluster.ts';
import { alive, dead, Leader, runs, type Seen } from './a-plan.ts';

const fit = alive({ fit: ['web'] });
const usual = { n1: alive(runs(1)), n2: fit, n3: dead() };

function answer(
  state: typeof serving,
  to: string | null,
  seen: Readonly<Record<string, Seen>> = usual,
) {
  const result = canMove(
    { state, view: new Leader(state, seen).view(), maxFitnessAgeMs: 6_200 },
    'web',
    to,
  );
  return result.ok ? 'yes' : `${result.error.code} ${result.error.detail}`;
}

const maintenance: Command = {
  kind: 'set-mode',
  subject: { kind: 'cluster' },
  mode: 'maintenance',
  by: 'op',
};

describe('may the group be moved', () => {
  test('to a fit node, or anywhere when there is one', () => {
    expect(answer(serving, 'n2')).toBe('yes');
    expect(answer(serving, null)).toBe('yes');
  });

  test('not to itself, to a stranger, or to a node that cannot', () => {
    expect(answer(serving, 'n1')).toBe('ALREADY_OWNER n1 owns web');
    expect(answer(serving, 'n9')).toBe('UNKNOWN_NODE node n9');
    expect(answer(serving, 'n3')).toBe('NODE_NOT_ELIGIBLE n3: not heard');
    const blind = { ...usual, n2: alive({ unfit: { web: 'DISK_MISSING' } }) };
    expect(answer(serving, null, blind)).toBe('NODE_NOT_ELIGIBLE n2: DISK_MISSING; n3: not heard');
  });

  test('not while it is stopped on purpose, or about to be', () => {
    const asleep = applyAll(serving, { ...maintenance, mode: 'standby' });
    expect(answer(asleep, 'n2')).toBe('GROUP_STANDBY web');
  });

  test('not while nobody owns it, while it moves already, or in maintenance', () => {
    expect(answer(founded, 'n2')).toBe('WRONG_PHASE web is unowned');
    const guard = { group: 'web', expectedEpoch: 1 } as const;
    const away: Command = { kind: 'release', ...guard, to: 'n2', reason: 'move', by: 'op' };
    expect(answer(applyAll(serving, away), 'n2')).toBe('WRONG_PHASE web is releasing');
    expect(answer(applyAll(serving, maintenance), 'n2')).toBe('IN_MAINTENANCE web');
    const view = new Leader(serving, usual).view();
    expect(canMove({ state: serving, view, maxFitnessAgeMs: 6_200 }, 'mail', 'n2')).toMatchObject({
      error: { code: 'UNKNOWN_GROUP' },
    });
  });
});
