/** A bare commit index waits a moment for the next append, only while appends follow closely. */
import { beforeEach, expect, test } from 'vitest';
import { HeldPushes } from '../../src/node/held-pushes.ts';
import type { Entry, RaftMessage } from '../../src/raft/types.ts';

let sent: RaftMessage[];
let pushes: HeldPushes;
beforeEach(() => {
  sent = [];
  pushes = new HeldPushes((message) => sent.push(message));
});

function appended(
  commitIndex: number,
  readId: number,
  entries: readonly Entry[] = [],
): RaftMessage {
  const envelope = { from: 'a', to: 'b', term: 1 };
  return { ...envelope, kind: 'append', prevIndex: 0, prevTerm: 0, entries, commitIndex, readId };
}

const withEntry = (commitIndex: number): RaftMessage =>
  appended(commitIndex, 1, [{ kind: 'no-op', index: commitIndex + 1, term: 1 }]);
const push = (commitIndex: number): RaftMessage => appended(commitIndex, 1);

/** Entries that leave right behind a push: the next push may wait. */
function busy(): void {
  pushes.take(withEntry(0), 0);
  pushes.take(push(1), 0.5);
  pushes.take(withEntry(1), 1);
  sent = [];
}

test('behind a quiet time a commit index leaves at once', () => {
  pushes.take(withEntry(0), 0);
  pushes.take(push(1), 5);
  expect(sent).toEqual([withEntry(0), push(1)]);
  expect(pushes.nextDeadlineMs).toBe(Infinity);
});

test('while appends follow closely, the next append says it', () => {
  busy();
  pushes.take(push(2), 1.5);
  expect(sent).toEqual([]);
  pushes.take(withEntry(2), 2);
  expect(sent).toEqual([withEntry(2)]);
  expect(pushes.nextDeadlineMs).toBe(Infinity);
});

test('what no append follows leaves after a millisecond, and the next one at once', () => {
  busy();
  pushes.take(push(2), 1.5);
  expect(pushes.nextDeadlineMs).toBe(2.5);
  pushes.due(2.4);
  expect(sent).toEqual([]);
  pushes.due(2.5);
  expect(sent).toEqual([push(2)]);
  pushes.take(push(3), 3);
  expect(sent).toEqual([push(2), push(3)]);
});

test('a heartbeat asks for an answer and never waits, nor does any other message', () => {
  busy();
  pushes.take(appended(1, 2), 1.5);
  pushes.take({ from: 'a', to: 'b', term: 1, kind: 'timeout-now' }, 1.5);
  expect(sent).toHaveLength(2);
});

test('a new term is a new round', () => {
  busy();
  pushes.take({ ...push(2), term: 2 }, 1.5);
  expect(sent).toHaveLength(1);
});
