/** The configuration of a node that joined: what is written is what is read. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Joined, joinedFileText, writeNewFile } from '../../src/config/joined-file.ts';
import { checkConfig } from '../../src/config/load.ts';
import { defaultTimes } from '../../src/config/times.ts';

const PEERS = [
  '12D3KooWKz233y1CGbsaU8Mpjus92eA4kqrCJdRoBZ7xkmD9ZuTn',
  '12D3KooWAyMhqQvqYvv7t1SvUmDvyUH9Fiis1AHQt1F61HVL5Bsj',
  '12D3KooWPj2z5pohryCFgBZtJPFe19iMkpacEaTQbcVbVUruCUwo',
  '12D3KooWMG1bNx5ZqNswE5dzb5jzQa2qJ6d4uiWeBjo2dkq3a7wJ',
];

const joined: Joined = {
  clusterId: 'lab',
  node: 'node4',
  profile: 'fast',
  // Of a cluster that began with three voters: too short a lease for four, were it a new one.
  times: { ...defaultTimes('fast'), heartbeatMs: 29 },
  interconnects: ['lan-a', 'lan-b'],
  members: PEERS.map((peerId, i) => ({
    node: `node${i + 1}`,
    number: i + 1,
    peerId,
    addresses: { 'lan-a': `10.0.1.${i + 1}:7400`, 'lan-b': `[fd00::${i + 1}]:7400` },
  })),
  dataDirectory: '/var/lib/holdfast',
  socketPath: '/run/elsewhere.sock',
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-joined-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the file', () => {
  test('is read as what was written', () => {
    const { config, faults } = checkConfig('joined.yaml', joinedFileText(joined));
    expect(faults.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(config).toMatchObject({ ...joined, invited: true, groups: [] });
  });

  test('of a cluster that has grown is warned of its times, and not refused', () => {
    const { config, faults } = checkConfig('joined.yaml', joinedFileText(joined));
    expect(faults.map(({ code, path }) => `${code} ${path}`)).toContain(
      'CONFIG_UNWISE times.lease',
    );
    expect(config?.times.leaseMs).toBe(joined.times.leaseMs);
  });

  test('with times that contradict each other in any cluster is refused', () => {
    const wrong = { ...joined, times: { ...joined.times, leaseMs: 100 } };
    const { config, faults } = checkConfig('joined.yaml', joinedFileText(wrong));
    expect(config).toBeNull();
    expect(faults.map(({ code }) => code)).toContain('TIMES_INCONSISTENT');
  });

  test.each(['1', '"yes"', 'null'])('that says invited: %s is refused', (value) => {
    const text = joinedFileText(joined).replace(/^invited: .*$/m, `invited: ${value}`);
    const { config, faults } = checkConfig('joined.yaml', text);
    expect(config).toBeNull();
    const [first] = faults.filter(({ severity }) => severity === 'error');
    expect([first]).toMatchObject([{ code: 'CONFIG_INVALID', path: 'invited' }]);
  });
});

describe('writing it', () => {
  test('gives it to its owner alone', async () => {
    const path = join(directory, 'holdfast.yaml');
    await writeNewFile(path, 'text\n');
    expect(readFileSync(path, 'utf8')).toBe('text\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('never takes the place of a file', async () => {
    const path = join(directory, 'holdfast.yaml');
    writeFileSync(path, 'mine');
    await expect(writeNewFile(path, 'text')).rejects.toMatchObject({ code: 'CONFIG_EXISTS' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });

  test('says where it could not', async () => {
    const path = join(directory, 'nowhere', 'holdfast.yaml');
    await expect(writeNewFile(path, 'text')).rejects.toMatchObject({
      code: 'CONFIG_UNWRITABLE',
      context: { path },
    });
  });
});
