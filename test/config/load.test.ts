import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveGroup } from '../../src/cluster/parameters.ts';
import { checkConfig, loadConfig } from '../../src/config/load.ts';
import { defaultTimes } from '../../src/config/times.ts';
import { edited, faultsOf, VALID } from './fixture.ts';

const EXAMPLE = fileURLToPath(new URL('../../config/three-nodes.yaml', import.meta.url));

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('loadConfig', () => {
  it('the example of the README loads on each of its nodes without a warning', async () => {
    for (const node of ['node1', 'node2', 'node3']) {
      const warnings: string[] = [];
      const config = await loadConfig(EXAMPLE, { node }, (fault) => warnings.push(fault.detail));
      expect(config).toMatchObject({ clusterId: 'example', node, profile: 'fast' });
      expect(warnings).toEqual([]);
    }
  });

  it('definitions are the same on every node, and each node reads its own values from them', async () => {
    const [one, three] = await Promise.all([
      loadConfig(EXAMPLE, { node: 'node1' }),
      loadConfig(EXAMPLE, { node: 'node3' }),
    ]);
    expect(one?.groups).toEqual(three?.groups);
    const parents = ['node1', 'node3'].map((node) =>
      three?.groups
        .flatMap((group) => resolveGroup(group, node).resources)
        .find((resource) => resource.type === 'virtual-mac'),
    );
    expect(parents.map((each) => each?.parameters['parent'])).toEqual(['eth2', 'enp3s0']);
  });

  it('a resource needs what its parameters refer to, without being told twice', () => {
    const needs = checkConfig('lab.yaml', VALID).config?.groups[0]?.resources.map(
      ({ name, needs }) => [name, needs],
    );
    expect(needs).toEqual([
      ['disk', []],
      ['data', ['disk']],
      ['mac', []],
      ['address', ['mac']],
      ['app', ['data', 'address']],
    ]);
  });

  it('times and timeouts come from profile and type where the file says nothing', () => {
    const { config } = checkConfig('lab.yaml', edited('profile: fast', 'profile: safe'));
    expect(config?.times).toEqual(defaultTimes('safe'));
    const app = config?.groups[0]?.resources.at(-1);
    expect(app).toMatchObject({ startTimeoutMs: 20_000, stopTimeoutMs: 15_000 });
  });

  it('a figure of its own replaces that of the profile', () => {
    const text = edited('profile: fast', 'profile: fast\ntimes: { lease: 0.5s, lease-renew: 40 }');
    expect(checkConfig('lab.yaml', text).config?.times).toEqual({
      ...defaultTimes('fast'),
      leaseMs: 500,
      leaseRenewMs: 40,
    });
  });

  it('a watchdog is fed only where the file names one', () => {
    expect(checkConfig('lab.yaml', VALID).config?.watchdog).toBeUndefined();
    const short = edited('profile: fast', 'profile: fast\nwatchdog: {}');
    const full = edited(
      'profile: fast',
      'profile: fast\nwatchdog: { device: /dev/watchdog1, timeout: 1min }',
    );
    expect([short, full].map((text) => checkConfig('lab.yaml', text).config?.watchdog)).toEqual([
      { device: '/dev/watchdog', timeoutMs: 10_000 },
      { device: '/dev/watchdog1', timeoutMs: 60_000 },
    ]);
  });

  it('the command line beats the file', async () => {
    const file = join(directory, 'lab.yaml');
    writeFileSync(file, VALID);
    const overrides = {
      node: 'node2',
      dataDirectory: '/tmp/d',
      socketPath: '/tmp/s',
      sabotage: ['fence'],
    } as const;
    expect(await loadConfig(file, overrides)).toMatchObject(overrides);
  });

  it('directory, socket and log may differ from node to node', () => {
    const text = edited(
      'data-directory: /var/lib/holdfast',
      'data-directory: { per-node: { node1: /d/1, node2: /d/2, node3: /d/3 } }\n' +
        'log: { level: warn, file: { per-node: { node1: /l/1, node2: /l/2, node3: /l/3 } } }',
    );
    expect(checkConfig('lab.yaml', text, { node: 'node3' }).config).toMatchObject({
      dataDirectory: '/d/3',
      log: { level: 'warn', file: '/l/3', trace: null },
    });
  });

  it('groups of operators', () => {
    const text = `${VALID}operators: { admin-group: holdfast, read-only-group: 5002 }\n`;
    const { config, faults } = checkConfig('f.yaml', text);
    expect(faults).toEqual([]);
    expect(config).toMatchObject({ operators: { adminGroup: 'holdfast', readOnlyGroup: '5002' } });
    const wrong = checkConfig('f.yaml', `${VALID}operators: { admins: wheel }\n`);
    expect(wrong.faults).toMatchObject([{ code: 'CONFIG_UNKNOWN_KEY', path: 'operators.admins' }]);
  });

  it('a file that is not there, a directory and a binary file are each refused', async () => {
    const missing = join(directory, 'missing.yaml');
    await expect(loadConfig(missing)).rejects.toMatchObject({
      code: 'CONFIG_NOT_FOUND',
      context: { place: missing },
    });
    await expect(loadConfig(directory)).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND' });
    const binary = join(directory, 'binary');
    writeFileSync(binary, Buffer.from([0, 1, 2, 0]));
    await expect(loadConfig(binary)).rejects.toMatchObject({ code: 'CONFIG_SYNTAX' });
  });

  it('the error is that of the first fault and carries all, each with cause, remedy and place', async () => {
    const file = join(directory, 'lab.yaml');
    writeFileSync(
      file,
      edited('    number: 2\n', '    number: 1\n', edited('profile:', 'profil:')),
    );
    const error = await loadConfig(file).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'CONFIG_UNKNOWN_KEY',
      context: {
        place: `${file}:5:1`,
        path: 'profil',
        detail: '"profil"; did you mean "profile"?',
        faults: [
          { code: 'CONFIG_UNKNOWN_KEY', remedy: expect.stringContaining('spelling') },
          {
            code: 'DUPLICATE_NAME',
            place: `${file}:13:13`,
            detail: 'number 1 is already used in line 9',
          },
        ],
      },
    });
  });

  it('the fixture itself has no fault', () => {
    expect(faultsOf(VALID)).toEqual([]);
    expect(faultsOf(VALID, 'warning')).toEqual([]);
  });
});
