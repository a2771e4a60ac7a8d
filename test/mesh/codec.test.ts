import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cluster/command.ts';
import type { ControlMessage } from '../../src/failover/control.ts';
import {
  type Carried,
  encodeFrame,
  encodeHeartbeat,
  encodeValue,
  readCarried,
  readEnvelope,
  readHeartbeat,
  unpack,
} from '../../src/mesh/codec.ts';
import type { RaftMessage } from '../../src/raft/types.ts';
import {
  everyCommand,
  everyControlMessage,
  everyRaftMessage,
  heartbeat,
  vote,
} from './support/messages.ts';

const PAIR = { from: 'a', to: 'b' };
const STAMP = { incarnation: 2 ** 53 - 1, sequence: 3 };

function roundTrip(carried: Carried): unknown {
  const envelope = readEnvelope(encodeFrame(carried, STAMP));
  return envelope.ok ? readCarried(envelope.value) : envelope;
}

/** A kind that is added to the types must be added here, and so to the schemas. */
const RAFT_KINDS: Readonly<Record<RaftMessage['kind'], true>> = {
  'pre-vote': true,
  vote: true,
  'pre-vote-reply': true,
  'vote-reply': true,
  append: true,
  'append-reply': true,
  snapshot: true,
  'snapshot-reply': true,
  'timeout-now': true,
  'transfer-refused': true,
};
const CONTROL_KINDS: Readonly<Record<ControlMessage['kind'], true>> = {
  'lease-request': true,
  'lease-grant': true,
  'lease-refused': true,
  propose: true,
  'propose-refused': true,
  read: true,
  'read-reply': true,
};
const COMMAND_KINDS: Readonly<Record<Command['kind'], true>> = {
  'create-cluster': true,
  'admit-member': true,
  'remove-member': true,
  invite: true,
  'revoke-invitation': true,
  'set-role': true,
  recover: true,
  'define-group': true,
  'delete-group': true,
  assign: true,
  release: true,
  pledge: true,
  stopped: true,
  fenced: true,
  serving: true,
  report: true,
  'takeover-failed': true,
  'set-mode': true,
  'set-level': true,
  'forget-failures': true,
  'set-wish': true,
  'set-capacity': true,
  expired: true,
};

const kinds = (messages: readonly { kind: string }[]) =>
  [...new Set(messages.map(({ kind }) => kind))].sort();

describe('codec', () => {
  test('the examples cover every kind of message', () => {
    expect(kinds(everyRaftMessage(PAIR))).toEqual(Object.keys(RAFT_KINDS).sort());
    expect(kinds(everyControlMessage(PAIR))).toEqual(Object.keys(CONTROL_KINDS).sort());
    expect(kinds(everyCommand())).toEqual(Object.keys(COMMAND_KINDS).sort());
  });

  test.each(everyRaftMessage(PAIR))('raft message $kind survives', (message) => {
    expect(roundTrip({ kind: 'raft', message })).toStrictEqual({
      ok: true,
      value: { kind: 'raft', message },
    });
  });

  test.each(everyControlMessage(PAIR))('control message $kind survives', (message) => {
    expect(roundTrip({ kind: 'control', message })).toStrictEqual({
      ok: true,
      value: { kind: 'control', message },
    });
  });

  test('a heartbeat survives', () => {
    const read = readHeartbeat(encodeHeartbeat(heartbeat('a', 1)));
    expect(read).toStrictEqual({ ok: true, value: heartbeat('a', 1) });
  });

  test('bytes come back as a copy of their own', () => {
    const frame = encodeFrame({ kind: 'raft', message: everyRaftMessage(PAIR)[4] as never }, STAMP);
    const envelope = readEnvelope(Buffer.from(frame));
    const carried = envelope.ok ? readCarried(envelope.value) : envelope;
    frame.fill(0);
    expect(carried).toMatchObject({ ok: true, value: { message: everyRaftMessage(PAIR)[4] } });
  });

  test('big integers survive', () => {
    const big = 2n ** 64n - 1n;
    expect(unpack(encodeValue({ big }))).toEqual({ ok: true, value: { big } });
  });

  test.each([
    ['an empty frame', new Uint8Array(0)],
    ['no array', encodeValue({ kind: 0 })],
    ['an unknown kind', encodeValue([9, 1, 1, vote(PAIR, 1)])],
    ['a negative sequence', encodeValue([0, 1, -1, vote(PAIR, 1)])],
    ['a sequence that is no number', encodeValue([0, 1, 1n, vote(PAIR, 1)])],
    ['no message', encodeValue([0, 1, 1, null])],
    ['no sender', encodeValue([0, 1, 1, { to: 'b' }])],
    ['bytes after the frame', Uint8Array.of(...encodeValue([0, 1, 1, vote(PAIR, 1)]), 0)],
  ])('%s is garbled', (_, frame) => {
    expect(readEnvelope(frame)).toMatchObject({ ok: false, error: { code: 'FRAME_GARBLED' } });
  });

  test.each([
    ['a term that is NaN', { ...vote(PAIR, Number.NaN) }],
    ['a term that is a text', { ...vote(PAIR, 1), term: '1' }],
    ['a term with a fraction', { ...vote(PAIR, 1.5) }],
    ['an unknown kind', { ...PAIR, term: 1, kind: 'hello' }],
    ['an append without entries', { ...PAIR, term: 1, kind: 'append' }],
  ])('a raft message with %s is garbled', (_, body) => {
    const envelope = readEnvelope(encodeValue([0, 1, 1, body]));
    const carried = envelope.ok ? readCarried(envelope.value) : envelope;
    expect(carried).toMatchObject({ ok: false, error: { code: 'FRAME_GARBLED' } });
  });

  test('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const envelope = readEnvelope(bytes);
        if (envelope.ok) readCarried(envelope.value);
        readHeartbeat(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('no single wrong byte makes it throw', () => {
    const sound = encodeHeartbeat(heartbeat('a', 1));
    const position = fc.integer({ min: 0, max: sound.length - 1 });
    fc.assert(
      fc.property(position, fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const bytes = Uint8Array.from(sound);
        bytes[at] = byte;
        readHeartbeat(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('a frame that nests beyond all measure is garbled, not fatal', () => {
    const deep = new Uint8Array(100_000).fill(0x91);
    expect(readEnvelope(deep)).toMatchObject({ ok: false });
  });
});
