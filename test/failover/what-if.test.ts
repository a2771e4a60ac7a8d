/** What would happen: told from what is committed and seen, without touching either. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../src/cluster/policy.ts';
import { overruns } from '../../src/failover/budget.ts';
import { SUPPOSITIONS } from '../../src/failover/suppositions.ts';
import { type Basis, whatIf } from '../../src/failover/what-if.ts';
import { applyAll, assign, definition, serving } from '../cluster/a-cluster.ts';
import { alive, dead, Leader, runs, type Seen, TIMES } from './a-plan.ts';

const db = definition('db');
const onN2 = { group: 'db', expectedEpoch: 2, node: 'n2' } as const;
/** `web` is served by n1, `db` by n2. */
const both = applyAll(
  serving,
  { kind: 'set-level', level: 3 },
  { kind: 'define-group', definition: db, expectedRevision: 0, by: 'op' },
  assign('db', 0, 'n2'),
  { kind: 'fenced', ...onN2, disk: 'disk' },
  { kind: 'serving', ...onN2, stamps: [] },
);
const seen = {
  n1: alive({ ...runs(1), fit: ['db'] }),
  n2: alive({ ...runs(2, 'serving', 'db'), fit: ['web'] }),
  n3: alive({ fit: ['web', 'db'] }),
};

function basis(state = both, nodes: Readonly<Record<string, Seen>> = seen): Basis {
  return { state, view: new Leader(state, nodes).view(), times: TIMES, wallMs: 0 };
}

function told(of: Basis, ...texts: readonly string[]) {
  const result = whatIf(of, texts);
  if (!result.ok) return `${result.error.code}: ${result.error.detail}`;
  const { steps, waiting, owners, noQuorum } = result.value;
  return {
    steps: steps.map(({ what }) => what),
    waiting: waiting.map(({ code }) => code),
    owners,
    noQuorum,
  };
}

describe('what would happen', () => {
  test('as it is: nothing', () => {
    expect(told(basis())).toEqual({
      steps: [],
      waiting: [],
      owners: { web: 'n1', db: 'n2' },
      noQuorum: '',
    });
  });

  test('if a node dies: its group goes to the node that carries least, with the reason for each node', () => {
    expect(told(basis(), 'n2 dies')).toMatchObject({
      steps: ['db goes from n2 to n3, as failover'],
      owners: { web: 'n1', db: 'n3' },
    });
    const result = whatIf(basis(), ['n2 dies']);
    const [step] = result.ok ? result.value.steps : [];
    expect(step?.why).toContain('refused on every interconnect');
    expect(step?.nodes.map(({ node, why }) => `${node}: ${why}`)).toEqual([
      'n3: fit',
      'n1: fit',
      'n2: not heard',
    ]);
  });

  test('if the leader itself dies, somebody else decides the same way', () => {
    expect(told(basis(), 'node n1 dies')).toMatchObject({ owners: { web: 'n3', db: 'n2' } });
  });

  test('if two of three die: no majority, nothing is served', () => {
    const { noQuorum, owners } = told(basis(), 'n2 dies', 'n3 dies') as never;
    expect(noQuorum).toBe('1 of 3 voters would be left (n1): no majority, nothing is served');
    expect(owners).toEqual({ web: null, db: null });
  });

  test('if a node goes to standby, and comes back', () => {
    expect(told(basis(), 'n2 standby')).toMatchObject({
      steps: ['db is stopped on n2 for n3', 'db goes from n2 to n3, as move'],
    });
    const broken = basis(both, { ...seen, n3: dead() });
    expect(told(broken, 'n2 dies', 'n3 returns')).toMatchObject({ owners: { db: 'n3' } });
  });

  test('if a group stops, those that start after it wait when they fail', () => {
    const policy = { ...DEFAULT_POLICY, after: ['db'] };
    const state = applyAll(both, {
      kind: 'define-group',
      definition: { ...definition('web'), policy },
      expectedRevision: 1,
      by: 'op',
    });
    expect(told(basis(state), 'group db stops')).toMatchObject({
      steps: ['db is stopped on n2'],
      waiting: ['GROUP_STANDBY'],
      owners: { web: 'n1', db: null },
    });
    expect(told(basis(state), 'group db stops', 'group web fails')).toMatchObject({
      waiting: ['WAITS_FOR_GROUP', 'GROUP_STANDBY'],
    });
  });

  test('if a group fails, or is moved', () => {
    expect(told(basis(), 'group db fails')).toMatchObject({ owners: { db: 'n3' } });
    expect(told(basis(), 'db moves to n1')).toMatchObject({ owners: { db: 'n1', web: 'n1' } });
  });

  test('what nobody could take is said, with the reason for each node', () => {
    const blind = basis(both, {
      ...seen,
      n1: alive(runs(1)),
      n3: alive({ unfit: { db: 'DISK_NOT_FOUND' } }),
    });
    const result = whatIf(blind, ['n2 dies']);
    expect(result.ok && result.value.waiting).toEqual([
      {
        group: 'db',
        code: 'NO_FIT_NODE',
        why: 'n2: not heard; n3: DISK_NOT_FOUND; n1: has not said whether it is fit',
      },
    ]);
  });

  test('nothing is touched', () => {
    const asked = basis();
    const before = structuredClone(asked);
    whatIf(asked, ['n2 dies', 'group web fails']);
    expect(asked).toEqual(before);
  });

  test.each([
    ['n9 dies', 'UNKNOWN_NODE: node n9'],
    ['group mail stops', 'UNKNOWN_GROUP: group mail'],
    ['db moves to n9', 'UNKNOWN_NODE: node n9'],
    ['the roof burns', `BAD_SUPPOSITION: "the roof burns" is none of ${SUPPOSITIONS}`],
  ])('%s: %s', (text, words) => {
    expect(told(basis(), text)).toBe(words);
  });
});

describe('a budget', () => {
  const took = { phasesMs: { mount: 40, serve: 9_000 }, totalMs: 9_400 };

  test('is exceeded by what took longer, and by nothing that was not measured', () => {
    expect(overruns(took, { serve: 5_000, fence: 1, mount: 40, total: 9_399 })).toEqual([
      { phase: 'serve', tookMs: 9_000, budgetMs: 5_000 },
      { phase: 'total', tookMs: 9_400, budgetMs: 9_399 },
    ]);
    expect(overruns(took, {})).toEqual([]);
  });
});
