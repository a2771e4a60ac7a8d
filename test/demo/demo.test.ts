/** The embedded demonstration, as anybody without privileges sees it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { DemoReport } from './story.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const LIMIT_MS = 240_000;

describe('npm run demo -- --embedded', () => {
  it('plays the same story without privileges', { timeout: LIMIT_MS }, () => {
    const output = execFileSync(process.execPath, [MAIN, '--embedded', '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    });
    const report = JSON.parse(output.trim().split('\n').at(-1) ?? '') as DemoReport;
    expect(report).toMatchObject({ ok: true, mode: 'embedded' });
    expect(report.failovers.every(({ lost, acked }) => lost === 0 && acked > 0)).toBe(true);
  });
});
