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
import { encode } from '../../src/lib/codec.ts';
import { applyAll, assign, definition, member, serving } from './a-cluster.ts';

const wrap = (command: Command) => ({ origin: 'n1', incarnation: 7, requestId: 3, command });
const why = (bytes: Uint8Array): string => {
  const result = decodeEnvelope(bytes);
  return result.ok ? 'fine' : `${result.error.code} ${result.error.detail}`;
};

describe('log entries', () => {
  const commands: readonly Command[] = [
    { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 },
    { kind: 'admit-member', member: member(1) },
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
    ['a newer format', encode([2, {}]), /format 2, this program reads 1/],
    ['no envelope', encode([1, null]), /entry: an object/],
    ['an unknown command', encode([1, wrap({ kind: 'explode' } as never)]), /entry\.command\.kind/],
    [
      'an epoch of 33 bits',
      encode([1, wrap(assign('web', 2 ** 32, 'n1'))]),
      /entry\.command\.expectedEpoch: a whole number/,
    ],
    [
      'a remainder that is no number',
      encode([1, wrap(assign('web', 0, 'n1', { leaseRemainderMs: Number.POSITIVE_INFINITY }))]),
      /leaseRemainderMs: a finite number/,
    ],
    [
      'a field that nobody knows',
      encode([1, { ...wrap({ kind: 'remove-member', node: 'n1' }), priority: 1 }]),
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
        expect(why(bent)).toMatch(/^(fine|CORRUPT_ENTRY )/);
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
    expect(decodeState(encode([1, { ...state, lastEpoch: -1 }]))).toMatchObject({
      ok: false,
      error: { code: 'CORRUPT_SNAPSHOT', detail: expect.stringContaining('state.lastEpoch') },
    });
    expect(decodeState(encodeState(state).slice(0, -3))).toMatchObject({ ok: false });
  });
});
