/**
 * A configuration that cannot be right, given to the real command: it ends before anything runs, with
 * the status of a configuration, and says what is wrong, where and what to do. That *every* fault is
 * found, with its place, is shown in test/config; here each kind goes through the whole daemon once.
 */
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { ProblemCode } from '../../src/lib/problems.ts';
import type { EmbeddedCluster } from '../demo/embedded-cluster.ts';
import { changed } from './support/spoiled.ts';
import { refused } from './support/start-attempt.ts';
import { holdfast, LIMIT_MS, problemIn, workspace } from './support/workspace.ts';

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let place: EmbeddedCluster;
beforeAll(async () => {
  place = await workspace();
});
afterAll(() => place.down());

type Change = Parameters<typeof changed>[1];
const group = (...rest: readonly (string | number)[]) => ['groups', 0, ...rest] as const;

const FAULTS: readonly (readonly [string, ProblemCode, string, readonly Change[]])[] = [
  ['a key that nothing reads', 'CONFIG_UNKNOWN_KEY', 'intreconnects', [[['intreconnects'], []]]],
  [
    'two members of one name',
    'DUPLICATE_NAME',
    'member node1',
    [[['members', 1, 'name'], 'node1']],
  ],
  ['two members with one number', 'DUPLICATE_NAME', 'number 1', [[['members', 1, 'number'], 1]]],
  [
    'a cyclic dependency',
    'CYCLIC_DEPENDENCY',
    'disk',
    [[group('resources', 0, 'needs'), ['address']]],
  ],
  [
    'a dependency that is not defined',
    'UNKNOWN_DEPENDENCY',
    'sever',
    [[group('resources', 2, 'needs'), ['sever']]],
  ],
  [
    'a type of resource that is not known',
    'UNKNOWN_RESOURCE_TYPE',
    'daemon',
    [[group('resources', 1, 'type'), 'daemon']],
  ],
  [
    'a lease that is shorter than an election',
    'TIMES_INCONSISTENT',
    'lease',
    [[['times'], { lease: '1300ms' }]],
  ],
  [
    'a single interconnect',
    'TOO_FEW_INTERCONNECTS',
    '1 of at least 2',
    [[['interconnects'], ['lan-a']]],
  ],
  ['no members', 'CONFIG_INVALID', 'members', [[['members'], undefined]]],
  ['a peer id that is none', 'CONFIG_INVALID', 'peer-id', [[['members', 2, 'peer-id'], 'Qm']]],
];

test.each(FAULTS)('%s is refused: %s', async (_name, code, says, changes) => {
  const argv = ['--config', changed(place, ...changes)];
  await refused(place, { code, status: EXIT.configuration, says }, { argv });
});

test('two members on one address are refused, and both places are named', async () => {
  const address = place.config.addresses['node1']?.['lan-a'] ?? '';
  const argv = ['--config', changed(place, [['members', 1, 'addresses', 'lan-b'], address])];
  const says = `${address.replace(':', ' port ')} is already used in line 12`;
  await refused(place, { code: 'DUPLICATE_ADDRESS', status: EXIT.configuration, says }, { argv });
});

test('a node that is not among the members is refused', async () => {
  const argv = ['--node', 'node9'];
  const says = 'node9 is not one of node1, node2, node3';
  await refused(place, { code: 'NODE_NOT_IN_MEMBERS', status: EXIT.configuration, says }, { argv });
});

test('a socket path that is too long for a socket is refused', async () => {
  const argv = ['--socket', join(place.directory, 'x'.repeat(108))];
  const says = 'longer than 107 bytes';
  await refused(place, { code: 'CONFIG_INVALID', status: EXIT.configuration, says }, { argv });
});

test('a file that is no YAML is refused with the place', async () => {
  const path = join(place.directory, 'garbled.yaml');
  writeFileSync(path, 'cluster: a\nmembers: [\n\tnode');
  const refusal = { code: 'CONFIG_SYNTAX', status: EXIT.configuration, says: `${path}:3` } as const;
  await refused(place, refusal, { argv: ['--config', path] });
});

test.each([
  ['does not exist', () => join(place.directory, 'nothing.yaml')],
  ['is a directory', () => place.directory],
  ['is a link into nothing', () => dangling(join(place.directory, 'dangling.yaml'))],
])('a file that %s is refused', async (_name, path) => {
  const says = path();
  const refusal = { code: 'CONFIG_NOT_FOUND', status: EXIT.configuration, says } as const;
  await refused(place, refusal, { argv: ['--config', says] });
});

function dangling(path: string): string {
  symlinkSync(`${path}.gone`, path);
  return path;
}

test('several faults are told at once, in the order of the file', async () => {
  const path = changed(
    place,
    [['members', 1, 'number'], 1],
    [group('resources', 2, 'needs'), ['x']],
  );
  const argv = [...place.runArguments('node1'), '--config', path, '--json'];
  const { stdout } = await holdfast(place, argv);
  const faults = problemIn(stdout).context['faults'];
  expect(faults).toMatchObject([{ code: 'DUPLICATE_NAME' }, { code: 'UNKNOWN_DEPENDENCY' }]);
});

test('a command line that is not understood is no matter of the configuration', async () => {
  const argv = [...place.runArguments('node1'), '--sabotage', 'everything', '--json'];
  const { status, stdout } = await holdfast(place, argv);
  expect({ status, code: problemIn(stdout).code }).toEqual({ status: EXIT.usage, code: 'USAGE' });
  expect((await holdfast(place, ['run'])).status).toBe(EXIT.usage);
});

test('control: the same file without a fault is good', async () => {
  const { status, stdout } = await holdfast(place, ['config', 'check', changed(place)]);
  expect(stdout).toContain('good for 3 members, 1 groups');
  expect(status).toBe(EXIT.ok);
});
