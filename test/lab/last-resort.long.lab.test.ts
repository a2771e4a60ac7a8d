/**
 * Stories that need a laboratory of their own: a machine that is reset, an hour that goes by, two paths to
 * one disk. The long form only: each takes more than a minute.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { KernelLab } from './kernel/index.ts';
import { Report } from './scenario.ts';
import { freezeForAnHour } from './scenarios/freeze.ts';
import { onePath } from './scenarios/one-path.ts';
import { targetRestart } from './scenarios/target-reboot.ts';
import { stopHangs, watchdog } from './scenarios/watchdog.ts';

const STORIES = [watchdog, stopHangs, onePath, targetRestart, freezeForAnHour];
const long = process.env['HOLDFAST_LONG'] === '1';
if (!long) {
  const names = STORIES.map(({ name }) => name).join(', ');
  process.stderr.write(`long form only (npm test -- --long): ${names}\n`);
}

describe.skipIf(!long)('a story of its own', () => {
  let lab: KernelLab;
  afterEach(() => lab.down());

  async function failed(scenario: (typeof STORIES)[number], sabotage?: string): Promise<string[]> {
    lab = new KernelLab();
    const options = { nodes: 3, luns: 1, ...scenario.lab };
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    await lab.up({ ...options, say });
    const report = new Report(say);
    const { checks } = await scenario.run({ lab, options, report, sabotage, runs: 1 });
    expect(checks.length).toBeGreaterThan(0);
    return checks.filter(({ ok }) => !ok).map(({ what }) => what);
  }

  it.each(STORIES)('$name: $about', async (scenario) => {
    expect(await failed(scenario)).toEqual([]);
  });

  it('without the watchdog the machine goes on (negative control)', async () => {
    expect((await failed(watchdog, 'watchdog')).join()).toMatch(/was reset/);
  });
});
