/**
 * Negative controls: a mechanism of the system under test is switched off, and an observer outside
 * must report the harm. A checker that stays content here would prove nothing elsewhere.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { KernelLab } from './kernel/index.ts';
import { Report, type Scenario } from './scenario.ts';
import { daemonKill } from './scenarios/daemon-kill.ts';
import { freeze } from './scenarios/freeze.ts';
import { isolate } from './scenarios/isolate.ts';
import { powerLoss } from './scenarios/power-loss.ts';

/** Scenario, what is switched off, and the sentence that must turn out false. */
const CONTROLS: readonly (readonly [Scenario, string, RegExp])[] = [
  [freeze, 'fence', /the disk refuses a write/],
  [isolate, 'lease', /silent before the next one spoke|two addresses/],
  [daemonKill, 'guardian', /address and application are gone/],
  [powerLoss, 'fsync', /every acknowledged record is there/],
  [freeze, 'epoch', /lets go of address|spoke for the address|two addresses/],
];

describe('an observer reports the harm when there is', () => {
  let lab: KernelLab;
  afterEach(() => lab.down());

  it.each(CONTROLS)('no $1 ($0.name)', async (scenario, sabotage, expected) => {
    lab = new KernelLab();
    const options = { nodes: 3, luns: 1, ...scenario.lab };
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    await lab.up({ ...options, say });
    const report = new Report(say);
    await scenario.run({ lab, options, report, sabotage });
    const failed = report.checks.filter(({ ok }) => !ok).map(({ what }) => what);
    expect(failed.join('\n')).toMatch(expected);
  });
});
