/**
 * PostgreSQL on the image of a disk at one moment of pgbench's load, served again by the agents:
 * `crash-runner.ts` in namespaces of its own.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { noNetworks } from '../system/support/privilege.ts';
import { noCrashImages } from './support/crash-stage.ts';
import { noPostgres } from './support/database.ts';
import { detachLoops, reportsOf } from './support/namespaced.ts';

const RUNNER = fileURLToPath(new URL('../contract/crash-runner.ts', import.meta.url));
const TIMEOUT_MS = 300_000;

const reason = noNetworks ?? noCrashImages() ?? noPostgres;
if (reason !== null) process.stderr.write(`crash images are not tested: ${reason}\n`);
const directory = mkdtempSync(join(tmpdir(), 'holdfast-crash-'));
chmodSync(directory, 0o755);
const reports = reason === null ? await reportsOf(RUNNER, [directory], TIMEOUT_MS) : [];

afterAll(() => {
  if (reason === null) detachLoops(directory);
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(reason !== null)('on the image of a disk as a power loss leaves it', () => {
  it('something was tried', () => {
    expect(reports.length).toBeGreaterThan(0);
  });

  it.each(reports)('$name', ({ error }) => {
    expect(error).toBeNull();
  });
});
