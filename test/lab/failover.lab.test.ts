/**
 * The product on real kernels, in the short form for CI: one cluster goes through one act after the
 * other, and each act must leave it whole. `npm run lab -- SCENARIO --runs N` is the long form.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LUNS } from './campaign/takeovers.ts';
import { FailoverLab } from './failover-lab.ts';
import { KernelLab } from './kernel/index.ts';
import { Report } from './scenario.ts';
import { act as daemonKill } from './scenarios/daemon-kill.ts';
import { act as interconnectCut } from './scenarios/interconnect-cut.ts';
import { act as isolate } from './scenarios/isolate.ts';
import { act as majorityLoss } from './scenarios/majority-loss.ts';
import { type Act, verdict } from './scenarios/story.ts';
import { campaign } from './scenarios/takeovers.ts';

const ACTS: readonly (readonly [string, Act])[] = [
  ['one interconnect fails everywhere and nobody notices', interconnectCut],
  ['the owner is cut off while its disk path lives', isolate],
  ['the daemon of the owner is killed', daemonKill],
  ['two of three nodes lose power', majorityLoss],
];

describe('a cluster on real kernels', () => {
  const lab = new KernelLab();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let all: FailoverLab;

  beforeAll(async () => {
    await lab.up({ nodes: 3, luns: LUNS, say });
    all = await FailoverLab.start({ lab, say, filesystem: 'xfs', stamps: true });
  });

  afterAll(() => lab.down());

  it.each(ACTS)('%s', async (_name, act) => {
    const report = new Report(say);
    await act(all, report);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks.length).toBeGreaterThan(0);
  });

  it('is taken over again and again, and no write of an older epoch is late', async () => {
    const report = new Report(say);
    // The others: `npm run lab -- takeovers`, and the long form.
    const every = ['freeze', 'power-loss', 'two-attackers', 'san-cut'];
    const faults = process.env['HOLDFAST_LONG'] === '1' ? every : every.slice(0, 2);
    await campaign(all, report, { runs: faults.length, faults });
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks.length).toBeGreaterThan(0);
  });

  it('kept every record that was acknowledged, and no older owner ever answered', async () => {
    const { checks } = await verdict(all, new Report(say));
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });
});
