/**
 * The 185 cases of etcd's quorum and confchange packages on our code. Where the data is not there the
 * cases are skipped, and the skipped test and a line on the console say why.
 */
import { describe, expect, test } from 'vitest';
import { success } from '../../src/lib/result.ts';
import type { Case } from './datadriven.ts';
import {
  type Code,
  differs,
  OURS,
  type Outcome,
  readSuite,
  runConfchange,
  runQuorum,
  unavailable,
} from './etcd-raft.ts';
import { drawnValues } from './quorum-cases.ts';

type Files = readonly (readonly Case[])[];

const why = unavailable();
if (why !== null) console.log(`conformance etcd-raft: not run: ${why}`);

function runAll(code: Code, quorum: Files, confchange: Files): readonly Outcome[] {
  return [...runQuorum(quorum, code), ...runConfchange(confchange, code)];
}

const title = ({ one }: Outcome): string => {
  const parts = [...one.arguments].map(([key, value]) => `${key}=(${value.join(',')})`);
  return `${one.place} ${[one.command, ...parts, ...one.input].join(' ')}`.trim();
};

/** The same files with one case's last expected line changed. */
function withChangedExpectation(files: Files, victim: Case): Files {
  const change = (one: Case): Case => {
    const last = one.expected.at(-1) ?? '';
    return { ...one, expected: [...one.expected.slice(0, -1), changed(last)] };
  };
  return files.map((cases) => cases.map((one) => (one === victim ? change(one) : one)));
}

function changed(line: string): string {
  if (line.includes('VoteWon')) return line.replace('VoteWon', 'VotePending');
  if (line.includes('∞')) return line.replace('∞', '0');
  return `${line}1`;
}

if (why !== null) {
  test.skip(`the cases of etcd-raft: ${why}`, () => undefined);
} else {
  const quorum = readSuite('quorum');
  const confchange = readSuite('confchange');
  const outcomes = runAll(OURS, quorum, confchange);

  describe('a case of etcd is answered as etcd answers it', () => {
    test.each(outcomes.map((outcome) => [title(outcome), outcome] as const))('%s', (_, outcome) => {
      expect(outcome.actual).toEqual(outcome.expected);
    });
  });

  describe('the run as a whole', () => {
    test('exactly 185 cases ran: 127 of quorums, 58 of changes', () => {
      const of = (suite: string): number => outcomes.filter((o) => o.suite === suite).length;
      expect([outcomes.length, of('quorum'), of('confchange')]).toEqual([185, 127, 58]);
      expect(new Set(outcomes.map(({ one }) => one.place)).size).toBe(185);
      expect(outcomes.filter(differs)).toEqual([]);
    });

    test('as many as the page says are decided by our code alone', () => {
      const own = outcomes.filter((outcome) => outcome.own !== null);
      const reasons = Map.groupBy(own, (outcome) => outcome.own);
      const counted = Object.fromEntries([...reasons].map(([reason, of]) => [reason, of.length]));
      expect(counted).toEqual({
        'not one voter would stay': 3,
        'nothing would change': 9,
        'ours begins with a bootstrap': 9,
        'ours changes any number of voters, through a joint configuration': 3,
      });
    });

    test('the values are read as the drawings of the cases have them', () => {
      const drawn = outcomes.filter(({ one }) => drawnValues(one).size > 0);
      expect(drawn.length).toBeGreaterThan(60);
      for (const { one } of drawn) {
        const ids = [...(one.arguments.get('cfg') ?? []), ...(one.arguments.get('cfgj') ?? [])];
        const values = one.arguments.get('idx') ?? [];
        const read = [...new Set(ids.filter((id) => id !== 'zero'))].map((id, i) => {
          return [id, (values[i] ?? '_').replace('_', '0')] as const;
        });
        expect(new Map(read), one.place).toEqual(drawnValues(one));
      }
    });
  });

  describe('control', () => {
    test('a case with a changed expectation fails, and no other does', () => {
      for (const { one } of outcomes) {
        const outcomesNow = one.place.startsWith('quorum')
          ? runQuorum(withChangedExpectation(quorum, one), OURS)
          : runConfchange(withChangedExpectation(confchange, one), OURS);
        const found = outcomesNow.filter(differs);
        expect(found.map((outcome) => outcome.one.place)).toEqual([one.place]);
      }
    });

    const wrongs: readonly (readonly [string, Partial<Code>])[] = [
      ['half of the voters is a majority', { quorumValue: halfIsEnough }],
      [
        'only the new voters count',
        { tally: (c, vote) => OURS.tally({ ...c, outgoing: [] }, vote) },
      ],
      ['leaving forgets learners', { settled: (c) => ({ ...OURS.settled(c), learners: [] }) }],
      ['no change is joint', { towards: (_, target) => success({ ...target, outgoing: [] }) }],
    ];
    test.each(wrongs)('code in which %s is found out', (_, wrong) => {
      expect(runAll({ ...OURS, ...wrong }, quorum, confchange).filter(differs)).not.toEqual([]);
    });
  });
}

function halfIsEnough(...[{ voters }, reachedBy]: Parameters<Code['quorumValue']>): number {
  const values = voters.map(reachedBy).sort((a, b) => b - a);
  return values[Math.ceil(voters.length / 2) - 1] ?? Number.POSITIVE_INFINITY;
}
