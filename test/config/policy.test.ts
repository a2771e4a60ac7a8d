/** What a group may say beyond its resources, and the file of `holdfast apply -f`. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../src/cluster/policy.ts';
import { checkGroupsFile } from '../../src/config/groups-file.ts';
import { checkConfig } from '../../src/config/load.ts';
import { edited, VALID } from './fixture.ts';

const NODES = ['node1', 'node2', 'node3'];
const GROUP = (name: string, more = ''): string =>
  `  - { name: ${name}, resources: []${more === '' ? '' : `, ${more}`} }\n`;

function read(text: string) {
  const { wanted, faults } = checkGroupsFile('groups.yaml', text, NODES);
  return { wanted, faults: faults.map((one) => `${one.severity} ${one.code} ${one.path}`) };
}

describe('the policy of a group', () => {
  test('is none where nothing is said', () => {
    expect(checkConfig('f', VALID).config?.groups[0]).not.toHaveProperty('policy');
  });

  test('has every key, and the usual value where one is missing', () => {
    const text = edited(
      'preferred: [node1, node2]',
      `preferred: [node1, node2]
    restarts: { count: 5, within: 2min }
    failovers: { count: 3 }
    failback: 22:30-04:00
    uses: { memory: 4.5 }
    priority: 7
    budgets: { serve: 30s, total: 1min }`,
    );
    expect(checkConfig('f', text).config?.groups[0]?.policy).toEqual({
      ...DEFAULT_POLICY,
      restarts: { count: 5, windowMs: 120_000 },
      failovers: { count: 3, windowMs: 600_000 },
      failback: { fromMinute: 1_350, toMinute: 240 },
      uses: { memory: 4.5 },
      priority: 7,
      budgetsMs: { serve: 30_000, total: 60_000 },
    });
  });

  test.each([
    ['failback: 25:00-04:00', 'error CONFIG_INVALID groups[0].failback'],
    ['failback: 04:00-04:00', 'error CONFIG_INVALID groups[0].failback'],
    ['budgets: { sleep: 1s }', 'error CONFIG_UNKNOWN_KEY groups[0].budgets.sleep'],
    ['with: [a]', 'error CONFIG_INVALID groups[0].with[0]'],
    ['with: [b], apart: [b]', 'error CONFIG_INVALID groups[0].apart[0]'],
    ['after: [ghost]', 'warning CONFIG_UNWISE groups[0].after[0]'],
    ['after: [c]', 'error CYCLIC_DEPENDENCY groups'],
  ])('%s: %s', (what, fault) => {
    const text = `groups:\n${GROUP('a', what)}${GROUP('b')}${GROUP('c', 'with: [a]')}`;
    expect(read(text).faults).toContain(fault);
  });
});

describe('the file of apply', () => {
  test('names groups, groups that are to go, and room on nodes', () => {
    const text = `groups:\n${GROUP('a')}delete: [b]\ncapacity: { node2: { memory: 8 } }\n`;
    expect(read(text)).toEqual({
      wanted: {
        groups: [{ group: 'a', resources: [], preferred: [] }],
        gone: ['b'],
        capacities: { node2: { memory: 8 } },
      },
      faults: [],
    });
  });

  test.each([
    ['groups: 3', 'error CONFIG_INVALID groups'],
    ['groop: []', 'error CONFIG_UNKNOWN_KEY groop'],
    [`groups:\n${GROUP('a')}delete: [a]`, 'error CONFIG_INVALID delete[0]'],
    ['capacity: { node9: {} }', 'error NODE_NOT_IN_MEMBERS capacity.node9'],
    ['groups: [', 'error CONFIG_SYNTAX '],
  ])('%j: %s', (text, fault) => {
    const { wanted, faults } = read(text);
    expect(wanted).toBeNull();
    expect(faults).toContain(fault);
  });

  test('an empty file asks for nothing', () => {
    expect(read('').wanted).toEqual({ groups: [], gone: [], capacities: {} });
  });
});
