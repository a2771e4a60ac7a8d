import { describe, expect, test } from 'vitest';
import type { Command, MemberRole } from '../../src/cluster/command.ts';
import { type ClusterState, INVITATION_LIMIT, TOMBSTONE_LIMIT } from '../../src/cluster/state.ts';
import { MAX_EPOCH } from '../../src/lib/ids.ts';
import {
  applyAll,
  assign,
  founded,
  group,
  member,
  refusal,
  serving,
  takingOver,
} from './a-cluster.ts';

type Of<K extends Command['kind']> = Extract<Command, { readonly kind: K }>;

const admit = (change: object, invitation: string | null = null): Command => ({
  kind: 'admit-member',
  member: { ...member(4), ...change },
  invitation,
});
const invite = (change: Partial<Of<'invite'>> = {}): Command => ({
  kind: 'invite',
  peerId: 'key-1',
  node: null,
  role: 'learner',
  expiresAtMs: 1_800_000_000_000,
  by: 'op',
  ...change,
});
const role = (node: string, to: MemberRole): Command => ({
  kind: 'set-role',
  node,
  role: to,
  by: 'op',
});
const remove = (node: string): Command => ({ kind: 'remove-member', node });
const recover = (change: Partial<Of<'recover'>> = {}): Command => ({
  kind: 'recover',
  survivors: ['n1'],
  epochJump: 1_000,
  by: 'op',
  ...change,
});
const leave = (state: ClusterState, node: string): ClusterState =>
  applyAll(state, role(node, 'leaving'), remove(node));
const lastLine = ({ history }: ClusterState) => history.at(-1);

describe('members', () => {
  test.each([
    ['a name that is taken', { node: 'n1' }, 'MEMBER_EXISTS'],
    ['a peer id that is taken', { peerId: 'peer-2' }, 'MEMBER_EXISTS'],
    ['an address that is taken', { addresses: { x: '10.0.1.3:7000' } }, 'MEMBER_EXISTS'],
    ['a number that is taken', { number: 3 }, 'NUMBER_USED'],
    ['number 0', { number: 0 }, 'INVALID_DEFINITION'],
    ['a number that does not fit 16 bits', { number: 65_536 }, 'INVALID_DEFINITION'],
    ['a name that is no name', { node: '__proto__' }, 'INVALID_DEFINITION'],
    ['an empty peer id', { peerId: '' }, 'INVALID_DEFINITION'],
  ])('%s is refused', (_what, change, code) => {
    expect(refusal(founded, admit(change))).toBe(code);
  });

  test('those of the bootstrap list vote', () => {
    expect(Object.values(founded.members).map((one) => one.role)).toEqual(Array(3).fill('voter'));
  });

  test('neither number nor name is given again after its member was removed', () => {
    const without = leave(founded, 'n3');
    expect(Object.keys(without.members)).toEqual(['n1', 'n2']);
    expect(without.removed).toEqual([{ node: 'n3', number: 3, peerId: 'peer-3' }]);
    expect(refusal(without, admit({ node: 'n3' }))).toBe('NAME_USED');
    expect(refusal(without, admit({ number: 3 }))).toBe('NUMBER_USED');
    applyAll(without, admit({ peerId: 'peer-3' }));
  });

  test('tombstones are bounded, names are not forgotten', () => {
    let state = founded;
    for (let number = 10; number <= 10 + TOMBSTONE_LIMIT; number += 1) {
      state = leave(applyAll(state, admit(member(number))), `n${number}`);
    }
    expect(state.removed).toHaveLength(TOMBSTONE_LIMIT);
    expect(refusal(state, admit({ ...member(10), number: 9_999 }))).toBe('NAME_USED');
  });

  test('a member that owns a group, or may still be seen as its owner, stays', () => {
    const stopped = {
      kind: 'stopped',
      group: 'web',
      expectedEpoch: 1,
      node: 'n1',
      clean: true,
      proof: 'owner',
      secret: null,
    } as const;
    const leaving = applyAll(serving, role('n1', 'leaving'));
    expect(refusal(leaving, remove('n1'))).toBe('MEMBER_IN_USE');
    const moved = applyAll(leaving, assign('web', 1, 'n2', { leaseRemainderMs: 300 }));
    expect(refusal(moved, remove('n1'))).toBe('MEMBER_IN_USE');
    applyAll(moved, stopped, remove('n1'));
    expect(refusal(founded, remove('n9'))).toBe('UNKNOWN_NODE');
  });
});

describe('roles', () => {
  test('a member is removed only once it is leaving, and may be called back before', () => {
    expect(refusal(founded, remove('n3'))).toBe('MEMBER_NOT_LEAVING');
    const back = applyAll(founded, role('n3', 'leaving'), role('n3', 'learner'));
    expect(refusal(back, remove('n3'))).toBe('MEMBER_NOT_LEAVING');
    expect(lastLine(back)).toMatchObject({ event: 'role', node: 'n3', detail: 'learner, by op' });
  });

  test('what a member is already changes nothing and writes no line', () => {
    expect(applyAll(founded, role('n3', 'voter'))).toBe(founded);
    expect(refusal(founded, role('n9', 'voter'))).toBe('UNKNOWN_NODE');
  });

  test('the last voter stays one', () => {
    const one = applyAll(founded, role('n2', 'learner'), role('n3', 'leaving'));
    expect(refusal(one, role('n1', 'learner'))).toBe('LAST_VOTER');
    expect(refusal(one, role('n1', 'leaving'))).toBe('LAST_VOTER');
  });

  test('a leaving node is given no group; a learner is', () => {
    const leaving = applyAll(founded, role('n2', 'leaving'), role('n3', 'learner'));
    expect(refusal(leaving, assign('web', 0, 'n2'))).toBe('NODE_NOT_ELIGIBLE');
    applyAll(leaving, assign('web', 0, 'n3'));
  });
});

describe('invitations', () => {
  test('after the first epoch nobody comes in without one', () => {
    expect(refusal(takingOver, admit({}))).toBe('INVITATION_REQUIRED');
    expect(refusal(takingOver, admit({}, 'key-1'))).toBe('INVITATION_UNKNOWN');
    const admitted = applyAll(takingOver, invite(), admit({}, 'key-1'));
    expect(admitted.members['n4']).toMatchObject({ role: 'learner', mode: 'online' });
  });

  test('a founder that begins with a later epoch still writes its list down', () => {
    const epoch41 = { ...founded, firstEpoch: 41, lastEpoch: 40 };
    const owned = applyAll(epoch41, admit({}), assign('web', 0, 'n1'));
    expect(refusal(owned, admit(member(5)))).toBe('INVITATION_REQUIRED');
  });

  test('it works once', () => {
    const used = applyAll(takingOver, invite(), admit({}, 'key-1'));
    expect(used.invitations).toMatchObject([{ peerId: 'key-1', usedBy: 'n4' }]);
    expect(refusal(used, admit(member(5), 'key-1'))).toBe('INVITATION_USED');
  });

  test('a used one is forgotten without a word: nothing was revoked', () => {
    const used = applyAll(takingOver, invite(), admit({}, 'key-1'));
    const forgotten = applyAll(used, { kind: 'revoke-invitation', peerId: 'key-1', by: 'n1' });
    expect(forgotten.invitations).toEqual([]);
    expect(forgotten.history).toBe(used.history);
  });

  test('a refused admission does not use it up', () => {
    const invited = applyAll(takingOver, invite());
    expect(refusal(invited, admit({ number: 3 }, 'key-1'))).toBe('NUMBER_USED');
    applyAll(invited, admit({}, 'key-1'));
  });

  test('one that was made for a name serves nobody else', () => {
    const invited = applyAll(takingOver, invite({ node: 'n4', role: 'voter' }));
    expect(refusal(invited, admit(member(5), 'key-1'))).toBe('INVITATION_MISMATCH');
    expect(applyAll(invited, admit({}, 'key-1')).members['n4']?.role).toBe('voter');
  });

  test('a revoked one is gone, and is not revoked twice', () => {
    const revoke = { kind: 'revoke-invitation', peerId: 'key-1', by: 'op' } as const;
    const revoked = applyAll(takingOver, invite(), revoke);
    expect(refusal(revoked, admit({}, 'key-1'))).toBe('INVITATION_UNKNOWN');
    expect(refusal(revoked, revoke)).toBe('INVITATION_UNKNOWN');
    expect(lastLine(revoked)).toMatchObject({ event: 'invitation-revoked', detail: 'by op' });
  });

  test.each([
    ['a key that is invited already', invite(), 'INVITATION_EXISTS'],
    ['the key of a member', invite({ peerId: 'peer-1' }), 'MEMBER_EXISTS'],
    ['the name of a member', invite({ peerId: 'k', node: 'n1' }), 'MEMBER_EXISTS'],
    ['the name of a removed member', invite({ peerId: 'k', node: 'n3' }), 'NAME_USED'],
    ['a name that is no name', invite({ peerId: 'k', node: '-' }), 'INVALID_DEFINITION'],
    ['no key', invite({ peerId: '' }), 'INVALID_DEFINITION'],
  ])('%s is refused', (_what, command, code) => {
    expect(refusal(applyAll(leave(founded, 'n3'), invite()), command)).toBe(code);
  });

  test('there are only so many', () => {
    const keys = Array.from({ length: INVITATION_LIMIT }, (_, i) => invite({ peerId: `k${i}` }));
    const full = applyAll(founded, ...keys);
    expect(refusal(full, invite())).toBe('TOO_MANY_INVITATIONS');
  });
});

describe('recovery by an operator', () => {
  test('the others are removed, the counter jumps, and nothing moves before somebody says so', () => {
    const recovered = applyAll(serving, recover({ survivors: ['n2'] }));
    expect(Object.keys(recovered.members)).toEqual(['n2']);
    expect(recovered.removed.map(({ node }) => node)).toEqual(['n1', 'n3']);
    expect(recovered).toMatchObject({ lastEpoch: 1_001, mode: 'maintenance' });
    expect(lastLine(recovered)).toMatchObject({
      event: 'recovered',
      detail: 'with n2 without n1, n3, by op',
    });
  });

  test('a group of a lost node has no owner, and its epoch stays unfinished', () => {
    const lost = group(applyAll(serving, recover({ survivors: ['n2', 'n3'] })));
    expect(lost).toMatchObject({ phase: 'unowned', owner: null, previousOwner: 'n1', epoch: 1 });
    expect(lost.unfinished).toEqual([{ epoch: 1, node: 'n1', secretHash: null }]);
  });

  test('a group of a survivor stays; one on its way to a lost node goes anywhere', () => {
    const release = {
      kind: 'release',
      group: 'web',
      expectedEpoch: 1,
      to: 'n2',
      reason: 'move',
      by: 'op',
    } as const;
    const moving = applyAll(serving, release, recover());
    expect(group(moving)).toMatchObject({ owner: 'n1', releaseTo: null, phase: 'releasing' });
  });

  test('survivors vote, whatever they were', () => {
    const before = applyAll(founded, role('n1', 'learner'));
    expect(applyAll(before, recover()).members['n1']?.role).toBe('voter');
  });

  test('the bootstrap list is closed by it', () => {
    expect(refusal(applyAll(founded, recover()), admit({}))).toBe('INVITATION_REQUIRED');
  });

  test.each([
    ['nobody', { survivors: [] }, 'LAST_VOTER'],
    ['a stranger', { survivors: ['n1', 'n9'] }, 'UNKNOWN_NODE'],
    ['no jump', { epochJump: 0 }, 'INVALID_DEFINITION'],
    ['a jump beyond the last epoch', { epochJump: MAX_EPOCH }, 'EPOCHS_EXHAUSTED'],
  ])('%s is refused', (_what, change, code) => {
    expect(refusal(serving, recover(change))).toBe(code);
  });
});
