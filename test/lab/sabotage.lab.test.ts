/**
 * Negative controls: a mechanism of the system under test is switched off, and an observer outside
 * must report the harm. A checker that stays content here would prove nothing elsewhere.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { KernelLab } from './kernel/index.ts';
import { Report, type Scenario } from './scenario.ts';
import { daemonKill } from './scenarios/daemon-kill.ts';
import { freeze } from './scenarios/freeze.ts';
import { majorityLoss } from './scenarios/majority-loss.ts';
import { powerLoss } from './scenarios/power-loss.ts';
import { takeovers } from './scenarios/takeovers.ts';

/**
 * Scenario, what is switched off, and the sentence that must turn out false. The first three are the
 * short form: a control takes more than a minute, and all of them together the time of everything else.
 */
const CONTROLS: readonly {
  readonly name: string;
  readonly scenario: Scenario;
  readonly sabotage: string;
  readonly expected: RegExp;
  readonly fault?: string;
}[] = [
  { ...control(takeovers, 'fence', /lateWrites: 0(.*\n)*splitOwnership: 0/), fault: 'freeze' },
  control(majorityLoss, 'lease', /nothing is served without a majority/),
  control(powerLoss, 'fsync', /every acknowledged record is there/),
  control(freeze, 'fence', /the disk refuses a write/),
  control(daemonKill, 'guardian', /address and application are gone/),
  control(freeze, 'epoch', /lets go of address|spoke for the address|two addresses/),
];

function control(scenario: Scenario, sabotage: string, expected: RegExp) {
  return { name: scenario.name, scenario, sabotage, expected };
}

const SHORT = 3;
const long = process.env['HOLDFAST_LONG'] === '1';
const controls = long ? CONTROLS : CONTROLS.slice(0, SHORT);
if (!long) {
  const left = CONTROLS.slice(SHORT).map(({ name, sabotage }) => `${name} --sabotage ${sabotage}`);
  process.stderr.write(`controls of the long form only (npm test -- --long): ${left.join(', ')}\n`);
}

describe('an observer reports the harm when there is', () => {
  let lab: KernelLab;
  afterEach(() => lab.down());

  it.each(controls)('$name without $sabotage', async ({ scenario, sabotage, expected, fault }) => {
    lab = new KernelLab();
    const options = { nodes: 3, luns: 1, ...scenario.lab };
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    await lab.up({ ...options, say });
    const report = new Report(say);
    await scenario.run({ lab, options, report, sabotage, fault, runs: 1 });
    const failed = report.checks.filter(({ ok }) => !ok).map(({ what }) => what);
    expect(failed.join('\n')).toMatch(expected);
  });
});
