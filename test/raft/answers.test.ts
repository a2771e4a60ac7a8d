/** Which appends a follower answers: every round, and all entries; nothing that it has said already. */
import { expect, test } from 'vitest';
import { Bench, entriesOf } from './bench.ts';

test('a bare commit index in a round that was answered is taken without a second answer', () => {
  const bench = new Bench({ term: 1 });
  const logs = { prevIndex: 0, prevTerm: 0, entries: entriesOf([1]), readId: 7 };
  const mark = bench.appendFrom('b', 1, logs).persist?.mark ?? 0;
  bench.step({ kind: 'durable', mark });
  bench.takeSent();
  const push = { prevIndex: 1, prevTerm: 1, commitIndex: 1 };
  const told = bench.appendFrom('b', 1, { ...push, readId: 7 });
  expect(told.commitIndex).toBe(1);
  expect([...told.sendNow, ...told.sendAfterPersist]).toEqual([]);
  // A lost answer is made up for: a round of its own is answered, and so are entries that come again.
  bench.appendFrom('b', 1, { ...push, readId: 8 });
  expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 1, readId: 8 }]);
  bench.appendFrom('b', 1, { ...logs, readId: 8 });
  expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 1, readId: 8 }]);
});

test('what was answered for the time after a write does not count as an answer before it', () => {
  const bench = new Bench({ term: 1 });
  bench.appendFrom('b', 1, { prevIndex: 0, prevTerm: 0, entries: entriesOf([1]), readId: 7 });
  bench.takeSent();
  bench.appendFrom('b', 1, { prevIndex: 0, prevTerm: 0, readId: 7 });
  expect(bench.takeSent()).toMatchObject([{ kind: 'append-reply', matchIndex: 0, readId: 7 }]);
});
