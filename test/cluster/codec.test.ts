import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkCommand,
  decodeEnvelope,
  decodeState,
  encodeEnvelope,
  encodeState,
} from '../../src/cluster/codec.ts';
import type { Command } from '../../src/cluster/command.ts';
import { decode, encode } from '../../src/lib/codec.ts';
import { applyAll, assign, definition, member, serving } from './a-cluster.ts';

const wrap = (command: Command) => ({ origin: 'n1', incarnation: 7, requestId: 3, command });
const why = (bytes: Uint8Array): string => {
  const result = decodeEnvelope(bytes);
  return result.ok ? 'fine' : `${result.error.code} ${result.error.detail}`;
};

describe('log entries', () => {
  const commands: readonly Command[] = [
    { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 },
    { kind: 'admit-member', member: member(1), invitation: 'key-1' },
    { kind: 'invite', peerId: 'key-1', node: null, role: 'learner', expiresAtMs: 1.8e12, by: 'op' },
    { kind: 'revoke-invitation', peerId: 'key-1', by: 'op' },
    { kind: 'set-role', node: 'n1', role: 'leaving', by: 'op' },
    { kind: 'recover', survivors: ['n1'], epochJump: 1_000, by: 'op' },
    { kind: 'remove-member', node: 'n1' },
    { kind: 'define-group', definition: definition('web'), expectedRevision: 0, by: 'op' },
    { kind: 'delete-group', group: 'web', by: 'op' },
    assign('web', 4_294_967_294, 'n1', {
      leaseRemainderMs: 361.72,
      evidence: { kind: 'silence', observer: 'n2', perInterconnectMs: { a: 201.5 }, detail: '' },
      stamps: [
        { phase: 'detect', node: 'n2', startedMs: 1.5, durationMs: 201.5, incarnation: 2 ** 52 },
      ],
    }),
    { kind: 'release', group: 'web', expectedEpoch: 1, to: null, reason: 'move', by: 'op' },
    { kind: 'set-mode', subject: { kind: 'cluster' }, mode: 'maintenance', by: 'op' },
  ];

  test.each(commands)('a $kind comes back as it was', (command) => {
    expect(decodeEnvelope(encodeEnvelope(wrap(command)))).toEqual({
      ok: true,
      value: wrap(command),
    });
    expect(checkCommand(command).ok).toBe(true);
  });

  test.each([
    ['noise', Uint8Array.of(0xc1, 2, 3), /CORRUPT_ENTRY entry: /],
    ['nothing', new Uint8Array(), /CORRUPT_ENTRY entry: /],
    ['another value', encode('hello'), /not a format and a value/],
    [
      'a newer format',
      encode([5, {}]),
      /DATA_FORMAT_UNKNOWN entry: format 5, this program reads 1 to 4/,
    ],
    ['format 0', encode([0, {}]), /format 0, this program reads 1 to 4/],
    ['no envelope', encode([2, null]), /entry: an object/],
    ['an unknown command', encode([2, wrap({ kind: 'explode' } as never)]), /entry\.command\.kind/],
    [
      'an epoch of 33 bits',
      encode([2, wrap(assign('web', 2 ** 32, 'n1'))]),
      /entry\.command\.expectedEpoch: a whole number/,
    ],
    [
      'a remainder that is no number',
      encode([2, wrap(assign('web', 0, 'n1', { leaseRemainderMs: Number.POSITIVE_INFINITY }))]),
      /leaseRemainderMs: a finite number/,
    ],
    [
      'a field that nobody knows',
      encode([2, { ...wrap({ kind: 'remove-member', node: 'n1' }), priority: 1 }]),
      /no field "priority"/,
    ],
  ])('%s is a clear error', (_what, bytes, words) => {
    expect(why(bytes)).toMatch(words);
  });

  test('a flipped bit is either harmless or a clear error, never an exception', () => {
    const bytes = encodeEnvelope(wrap(assign('web', 1, 'n1')));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
        const bent = Uint8Array.from(bytes, (byte, i) => (i === at ? byte ^ (1 << bit) : byte));
        expect(why(bent)).toMatch(/^(fine|CORRUPT_ENTRY |DATA_FORMAT_UNKNOWN )/);
      }),
    );
  });

  test('a command that nobody could read is not written', () => {
    const wrong = wrap(assign('web', 0, 'n1', { leaseRemainderMs: Number.NaN }));
    expect(() => encodeEnvelope(wrong)).toThrow(/leaseRemainderMs/);
    expect(checkCommand(wrong.command)).toMatchObject({ ok: false });
  });
});

describe('snapshots', () => {
  const state = applyAll(serving, assign('web', 1, 'n2', { leaseRemainderMs: 99.5 }));

  test('a state comes back as it was, and the same state gives the same bytes', () => {
    const bytes = encodeState(state);
    expect(decodeState(bytes)).toEqual({ ok: true, value: state });
    expect(encodeState(structuredClone(state))).toEqual(bytes);
  });

  test('a state that is not one is CORRUPT_SNAPSHOT and says where', () => {
    expect(decodeState(encode([2, { ...state, lastEpoch: -1 }]))).toMatchObject({
      ok: false,
      error: { code: 'CORRUPT_SNAPSHOT', detail: expect.stringContaining('state.lastEpoch') },
    });
    expect(decodeState(encodeState(state).slice(0, -3))).toMatchObject({ ok: false });
  });
});

describe('what an older program can still read, while releases are mixed', () => {
  const formatOf = (command: Command): unknown => {
    const value = decode(encodeEnvelope(wrap(command)));
    return Array.isArray(value) ? value[0] : value;
  };
  const admit = { kind: 'admit-member', member: member(1), invitation: null } as const;

  test('is written as the older one would', () => {
    expect(formatOf(assign('web', 1, 'n1'))).toBe(1);
    expect(formatOf({ kind: 'remove-member', node: 'n1' })).toBe(1);
    const { invitation: _, ...old } = admit;
    const bytes = encode([1, { ...wrap(admit), command: old }]);
    expect(encodeEnvelope(wrap(admit))).toEqual(bytes);
  });

  test('what is new is not', () => {
    expect(formatOf({ ...admit, invitation: 'key' })).toBe(2);
    expect(formatOf({ kind: 'set-role', node: 'n1', role: 'learner', by: 'op' })).toBe(2);
    expect(formatOf({ kind: 'recover', survivors: ['n1'], epochJump: 1, by: 'op' })).toBe(2);
    expect(formatOf({ kind: 'set-level', level: 3 })).toBe(3);
    expect(formatOf({ kind: 'set-level', level: 4 })).toBe(4);
  });
});

describe('what an older program wrote', () => {
  test('an admission of format 1 is one without an invitation', () => {
    const { invitation: _, ...old } = { kind: 'admit-member', member: member(1), invitation: null };
    const bytes = encode([1, { origin: 'n1', incarnation: 7, requestId: 3, command: old }]);
    expect(decodeEnvelope(bytes)).toEqual({
      ok: true,
      value: wrap({ kind: 'admit-member', member: member(1), invitation: null }),
    });
  });

  test('every other command of format 1 reads as it was', () => {
    const entry = wrap(assign('web', 1, 'n1'));
    expect(decodeEnvelope(encode([1, entry]))).toEqual({ ok: true, value: entry });
    expect(why(encode([1, 'noise']))).toMatch(/entry: an object/);
  });

  test('in a snapshot of format 1 every member votes, and the names of removed ones are used', () => {
    const left = applyAll(
      serving,
      { kind: 'set-role', node: 'n3', role: 'leaving', by: 'op' },
      { kind: 'remove-member', node: 'n3' },
    );
    const { firstEpoch: _f, invitations: _i, removed: _r, usedNames: _u, ...rest } = left;
    const members = Object.fromEntries(
      Object.entries(left.members).map(([node, { role: _, ...one }]) => [node, one]),
    );
    const history = left.history.filter(({ event }) => event !== 'role');
    const decoded = decodeState(encode([1, { ...rest, members, history }]));
    expect(decoded).toEqual({
      ok: true,
      value: { ...left, history, removed: [], usedNames: ['n1', 'n2', 'n3'] },
    });
  });

  test('a snapshot of format 1 that is damaged is not repaired', () => {
    expect(decodeState(encode([1, { members: { n1: 7 } }]))).toMatchObject({ ok: false });
    expect(decodeState(encode([1, null]))).toMatchObject({ ok: false });
  });
});
