/**
 * The golden stories of the consensus core: each is told again and must come out as it stands in its
 * file. `npm run golden -- --update` rewrites what differs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { difference } from '../difference.ts';
import { tell } from '../story.ts';
import { examine, SUITES, storiesOf } from '../suites.ts';
import { RaftStage } from './stage.ts';

const [suite] = SUITES.filter(({ name }) => name === 'raft');
if (suite === undefined) throw new Error('there is no suite raft');
const names = storiesOf(suite);
const textOf = (name: string): string => readFileSync(join(suite.directory, name), 'utf8');

const ABOUT = '# Title\n# What is shown,\n# and why it matters.\n';

test('there are enough stories', () => {
  expect(names.length).toBeGreaterThanOrEqual(40);
});

describe('each story comes out as its file says', () => {
  test.each(names)('%s', (name) => {
    const { detail, state } = examine(suite, name, false);
    expect(state, detail).toBe('same');
  });
});

test('what the stories expect does not hang on the election timeouts of one seed', () => {
  const failures = names.flatMap((name) =>
    [1, 2, 3].flatMap((seed) => tell(name, textOf(name), new RaftStage({ seed })).failure ?? []),
  );
  expect(failures).toEqual([]);
});

describe('controls', () => {
  const failureOf = (script: string, stage = new RaftStage()): string | null =>
    tell('x.txt', ABOUT + script, stage).failure;

  test('a changed outcome is found, with its line', () => {
    const text = textOf('election.txt');
    const changed = text.replace('a leads term 1', 'b leads term 1');
    const told = tell('x.txt', changed, new RaftStage());
    expect(told).toEqual({ text, failure: null });
    const found = difference(changed, told.text);
    expect(found).toMatch(/^ *\d+ - {3}b leads term 1$/m);
    expect(found).toMatch(/^ *\d+ \+ {3}a leads term 1$/m);
  });

  test('an outcome that is missing, or too much, is found', () => {
    const text = textOf('election.txt');
    const lines = text.split('\n');
    const at = lines.findIndex((line) => line.startsWith('  '));
    for (const changed of [lines.toSpliced(at, 1), lines.toSpliced(at, 0, '  a dances')]) {
      const told = tell('x.txt', changed.join('\n'), new RaftStage());
      expect(told.text).toBe(text);
      expect(difference(changed.join('\n'), told.text)).not.toBe('');
    }
  });

  test.each([
    ['a dances', 'x.txt:4: this line means nothing: a dances'],
    ['cluster a b\nuntil a dances', 'x.txt:5: this condition means nothing: a dances'],
    ['cluster a b\ncrash z', 'x.txt:5: there is no node z'],
    ['cluster a b\ncrash a\npropose "x" at a', 'x.txt:6: a is down'],
    ['wait 1s', 'x.txt:4: no cluster is named yet'],
    ['cluster a\nwait 1ms\nspare b', 'x.txt:6: the machines run already'],
    ['cluster a b\nset maxFun 1', 'x.txt:5: there is no limit maxFun'],
  ])('a script that means nothing is refused with its line: %j', (script, expected) => {
    expect(failureOf(script)).toMatch(expected);
  });

  test('a story without a title and two lines about it is refused', () => {
    expect(tell('x.txt', '# Title\ncluster a\n', new RaftStage()).failure).toMatch(
      /^x.txt:2: begin/,
    );
  });

  test('an expectation that does not hold fails, and so does waiting for what never comes', () => {
    const script = 'cluster a b c\nelect a\n';
    expect(failureOf(`${script}expect a leads term 1`)).toBeNull();
    expect(failureOf(`${script}expect b leads`)).toMatch(/^x.txt:6: not so: b leads/);
    expect(failureOf(`${script}until b leads`)).toMatch(/^x.txt:6: after 10000 ms still not/);
  });

  test('messages that leave before the sync are reported as a broken invariant', () => {
    const script = 'cluster a b c\nelect a';
    expect(failureOf(script)).toBeNull();
    expect(failureOf(script, new RaftStage({ sabotage: 'messages-before-sync' }))).toMatch(
      /^x.txt:5: an invariant is broken. CommittedOnQuorum: /,
    );
  });

  test('a vote that is forgotten at a restart is reported as a broken invariant', () => {
    const script = `cluster a b c
cut a <-> c
hold every vote from a to b
a campaigns
wait 5ms
c campaigns
wait 5ms
crash b
restart b
release
wait 5ms`;
    expect(failureOf(script)).toBeNull();
    expect(failureOf(script, new RaftStage({ sabotage: 'vote-forgotten-at-restart' }))).toMatch(
      /^x.txt:14: an invariant is broken. OneVotePerTerm: /,
    );
  });
});
