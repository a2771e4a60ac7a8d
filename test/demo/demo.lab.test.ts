/** The demonstration on real kernels is a test: what it shows must hold, and its last line must say so. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { DemoReport } from './story.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const LIMIT_MS = 400_000;

describe('npm run demo', () => {
  it('shows a power loss and a freeze on real kernels, and loses nothing', {
    timeout: LIMIT_MS,
  }, () => {
    const output = execFileSync(process.execPath, [MAIN, '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    });
    const report = JSON.parse(output.trim().split('\n').at(-1) ?? '') as DemoReport;
    expect(report).toMatchObject({ ok: true, mode: 'kernel' });
    expect(report.failovers.map(({ fault }) => fault)).toEqual(['power-loss', 'freeze']);
    for (const failover of report.failovers) {
      expect(failover.lost).toBe(0);
      expect(failover.acked).toBeGreaterThan(0);
      expect(failover.epochTo).toBeGreaterThan(failover.epochFrom);
      expect(failover.to).not.toBe(failover.from);
    }
  });
});
