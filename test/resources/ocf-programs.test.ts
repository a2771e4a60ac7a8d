/**
 * Agents of Debian's `resource-agents` with the programs that they manage: `ocf-runner.ts` in namespaces of
 * its own. The short form asks each for its life and its undoing; HOLDFAST_LONG=1 for every clause.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { noNetworks } from '../system/support/privilege.ts';
import { detachLoops, reportsOf } from './support/namespaced.ts';

const RUNNER = fileURLToPath(new URL('../contract/ocf-runner.ts', import.meta.url));
const TIMEOUT_MS = 400_000;

const reason = existsSync('/usr/lib/ocf/resource.d/heartbeat/Filesystem')
  ? noNetworks
  : 'the package resource-agents is not installed';
if (reason !== null) process.stderr.write(`OCF agents of real programs are skipped: ${reason}\n`);

const form = process.env['HOLDFAST_LONG'] === '1' ? 'long' : 'short';
const directory = mkdtempSync(join(tmpdir(), 'holdfast-ocf-programs-'));
const reports = reason === null ? await reportsOf(RUNNER, [directory, form], TIMEOUT_MS) : [];

afterAll(() => {
  if (reason === null) detachLoops(directory);
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(reason !== null)('OCF agents of real programs', () => {
  it('were all asked', () => {
    const names = ['Filesystem', 'IPaddr2', 'pgsql', 'nginx'];
    const absent = names.filter((name) => !reports.some((one) => one.name.includes(name)));
    if (absent.length > 0) process.stderr.write(`not installed here: ${absent.join(', ')}\n`);
    expect(reports.length).toBeGreaterThan(3);
  });

  it.each(reports)('$name', ({ error }) => {
    expect(error).toBeNull();
  });
});
