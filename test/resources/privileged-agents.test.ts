/**
 * Runs `resource-agent-runner.ts` in network and mount namespaces of its own, and makes a test of each
 * line of its report.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../src/system/run.ts';
import type { ClauseReport } from '../contract/resource-agent-runner.ts';
import { noNetworks } from '../system/support/privilege.ts';
import { must, works } from './support/shell.ts';

const RUNNER = fileURLToPath(new URL('../contract/resource-agent-runner.ts', import.meta.url));
const TIMEOUT_MS = 180_000;

const directory = mkdtempSync(join(tmpdir(), 'holdfast-agents-'));

/** Also when the runner was killed: a loop device outlives the namespace in which it was made. */
function detachLoops(): void {
  for (const line of must('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE').split(
    '\n',
  )) {
    const [device = '', file = ''] = line.trim().split(/\s+/);
    if (file.startsWith(directory)) works('losetup', '--detach', device);
  }
}

async function report(): Promise<readonly ClauseReport[]> {
  if (noNetworks !== null) return [];
  const namespaces = ['unshare', '--net', '--mount', '--propagation', 'private'];
  const { status, stdout, stderr } = await run(
    [...namespaces, process.execPath, RUNNER, directory],
    { signal: AbortSignal.timeout(2 * TIMEOUT_MS), timeoutMs: TIMEOUT_MS },
  );
  if (status !== 0) return [{ name: 'the runner', error: stderr, durationMs: 0 }];
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ClauseReport);
}

const reports = await report();

afterAll(() => {
  if (noNetworks === null) detachLoops();
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
