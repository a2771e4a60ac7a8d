import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quickRaftMessage } from '../../src/mesh/quick-schemas.ts';
import { raftMessage } from '../../src/mesh/schemas.ts';
import { append, everyRaftMessage } from './support/messages.ts';

const PAIR = { from: 'a', to: 'b' };
const REPLY = { ...PAIR, kind: 'append-reply', term: 3, matchIndex: 5, conflict: null, readId: 2 };

const rubbish = fc.oneof(
  fc.constantFrom(undefined, null, '', 'a', -1, 0.5, Number.NaN, 2 ** 53, 7, 'x'.repeat(256)),
  fc.constantFrom([], [null], {}, { index: 1, term: 1 }, [{ kind: 'command', index: 1, term: 1 }]),
);

test('appends and their answers pass by hand, and come out as from the schema', () => {
  for (const message of [
    append(PAIR, Uint8Array.of(1)),
    { ...append(PAIR, Uint8Array.of()), entries: [] },
    REPLY,
  ]) {
    expect(quickRaftMessage({ ...message, added: 'later' })).toEqual(raftMessage.parse(message));
  }
});

test('what passes by hand passes the schema, whatever is put in whichever field', () => {
  const messages = fc.constantFrom<Record<string, unknown>>(
    ...everyRaftMessage(PAIR),
    append(PAIR, Uint8Array.of(1)),
    REPLY,
  );
  const passed = { quick: 0, refused: 0 };
  fc.assert(
    fc.property(messages, fc.nat(), rubbish, fc.boolean(), (message, which, value, change) => {
      const name = Object.keys(message)[which % Object.keys(message).length] ?? '';
      const body = change ? { ...message, [name]: value } : message;
      const quick = quickRaftMessage(body);
      const schema = raftMessage.safeParse(body);
      if (!schema.success) passed.refused += 1;
      if (quick === null) return;
      passed.quick += 1;
      expect(schema).toEqual({ success: true, data: quick });
    }),
    { numRuns: 500 },
  );
  expect(passed.quick).toBeGreaterThan(0);
  expect(passed.refused).toBeGreaterThan(0);
});
