/**
 * What happens to the storage of a serving owner, on real kernels, one cluster through one act after the
 * other. The long form has all of them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FailoverLab } from './failover-lab.ts';
import { KernelLab } from './kernel/index.ts';
import { Report } from './scenario.ts';
import { act as loginAnew } from './scenarios/login-anew.ts';
import { act as movedWhileFrozen } from './scenarios/moved-while-frozen.ts';
import { act as pathsLost } from './scenarios/paths-lost.ts';
import { type Act, verdict } from './scenarios/story.ts';
import { act as stranger } from './scenarios/stranger.ts';
import { actForgets, actReboot } from './scenarios/target-reboot.ts';
import { act as thirdHand } from './scenarios/third-hand.ts';

const ACTS: readonly (readonly [string, Act])[] = [
  ['a third hand clears the disk', thirdHand],
  ['a former owner thaws after the group was moved on', movedWhileFrozen],
  ['the session of the owner is logged in anew', loginAnew],
  ['the key of a stranger is on the disk', stranger],
  ['the target reboots with its reservations', actReboot],
  ['the target reboots without its reservations', actForgets],
  ['the owner loses every path', pathsLost],
];
const SHORT = 3;
const long = process.env['HOLDFAST_LONG'] === '1';
const acts = long ? ACTS : ACTS.slice(0, SHORT);
if (!long) {
  const left = ACTS.slice(SHORT).map(([what]) => what);
  process.stderr.write(`acts of the long form only (npm test -- --long): ${left.join('; ')}\n`);
}

describe('the storage of a cluster on real kernels', () => {
  const lab = new KernelLab();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let all: FailoverLab;

  beforeAll(async () => {
    await lab.up({ nodes: 3, luns: 1, say });
    all = await FailoverLab.start({ lab, say });
  });

  afterAll(() => lab.down());

  it.each(acts)('%s', async (_name, act) => {
    const report = new Report(say);
    await act(all, report);
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks.length).toBeGreaterThan(0);
  });

  it('kept every record that was acknowledged', async () => {
    const { checks } = await verdict(all, new Report(say));
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });
});
