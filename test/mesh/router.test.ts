import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../src/lib/ids.ts';
import { encodeFrame, encodeValue, MSGPACK, markRelayed } from '../../src/mesh/codec.ts';
import { MAX_RELAYED_BYTES, Router } from '../../src/mesh/router.ts';
import { append, snapshot, vote } from './support/messages.ts';

const INTERCONNECTS = ['red', 'blue'];
const AB = { from: 'a', to: 'b' };
const AC = { from: 'a', to: 'c' };

function router(self: NodeId, open: readonly (readonly [NodeId, string])[] = []): Router {
  const made = new Router({ self, incarnation: 1, interconnects: INTERCONNECTS });
  made.admit(['a', 'b', 'c', 'd']);
  for (const [node, over] of open) made.linkChanged(node, over, true);
  return made;
}

const ways = (outgoing: { copies: readonly { to: NodeId; over: string }[] }) =>
  outgoing.copies.map(({ to, over }) => `${to}/${over}`);

function frame(sequence: number, message = vote(AB, 1)): Uint8Array {
  return encodeFrame({ kind: 'raft', message }, { incarnation: 7, sequence });
}

describe('router', () => {
  test('a small frame takes every live interconnect, and no relay', () => {
    const from = router('a', [
      ['b', 'red'],
      ['b', 'blue'],
      ['c', 'red'],
    ]);
    expect(ways(from.send({ kind: 'raft', message: vote(AB, 1) }))).toEqual(['b/red', 'b/blue']);
  });

  test('without a live link every member that is reached is asked to relay', () => {
    const from = router('a', [
      ['c', 'red'],
      ['c', 'blue'],
      ['d', 'blue'],
    ]);
    expect(ways(from.send({ kind: 'raft', message: vote(AB, 1) }))).toEqual([
      'c/red',
      'c/blue',
      'd/blue',
    ]);
  });

  test('a large frame is not relayed', () => {
    const from = router('a', [['c', 'red']]);
    const message = append(AB, new Uint8Array(MAX_RELAYED_BYTES));
    expect(ways(from.send({ kind: 'raft', message }))).toEqual([]);
    expect(from.traffic().undeliverable).toBe(1);
  });

  test('a snapshot takes the last live interconnect only, in its own lane', () => {
    const from = router('a', [
      ['b', 'red'],
      ['b', 'blue'],
    ]);
    const message = snapshot(AB, Uint8Array.of(1));
    const { copies } = from.send({ kind: 'raft', message });
    expect(copies.map(({ over, lane }) => `${over} ${lane}`)).toEqual(['blue snapshot']);
    from.linkChanged('b', 'blue', false);
    expect(ways(from.send({ kind: 'raft', message }))).toEqual(['b/red']);
  });

  test('of several copies the first is delivered, whichever way they came', () => {
    const to = router('b');
    expect(to.receive('a', frame(0)).kind).toBe('deliver');
    expect(to.receive('a', frame(0))).toEqual({ kind: 'dropped', why: 'duplicate' });
    expect(to.receive('c', markRelayed(frame(0)))).toEqual({ kind: 'dropped', why: 'duplicate' });
    expect(to.traffic()).toMatchObject({ delivered: 1, duplicates: 2 });
  });

  test('a relay hands a frame on once, over every live interconnect', () => {
    const relay = router('b', [
      ['c', 'red'],
      ['c', 'blue'],
    ]);
    const message = vote(AC, 1);
    const routed = relay.receive('a', frame(0, message));
    expect(routed.kind === 'forward' && ways({ copies: routed.transmissions })).toEqual([
      'c/red',
      'c/blue',
    ]);
    expect(relay.receive('a', frame(0, message)).kind).toBe('dropped');
    const copy = routed.kind === 'forward' ? routed.transmissions[0]?.frame : undefined;
    const delivered = router('c').receive('b', copy ?? new Uint8Array());
    expect(delivered).toEqual({ kind: 'deliver', carried: { kind: 'raft', message } });
  });

  test('a relay that does not hear the receiver either drops the frame', () => {
    expect(router('b').receive('a', frame(0, vote(AC, 1)))).toEqual({
      kind: 'dropped',
      why: 'no-way',
    });
  });

  test('a relayed frame is never relayed again', () => {
    const relay = router('b', [['c', 'red']]);
    expect(relay.receive('d', markRelayed(frame(0, vote(AC, 1))))).toMatchObject({
      kind: 'refused',
      code: 'SENDER_FORGED',
    });
  });

  test('a direct frame in the name of another member is refused', () => {
    expect(router('b').receive('c', frame(0))).toMatchObject({
      kind: 'refused',
      code: 'SENDER_FORGED',
    });
  });

  test('a frame of this node that comes back is refused', () => {
    const own = encodeFrame(
      { kind: 'raft', message: vote({ from: 'b', to: 'c' }, 1) },
      { incarnation: 1, sequence: 0 },
    );
    expect(router('b').receive('c', markRelayed(own)).kind).toBe('refused');
  });

  test('a relayed frame of somebody who is no member is ignored, and its carrier kept', () => {
    const message = vote({ from: 'x', to: 'b' }, 1);
    expect(router('b').receive('c', markRelayed(frame(0, message)))).toMatchObject({
      kind: 'ignored',
      code: 'NOT_A_MEMBER',
    });
  });

  test('a garbled body does not use up the sequence number of the sound copy', () => {
    const to = router('b');
    const body = { ...vote(AB, 1), lastTerm: 'three' };
    expect(to.receive('a', encodeValue([0, 7, 0, body])).kind).toBe('refused');
    expect(to.receive('a', frame(0)).kind).toBe('deliver');
  });

  test('a new life of the sender starts counting anew, and late frames of the old stay seen', () => {
    const to = router('b');
    const of = (incarnation: number) =>
      encodeFrame({ kind: 'raft', message: vote(AB, 1) }, { incarnation, sequence: 0 });
    expect(to.receive('a', of(1)).kind).toBe('deliver');
    expect(to.receive('a', of(2)).kind).toBe('deliver');
    expect(to.receive('a', of(1)).kind).toBe('dropped');
  });

  test('a member that left is forgotten', () => {
    const to = router('b');
    to.receive('a', frame(0));
    to.admit(['b', 'c']);
    expect(to.receive('a', frame(0)).kind).toBe('ignored');
    to.admit(['a', 'b', 'c']);
    expect(to.receive('a', frame(0)).kind).toBe('deliver');
  });

  test('the second copy of a frame is known before it is read, and a late one by its number', () => {
    let read = 0;
    const readEnvelope: typeof MSGPACK.readEnvelope = (bytes) => {
      read += 1;
      return MSGPACK.readEnvelope(bytes);
    };
    const codec = { ...MSGPACK, readEnvelope };
    const at = new Router({ self: 'b', incarnation: 1, interconnects: INTERCONNECTS, codec });
    at.admit(['a', 'b']);
    const copies = (sequence: number) => [frame(sequence), frame(sequence)] as const;
    const [first, second] = copies(0);
    expect(at.receive('a', first).kind).toBe('deliver');
    expect(at.receive('a', second)).toEqual({ kind: 'dropped', why: 'duplicate' });
    expect(read).toBe(1);
    for (let sequence = 1; sequence <= 100; sequence += 1) at.receive('a', frame(sequence));
    expect(at.receive('a', second)).toEqual({ kind: 'dropped', why: 'duplicate' });
    expect(read).toBe(102);
    expect(at.traffic()).toMatchObject({ delivered: 101, duplicates: 2 });
  });
});
