/** Which one change of Raft's configuration comes next, told as situations. */
import { describe, expect, test } from 'vitest';
import type { MemberRole } from '../../src/cluster/command.ts';
import type { ClusterState } from '../../src/cluster/state.ts';
import { canSetRole } from '../../src/failover/change-role.ts';
import { type ElectorateInput, electorate } from '../../src/failover/electorate.ts';
import { applyAll, founded, member, serving } from '../cluster/a-cluster.ts';

/** Members by their roles, n1 first. */
function members(...roles: readonly MemberRole[]): ClusterState {
  const invited = roles.slice(3).reduce((state, _role, i) => {
    const peerId = `key-${i}`;
    return applyAll(
      state,
      { kind: 'invite', peerId, node: null, role: 'voter', expiresAtMs: 1, by: 'op' },
      { kind: 'admit-member', member: member(i + 4), invitation: peerId },
    );
  }, founded);
  return roles.reduce(
    (state, role, i) => applyAll(state, { kind: 'set-role', node: `n${i + 1}`, role, by: 'op' }),
    invited,
  );
}

type Situation = Partial<Omit<ElectorateInput, 'alive' | 'caughtUp' | 'fitToLead'>> & {
  readonly voters?: readonly string[];
  readonly learners?: readonly string[];
  readonly dead?: readonly string[];
  readonly behind?: readonly string[];
  readonly unfitToLead?: readonly string[];
};

function ask(state: ClusterState, situation: Situation = {}): readonly string[] {
  const { voters = ['n1', 'n2', 'n3'], learners = [], dead = [], behind = [], ...rest } = situation;
  const { unfitToLead = [], ...input } = rest;
  const living = [...voters, ...learners].filter((node) => !dead.includes(node));
  const { step, proposals, waiting } = electorate({
    state,
    self: 'n1',
    configuration: { voters, outgoing: [], learners },
    settled: true,
    transferring: false,
    alive: new Set(living),
    caughtUp: new Set(learners.filter((node) => !behind.includes(node))),
    fitToLead: new Set(
      voters.filter(
        (node) => node !== 'n1' && living.includes(node) && !unfitToLead.includes(node),
      ),
    ),
    failedTransfers: 0,
    inFlight: new Set(),
    ...input,
  });
  const words =
    step.kind === 'change'
      ? [
          `voters ${step.target.voters.join(' ')}; learners ${step.target.learners.join(' ')}`.trim(),
        ]
      : step.kind === 'transfer'
        ? [`transfer to ${step.to}`]
        : [];
  return [
    ...words,
    ...proposals.map(({ key }) => key),
    ...waiting.map(({ node, code }) => `${node} waits: ${code}`),
  ];
}

describe('nothing is done', () => {
  test('when the configuration is what is wanted', () => {
    expect(ask(founded)).toEqual([]);
    expect(
      ask(members('voter', 'voter', 'learner'), { voters: ['n1', 'n2'], learners: ['n3'] }),
    ).toEqual([]);
  });

  test('about founders who vote and are not written down yet', () => {
    const { n1 } = founded.members;
    if (n1 === undefined) throw new Error('n1 is a founder');
    const young = { ...founded, members: { n1 }, usedNames: ['n1'] };
    expect(ask(young)).toEqual([]);
  });

  test('while another change, or a transfer, is under way', () => {
    const state = members('voter', 'voter', 'learner', 'voter');
    expect(ask(state, { settled: false })).toEqual([]);
    expect(ask(state, { transferring: true })).toEqual([]);
  });
});

describe('a newcomer', () => {
  test('becomes a learner, whatever it is to become, together with others', () => {
    const state = members('voter', 'voter', 'voter', 'voter', 'learner');
    expect(ask(state)).toEqual(['voters n1 n2 n3; learners n4 n5']);
  });

  test('votes when it has caught up', () => {
    const state = members('voter', 'voter', 'voter', 'voter');
    expect(ask(state, { learners: ['n4'], behind: ['n4'] })).toEqual(['n4 waits: CATCHING_UP']);
    expect(ask(state, { learners: ['n4'] })).toEqual(['voters n1 n2 n3 n4; learners']);
  });

  test('does not vote while it is dead, whatever it had', () => {
    const state = members('voter', 'voter', 'voter', 'voter');
    const situation = { learners: ['n4'], dead: ['n4'] };
    expect(ask(state, situation)).toEqual(['n4 waits: CATCHING_UP']);
  });

  test('votes one at a time', () => {
    const state = members('voter', 'voter', 'voter', 'voter', 'voter');
    const learners = ['n4', 'n5'];
    expect(ask(state, { learners })).toEqual(['voters n1 n2 n3 n4; learners n5']);
  });

  test('that leaves again before it was in the configuration is struck off', () => {
    expect(ask(members('voter', 'voter', 'voter', 'leaving'))).toEqual(['remove:n4']);
  });
});

describe('a member that goes', () => {
  test('is demoted in one change', () => {
    expect(ask(members('voter', 'voter', 'learner'))).toEqual(['voters n1 n2; learners n3']);
  });

  test('leaves the configuration first and the list of members afterwards', () => {
    const state = members('voter', 'voter', 'leaving');
    expect(ask(state)).toEqual(['voters n1 n2; learners']);
    expect(ask(state, { voters: ['n1', 'n2'] })).toEqual(['remove:n3']);
    expect(ask(state, { voters: ['n1', 'n2'], inFlight: new Set(['remove:n3']) })).toEqual([]);
    expect(ask(state, { voters: ['n1', 'n2'], settled: false })).toEqual([]);
  });

  test('stays while a group counts on it', () => {
    const holding = applyAll(serving, {
      kind: 'set-role',
      node: 'n1',
      role: 'leaving',
      by: 'op',
    });
    expect(ask(holding, { self: 'n2' })).toEqual(['n1 waits: MEMBER_IN_USE']);
    expect(ask(holding, { self: 'n2', voters: ['n2', 'n3'] })).toEqual(['n1 waits: MEMBER_IN_USE']);
  });

  test('as a learner goes in a simple step', () => {
    const state = members('voter', 'voter', 'voter', 'leaving');
    expect(ask(state, { learners: ['n4'] })).toEqual(['voters n1 n2 n3; learners']);
  });

  test('and is dead goes before one that lives', () => {
    const state = members('voter', 'leaving', 'leaving', 'voter', 'voter');
    const voters = ['n1', 'n2', 'n3', 'n4', 'n5'];
    expect(ask(state, { voters, dead: ['n3'] })).toEqual(['voters n1 n2 n4 n5; learners']);
  });

  test('a node that was removed behind our back goes out of the configuration', () => {
    const gone = applyAll(
      founded,
      { kind: 'set-role', node: 'n3', role: 'leaving', by: 'op' },
      { kind: 'remove-member', node: 'n3' },
    );
    expect(ask(gone)).toEqual(['voters n1 n2; learners']);
  });
});

describe('a majority must be left', () => {
  test('a living voter does not go while the others would not be enough', () => {
    const state = members('voter', 'voter', 'learner');
    expect(ask(state, { dead: ['n2'] })).toEqual(['n3 waits: WOULD_LOSE_QUORUM']);
  });

  test('a dead voter goes: that makes the rest safer', () => {
    expect(ask(members('voter', 'voter', 'leaving'), { dead: ['n3'] })).toEqual([
      'voters n1 n2; learners',
    ]);
  });

  test('what is safe is done first, and what is not waits', () => {
    const state = members('voter', 'voter', 'learner', 'voter', 'voter');
    const situation = { voters: ['n1', 'n2', 'n3', 'n4'], learners: ['n5'], dead: ['n2', 'n4'] };
    expect(ask(state, situation)).toEqual([
      'voters n1 n2 n3 n4 n5; learners',
      'n3 waits: WOULD_LOSE_QUORUM',
    ]);
  });
});

describe('a leader that goes', () => {
  const state = members('leaving', 'voter', 'voter');

  test('hands leadership over first', () => {
    expect(ask(state)).toEqual(['transfer to n2']);
    expect(ask(state, { unfitToLead: ['n2'] })).toEqual(['transfer to n3']);
    expect(ask(members('learner', 'voter', 'voter'))).toEqual(['transfer to n2']);
  });

  test('goes by itself where nobody is fit, or all attempts have failed', () => {
    expect(ask(state, { unfitToLead: ['n2', 'n3'] })).toEqual(['voters n2 n3; learners']);
    expect(ask(state, { failedTransfers: 3 })).toEqual(['voters n2 n3; learners']);
  });

  test('goes last', () => {
    expect(ask(members('leaving', 'leaving', 'voter'))).toEqual(['voters n1 n3; learners']);
  });
});

describe('what an operator is told beforehand', () => {
  const alive = (...nodes: readonly string[]): ReadonlySet<string> => new Set(nodes);

  test('a majority of the voters that would be left is heard, or the wish is refused', () => {
    expect(canSetRole(founded, alive('n1', 'n2'), 'n3', 'leaving').ok).toBe(true);
    expect(canSetRole(founded, alive('n1', 'n3'), 'n3', 'leaving')).toMatchObject({
      error: {
        code: 'WOULD_LOSE_QUORUM',
        detail: '1 of the 2 voters that would be left are heard: n1',
      },
    });
  });

  test('wishes that are not followed yet count too', () => {
    const state = members('voter', 'voter', 'voter', 'voter', 'leaving');
    const heard = alive('n1', 'n2', 'n4', 'n5');
    expect(canSetRole(state, heard, 'n4', 'leaving').ok).toBe(true);
    expect(
      canSetRole(members('voter', 'leaving', 'voter', 'voter'), heard, 'n4', 'leaving').ok,
    ).toBe(false);
  });

  test('a promotion of a node that is not heard may be one too many', () => {
    const state = members('voter', 'voter', 'learner');
    expect(canSetRole(state, alive('n1', 'n2'), 'n3', 'voter').ok).toBe(true);
    expect(canSetRole(state, alive('n1'), 'n3', 'voter')).toMatchObject({ ok: false });
  });

  test('nobody is left, or nobody is meant', () => {
    const one = members('voter', 'learner', 'learner');
    expect(canSetRole(one, alive('n1'), 'n1', 'learner')).toMatchObject({
      error: { code: 'LAST_VOTER' },
    });
    expect(canSetRole(one, alive('n1'), 'n9', 'voter')).toMatchObject({
      error: { code: 'UNKNOWN_NODE' },
    });
  });
});
