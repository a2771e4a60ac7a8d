import { describe, expect, test } from 'vitest';
import { encodeEnvelope } from '../../src/cluster/codec.ts';
import type { Command } from '../../src/cluster/command.ts';
import { emptyState } from '../../src/cluster/state.ts';
import { type AdmissionQuestion, admissionsIn, admitted } from '../../src/node/admission.ts';
import type { Entry } from '../../src/raft/types.ts';
import { applyAll, founded, member } from '../cluster/a-cluster.ts';

const founders = [1, 2, 3].map(member);

function letIn(change: Partial<AdmissionQuestion>): string {
  const configuration = { voters: ['n1', 'n2', 'n3'], outgoing: [], learners: [] };
  const question = { self: 'n1', state: founded, configuration, bootstrap: founders, logged: [] };
  return admitted({ ...question, ...change })
    .map(({ node }) => node)
    .join(' ');
}

const voters = (...names: readonly string[]) => ({ voters: names, outgoing: [], learners: [] });

describe('who is let in', () => {
  test('the committed members, and nobody of an old file', () => {
    expect(letIn({})).toBe('n1 n2 n3');
    expect(letIn({ bootstrap: [...founders, member(9)] })).toBe('n1 n2 n3');
  });

  test('a founder that votes and is not written down yet', () => {
    const { n1 } = founded.members;
    if (n1 === undefined) throw new Error('n1 is a founder');
    const young = { ...founded, members: { n1 }, usedNames: ['n1'] };
    expect(letIn({ state: young })).toBe('n1 n2 n3');
    expect(letIn({ state: young, configuration: voters('n1', 'n2') })).toBe('n1 n2');
  });

  test('the whole list of a newcomer that does not find itself among the members yet', () => {
    const newcomer = { self: 'n4', state: emptyState, configuration: voters() };
    expect(letIn({ ...newcomer, bootstrap: [...founders, member(4)] })).toBe('n1 n2 n3 n4');
    expect(letIn({ self: 'n4', configuration: voters(), bootstrap: [member(9)] })).toBe(
      'n1 n2 n3 n9',
    );
  });

  test('nobody who was removed, whatever the list says', () => {
    const gone = applyAll(
      founded,
      { kind: 'set-role', node: 'n3', role: 'leaving', by: 'op' },
      { kind: 'remove-member', node: 'n3' },
    );
    expect(letIn({ state: gone, configuration: voters('n1', 'n2') })).toBe('n1 n2');
    expect(letIn({ self: 'n4', state: gone, configuration: voters('n1', 'n2') })).toBe('n1 n2');
    expect(letIn({ self: 'n3', state: gone, configuration: voters('n1', 'n2') })).toBe('n1 n2');
  });

  test('who is in the configuration and admitted by the own log, though not known to be committed', () => {
    const started = {
      state: emptyState,
      bootstrap: [member(1)],
      configuration: voters('n1', 'n4'),
    };
    expect(letIn({ ...started, logged: [member(4)] })).toBe('n4 n1');
    expect(letIn({ ...started, logged: [member(4), member(5)] })).toBe('n4 n1');
    expect(letIn(started)).toBe('n1');
  });
});

describe('the admissions of a log', () => {
  const entry = (index: number, command: Command): Entry => {
    const data = encodeEnvelope({ origin: 'n1', incarnation: 1, requestId: index, command });
    return { index, term: 1, kind: 'command', data };
  };
  const admit = (index: number, number: number, change: object = {}): Entry => {
    const admission = { ...member(number), ...change };
    return entry(index, { kind: 'admit-member', member: admission, invitation: null });
  };

  test('are read, the last word for each name, and nothing else', () => {
    const log: readonly Entry[] = [
      { index: 1, term: 1, kind: 'no-op' },
      admit(2, 4),
      entry(3, { kind: 'remove-member', node: 'n2' }),
      admit(4, 4, { peerId: 'peer-new' }),
      { index: 5, term: 1, kind: 'command', data: Uint8Array.of(0xc1) },
    ];
    expect(admissionsIn(log)).toEqual([{ ...member(4), peerId: 'peer-new' }]);
    expect(admissionsIn([])).toEqual([]);
  });
});
