/** Units of a real systemd: `systemd-runner.ts` in namespaces of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { mounts } from '../../src/system/mounts.ts';
import { reportsOf } from './support/namespaced.ts';

const RUNNER = fileURLToPath(new URL('../contract/systemd-runner.ts', import.meta.url));
const PRIVATE_PROCESSES = ['--pid', '--fork', '--kill-child', '--mount-proc'];

function reasonAgainst(): string | null {
  if (process.getuid?.() !== 0) return 'needs root for namespaces of its own';
  if (!existsSync('/lib/systemd/systemd')) return 'systemd is not installed';
  if (!mounts().some(({ type }) => type === 'cgroup2')) return 'no version 2 control groups';
  const works = spawnSync('unshare', ['--mount', ...PRIVATE_PROCESSES, 'true']).status === 0;
  return works ? null : 'needs unshare(1) with pid namespaces';
}

const reason = reasonAgainst();
if (reason !== null) process.stderr.write(`units of systemd are not tested: ${reason}\n`);
const directory = mkdtempSync(join(tmpdir(), 'holdfast-systemd-'));
const reports =
  reason === null ? await reportsOf(RUNNER, [directory], 120_000, PRIVATE_PROCESSES) : [];
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe.skipIf(reason !== null)('units of systemd', () => {
  it('were all asked', () => {
    expect(reports.length).toBeGreaterThan(12);
  });

  it.each(reports)('$name', ({ error }) => {
    expect(error).toBeNull();
  });
});
