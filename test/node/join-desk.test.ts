/** What the bearer of an invitation is told, on the real state machine: in time, late, twice, in doubt. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type Applied, apply } from '../../src/cluster/apply.ts';
import type { Command } from '../../src/cluster/command.ts';
import type { ClusterState } from '../../src/cluster/state.ts';
import type { NodeConfig } from '../../src/config/types.ts';
import type { JoinReply } from '../../src/mesh/join-protocol.ts';
import { expiredInvitations, guestsOf, lateAdmission } from '../../src/node/invitations.ts';
import { JoinDesk, type JoinDeskOptions } from '../../src/node/join-desk.ts';
import { applyAll, serving } from '../cluster/a-cluster.ts';

const NOW = 1_000_000;
const INVITE = {
  kind: 'invite',
  peerId: 'key',
  node: null,
  role: 'learner',
  expiresAtMs: NOW + 1_000,
  by: 'op',
} as const;

const wish = (changes: object = {}) => ({
  clusterId: 'lab',
  node: 'n4',
  peerId: 'peer-4',
  addresses: { 'net-a': '10.0.0.4:7000', 'net-b': '10.0.1.4:7000' },
  proof: new Uint8Array(),
  ...changes,
});

let state: ClusterState;
let index: number;
/** What becomes of commands on their way to the leader. */
let leader: (command: Command) => Applied | null;
let proposed: Command[];

beforeEach(() => {
  state = applyAll(serving, INVITE);
  index = 100;
  proposed = [];
  leader = commit;
});

function commit(command: Command): Applied {
  index += 1;
  const change = apply(state, index, command);
  state = change.state;
  return change.outcome;
}

function desk(changes: Partial<JoinDeskOptions> = {}): JoinDesk {
  const config = {
    clusterId: 'lab',
    profile: 'safe',
    times: {},
    interconnects: ['net-a', 'net-b'],
  } as unknown as NodeConfig;
  return new JoinDesk({
    config,
    state: () => state,
    wallMs: () => NOW,
    votes: () => false,
    inLoop: (run) => run(),
    submit: (command, settled) => {
      proposed.push(command);
      settled(leader(command));
    },
    ...changes,
  });
}

const ask = (changes: object = {}, options: Partial<JoinDeskOptions> = {}): Promise<JoinReply> =>
  desk(options).answer({ invitation: 'key', over: 'net-a', wish: wish(changes) });

const codeOf = (reply: JoinReply): string => (reply.ok ? 'granted' : reply.error.code);

describe('a newcomer', () => {
  test('gets the next number, and is told who the others are', async () => {
    const reply = await ask();
    expect(reply).toMatchObject({ ok: true, value: { node: 'n4', number: 4, clusterId: 'lab' } });
    const members = reply.ok ? reply.value.members.map(({ node }) => node) : [];
    expect(members).toEqual(['n1', 'n2', 'n3', 'n4']);
    expect(state.members['n4']?.role).toBe('learner');
  });

  test('is never given a number that a member had who is gone', async () => {
    state = { ...state, usedNumbers: [1, 2, 3, 9] };
    expect(await ask()).toMatchObject({ ok: true, value: { number: 10 } });
    state = { ...applyAll(serving, INVITE), usedNumbers: [1, 2, 3, 65_535] };
    expect(await ask()).toMatchObject({ ok: true, value: { number: 4 } });
  });

  test('that asks again hears the same, and nothing is proposed again', async () => {
    const first = await ask();
    expect(await ask()).toEqual(first);
    expect(proposed).toHaveLength(1);
  });

  test('that votes already has lost its data, and must not come back as the same node', async () => {
    await ask();
    expect(codeOf(await ask({}, { votes: (node) => node === 'n4' }))).toBe('INVITATION_USED');
  });

  test('whose number was given to another one meanwhile gets the next', async () => {
    leader = (command) => {
      if (proposed.length === 1) state = { ...state, usedNumbers: [...state.usedNumbers, 4] };
      return commit(command);
    };
    expect(await ask()).toMatchObject({ ok: true, value: { number: 5 } });
  });

  test('whose invitation somebody else used a moment before is refused', async () => {
    leader = (command) => {
      if (proposed.length > 1 || command.kind !== 'admit-member') return commit(command);
      commit({ ...command, member: { node: 'n5', number: 5, peerId: 'peer-5', addresses: {} } });
      return commit(command);
    };
    expect(codeOf(await ask())).toBe('INVITATION_USED');
  });

  test('is refused for good where every number is taken before it', async () => {
    leader = () => ({ ok: false, code: 'NUMBER_USED', detail: 'again' });
    expect(codeOf(await ask())).toBe('NUMBER_USED');
    expect(proposed.length).toBeLessThan(20);
  });

  test.each([
    [
      'an unknown invitation',
      () => desk().answer({ invitation: 'x', over: 'a', wish: wish() }),
      'INVITATION_UNKNOWN',
    ],
    ['an expired one', () => ask({}, { wallMs: () => NOW + 1_000 }), 'INVITATION_EXPIRED'],
    ['the name of a member', () => ask({ node: 'n1' }), 'MEMBER_EXISTS'],
    ['a name that is no name', () => ask({ node: '../..' }), 'INVALID_DEFINITION'],
    [
      'an interconnect too few',
      () => ask({ addresses: { 'net-a': '10.0.0.4:1' } }),
      'ADDRESS_INVALID',
    ],
    [
      'another interconnect',
      () => ask({ addresses: { 'net-a': '10.0.0.4:1', x: '10.0.1.4:1' } }),
      'ADDRESS_INVALID',
    ],
    [
      'no address',
      () => ask({ addresses: { 'net-a': '10.0.0.4:1', 'net-b': 'x' } }),
      'ADDRESS_INVALID',
    ],
    [
      'the address of a member',
      () => ask({ addresses: { 'net-a': '10.0.0.1:7000', 'net-b': '10.0.1.4:1' } }),
      'MEMBER_EXISTS',
    ],
  ])('with %s is refused', async (_what, asking, code) => {
    expect(codeOf(await asking())).toBe(code);
    expect(Object.keys(state.members)).toEqual(['n1', 'n2', 'n3']);
  });

  test('with another name than the invitation says is refused', async () => {
    state = applyAll(serving, { ...INVITE, node: 'n7' });
    expect(codeOf(await ask())).toBe('INVITATION_MISMATCH');
  });

  test('with the key of a removed member is refused', async () => {
    state = { ...state, removed: [{ node: 'old', number: 9, peerId: 'peer-4' }] };
    expect(codeOf(await ask())).toBe('REMOVED');
  });

  test('hears that there is no majority', async () => {
    leader = () => null;
    expect(codeOf(await ask())).toBe('NO_QUORUM');
  });
});

describe('the leader', () => {
  const admission = {
    kind: 'admit-member',
    member: { node: 'n4', number: 4, peerId: 'peer-4', addresses: {} },
    invitation: 'key',
  } as const;

  test('lets nobody in from the moment on at which the invitation ends', () => {
    expect(lateAdmission(state, admission, NOW + 999)).toBeNull();
    expect(lateAdmission(state, admission, NOW + 1_000)).toBe('INVITATION_EXPIRED');
    expect(lateAdmission(state, { ...admission, invitation: null }, Infinity)).toBeNull();
    expect(lateAdmission(state, { kind: 'remove-member', node: 'n1' }, Infinity)).toBeNull();
  });

  test('takes expired invitations away, used or not, and leaves the others', () => {
    state = applyAll(state, { ...INVITE, peerId: 'later', expiresAtMs: NOW + 5_000 });
    expect(expiredInvitations(state, NOW + 999)).toEqual([]);
    const [one, ...more] = expiredInvitations(state, NOW + 1_000);
    expect({ one, more }).toMatchObject({
      one: { key: 'revoke:key', command: { kind: 'revoke-invitation', peerId: 'key' } },
      more: [],
    });
    expect(guestsOf(state).invited).toEqual(['key', 'later']);
    if (one !== undefined) commit(one.command);
    expect(guestsOf(state).invited).toEqual(['later']);
  });
});
