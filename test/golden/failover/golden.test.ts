/**
 * The golden stories of the planner: each is told again and must come out as it stands in its file.
 * `npm run golden -- --update` rewrites what differs.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { difference } from '../difference.ts';
import { tell, titleOf } from '../story.ts';
import { examine, SUITES, storiesOf } from '../suites.ts';
import type { Sabotage } from './sabotage.ts';
import { FailoverStage, titlesOf } from './stage.ts';

const [suite] = SUITES.filter(({ name }) => name === 'failover');
if (suite === undefined) throw new Error('there is no suite failover');
const names = storiesOf(suite);
const textOf = (name: string): string => readFileSync(join(suite.directory, name), 'utf8');

const ABOUT = '# Title\n# What is shown,\n# and why it matters.\n';
const SCENE = 'members n1 n2 n3\ngroup web\nweb is served by n2\nsituation one\n';

test('there are enough situations, and no two of a file have the same title', () => {
  const titles = names.map((name) => titlesOf(textOf(name)));
  expect(titles.flat().length).toBeGreaterThanOrEqual(150);
  for (const ofFile of titles) expect(new Set(ofFile).size).toBe(ofFile.length);
});

test('the page of this folder counts them right', () => {
  const page = readFileSync(join(suite.directory, 'README.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\S+\.txt)` \| (.+) \| (\d+) \|$/gm)].map((row) =>
    row.slice(1),
  );
  const counted = names.map((name) => {
    return [name, titleOf(textOf(name)), `${titlesOf(textOf(name)).length}`];
  });
  expect(rows).toEqual(counted);
});

test('each situation expects something, so that no update can bend all of it', () => {
  const empty = names.flatMap((name) =>
    textOf(name)
      .split(/^(?=situation |and then )/m)
      .slice(1)
      .filter((moment) => !/^(expect|until) /m.test(moment))
      .map((moment) => `${name}: ${moment.split('\n')[0]}`),
  );
  expect(empty).toEqual([]);
});

describe('each story comes out as its file says', () => {
  test.each(names)('%s', (name) => {
    const { detail, state } = examine(suite, name, false);
    expect(state, detail).toBe('same');
  });
});

describe('controls', () => {
  const failureOf = (script: string): string | null =>
    tell('x.txt', ABOUT + script, new FailoverStage()).failure;

  test('a changed outcome is found, with its line', () => {
    const text = textOf('owner-dies.txt');
    const changed = text.replace('may be seen after 346 ms', 'may be seen after 345 ms');
    const told = tell('x.txt', changed, new FailoverStage());
    expect(told).toEqual({ text, failure: null });
    expect(difference(changed, told.text)).toMatch(/^ *\d+ - .* 345 ms$/m);
  });

  test('an outcome that is missing, or too much, is found', () => {
    const lines = textOf('owner-dies.txt').split('\n');
    const at = lines.findIndex((line) => line.startsWith('  '));
    for (const changed of [lines.toSpliced(at, 1), lines.toSpliced(at, 0, '  n1 dances')]) {
      const told = tell('x.txt', changed.join('\n'), new FailoverStage());
      expect(difference(changed.join('\n'), told.text)).not.toBe('');
    }
  });

  test('an expectation that does not hold fails with its line, and nothing rewrites it', () => {
    const script = `${SCENE}the daemon of n2 is killed\n`;
    expect(failureOf(`${script}expect web goes to n1 on proof-of-death`)).toBeNull();
    expect(failureOf(`${script}expect web goes to n3`)).toMatch(/^x.txt:9: not so: web goes to n3/);
    expect(failureOf(`${script}expect web goes to n1 at once`)).toMatch(/^x.txt:9: not so/);
    expect(failureOf(`${script}expect web goes to n1 as move`)).toMatch(/^x.txt:9: not so/);
    expect(failureOf(`${SCENE}until web is unowned`)).toMatch(
      /^x.txt:8: after 120000 ms still not/,
    );
    expect(failureOf(`${SCENE}move web to n2\nexpect it was refused: UNKNOWN_NODE`)).toMatch(
      /^x.txt:9: not so: it was refused: UNKNOWN_NODE\nALREADY_OWNER/,
    );
    expect(failureOf(`${SCENE}move web to n3\nexpect it was refused: WRONG_PHASE`)).toMatch(
      /^x.txt:9: not so: it was refused: WRONG_PHASE\nit was accepted/,
    );
  });

  test.each([
    ['web dances', 'x.txt:8: this line means nothing: web dances'],
    ['expect web dances', 'x.txt:8: this condition means nothing: web dances'],
    ['until web dances', 'x.txt:8: this condition means nothing: web dances'],
    ['the daemon of n9 is killed', 'x.txt:8: there is no node n9'],
    ['mail is served now', 'x.txt:8: there is no group mail'],
    ['plan\nn3 was never heard', 'x.txt:9: the world has started'],
    ['n1 loses power\nplan', 'x.txt:9: n1 leads and is down'],
    ['web is given to n9', 'x.txt:8: refused, UNKNOWN_NODE: node n9'],
  ])('a script that means nothing is refused with its line: %j', (script, expected) => {
    expect(failureOf(SCENE + script)?.split('\n')[0]).toBe(expected);
  });

  test('nothing can be told as following from nothing', () => {
    expect(failureOf('members n1\nand then more')).toBe('x.txt:5: nothing was before');
  });
});

const CHOSEN = [
  'asymmetric-hearing.txt',
  'elections.txt',
  'in-flight.txt',
  'leases.txt',
  'nobody-fit.txt',
  'standby.txt',
];

/** Which of the chosen stories fail in an expectation when the planner is wrong in this one way. */
const NOTICED: Readonly<Record<Exclude<Sabotage, 'none'>, readonly string[]>> = {
  'leases-ignored': ['asymmetric-hearing.txt', 'elections.txt', 'leases.txt', 'standby.txt'],
  'everyone-is-fit': [
    'asymmetric-hearing.txt',
    'in-flight.txt',
    'leases.txt',
    'nobody-fit.txt',
    'standby.txt',
  ],
  'suspects-are-dead': ['asymmetric-hearing.txt', 'elections.txt', 'leases.txt'],
  'witnesses-ignored': ['asymmetric-hearing.txt', 'elections.txt'],
  'no-back-off': ['elections.txt', 'nobody-fit.txt'],
  'deaf-nodes-hear': ['asymmetric-hearing.txt', 'nobody-fit.txt'],
};

describe('a planner that is wrong in one way is noticed', () => {
  test.each(Object.entries(NOTICED))('%s', (sabotage, expected) => {
    const failed = CHOSEN.filter((name) => {
      const stage = new FailoverStage({ sabotage: sabotage as Sabotage });
      return /(not so|still not): /.test(tell(name, textOf(name), stage).failure ?? '');
    });
    expect(failed).toEqual(expected);
  });
});
