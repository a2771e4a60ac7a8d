/** Definitions that follow each other: what differs, what interrupts, what the history keeps. */
import { describe, expect, test } from 'vitest';
import type { Command } from '../../src/cluster/command.ts';
import { differenceOf, interrupts } from '../../src/cluster/difference.ts';
import { parameterOnNode } from '../../src/cluster/parameters.ts';
import { DEFAULT_POLICY } from '../../src/cluster/policy.ts';
import {
  applyAll,
  definition,
  founded,
  group,
  outcomeOf,
  refusal,
  resource,
  serving,
} from './a-cluster.ts';

const raise: Command = { kind: 'set-level', level: 3 };
const web = definition('web');
const define = (what: typeof web, expectedRevision: number, more = {}): Command => {
  return { kind: 'define-group', definition: what, expectedRevision, by: 'op', ...more };
};
const withOwn = (node: string) => ({
  ...web,
  resources: web.resources.map((one) =>
    one.name === 'ip' ? { ...one, parameters: { [parameterOnNode('device', node)]: 'eth1' } } : one,
  ),
});

describe('what differs', () => {
  test('in words, and nothing where only the order of keys does', () => {
    const policy = { ...DEFAULT_POLICY, failback: 'now' as const, uses: { memory: 4 } };
    const other = {
      ...web,
      preferred: ['n2'],
      policy,
      resources: [...web.resources.slice(1), resource('more', 'application')],
    };
    expect(differenceOf(web, other)).toEqual([
      'preferred: nobody → n2',
      'failback: never → now',
      'uses: none → memory 4',
      'resource more: new, application',
      'resource disk: gone',
    ]);
    expect(differenceOf(null, web)).toEqual(['new, with disk, data, ip, app']);
    const turned = { ...resource('ip', 'floating-ip'), parameters: { a: 1, b: 2 } };
    const back = { ...turned, parameters: { b: 2, a: 1 } };
    expect(differenceOf({ ...web, resources: [turned] }, { ...web, resources: [back] })).toEqual(
      [],
    );
  });

  test('interrupts only whoever reads something else', () => {
    const owned = group(serving);
    expect(interrupts(owned, withOwn('n1'))).toBe(true);
    expect(interrupts(owned, withOwn('n4'))).toBe(false);
    expect(interrupts(group(founded), withOwn('n1'))).toBe(false);
  });
});

describe('a definition while the group is in use', () => {
  test('values of a newcomer are taken at once, from level 3 on', () => {
    expect(refusal(serving, define(withOwn('n4'), 1))).toBe('GROUP_OWNED');
    const after = applyAll(serving, raise, define(withOwn('n4'), 1));
    expect(group(after)).toMatchObject({ revision: 2, phase: 'serving' });
  });

  test('waits where it is told to, and is cleared by whatever definition comes', () => {
    const later = applyAll(serving, raise, define(withOwn('n1'), 1, { whenDown: true }));
    expect(group(later)).toMatchObject({ revision: 1, pending: { by: 'op' } });
    expect(group(applyAll(later, define(web, 1))).pending).toBeNull();
  });

  test('cannot wait before level 3', () => {
    expect(refusal(serving, define(withOwn('n1'), 1, { whenDown: true }))).toBe(
      'FEATURE_LEVEL_LOW',
    );
  });
});

describe('the history', () => {
  test('keeps each definition, and that of a deleted group, from level 3 on', () => {
    const risen = applyAll(founded, raise);
    const after = applyAll(risen, define({ ...web, preferred: ['n2'] }, 1), {
      kind: 'delete-group',
      group: 'web',
      by: 'op',
    });
    const kept = after.history.flatMap(({ event, detail, defined }) =>
      defined === undefined
        ? []
        : [[event, defined.revision, defined.definition.preferred, detail]],
    );
    expect(kept).toEqual([
      ['defined', 2, ['n2'], 'revision 2, by op; preferred: nobody → n2'],
      ['deleted', 2, ['n2'], 'by op'],
    ]);
    expect(founded.history.some(({ defined }) => defined !== undefined)).toBe(false);
  });
});

describe('the feature level', () => {
  test('only rises, and never beyond what this release knows', () => {
    const risen = applyAll(founded, raise);
    expect(outcomeOf(risen, raise)).toMatchObject({ ok: true });
    expect(applyAll(risen, { kind: 'set-level', level: 2 })).toBe(risen);
    expect(refusal(founded, { kind: 'set-level', level: 5 })).toBe('FEATURE_LEVEL_LOW');
  });

  test('rises once more, and what was deleted before is remembered', () => {
    const deleted: Command = { kind: 'delete-group', group: 'web', by: 'op' };
    const { history: _, ...risen } = applyAll(founded, raise, deleted);
    // The history has forgotten it.
    const after = applyAll({ ...risen, history: [] }, { kind: 'set-level', level: 4 });
    expect(after).toMatchObject({ level: 4, deleted: ['web'] });
  });

  test('is asked for by what is new', () => {
    const news: readonly Command[] = [
      { kind: 'set-wish', group: 'web', wish: null, by: 'op' },
      { kind: 'set-capacity', node: 'n1', capacity: null, by: 'op' },
      { kind: 'expired', group: 'web', expectedEpoch: 0, detail: '' },
      define({ ...web, policy: DEFAULT_POLICY }, 1),
    ];
    for (const command of news) {
      expect(refusal(founded, command), command.kind).toBe('FEATURE_LEVEL_LOW');
      expect(outcomeOf(applyAll(founded, raise), command).ok, command.kind).toBe(true);
    }
  });
});
