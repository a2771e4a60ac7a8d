/**
 * Runs `resource-agent-runner.ts` in network and mount namespaces of its own, and makes a test of each
 * line of its report.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { noNetworks } from '../system/support/privilege.ts';
import { detachLoops, reportsOf } from './support/namespaced.ts';

const RUNNER = fileURLToPath(new URL('../contract/resource-agent-runner.ts', import.meta.url));
const TIMEOUT_MS = 180_000;

const directory = mkdtempSync(join(tmpdir(), 'holdfast-agents-'));
const reports = noNetworks === null ? await reportsOf(RUNNER, [directory], TIMEOUT_MS) : [];

afterAll(() => {
  if (noNetworks === null) detachLoops(directory);
  rmSync(directory, { recursive: true, force: true });
});

describe.skipIf(noNetworks !== null)('agents on real devices', () => {
  it('were all asked', () => {
    expect(reports.length).toBeGreaterThan(80);
  });

  it.each(reports)('$name', ({ error }) => {
    expect(error).toBeNull();
  });
});
