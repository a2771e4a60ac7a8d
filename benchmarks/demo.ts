/**
 * Runs the demonstration several times and reports, for each of its faults, the outage that clients
 * saw and the median of each phase. Loopback or laboratory: figures of different machines, or of two
 * runs, are not to be compared; ratios within one run are.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { DemoReport, Failover } from '../test/demo/story.ts';
import { quantile } from './quantile.ts';

const { values } = parseArgs({
  options: {
    embedded: { type: 'boolean', default: false },
    runs: { type: 'string', default: '3' },
  },
});
const demo = fileURLToPath(new URL('../test/demo/main.ts', import.meta.url));

function play(): DemoReport {
  const args = [demo, '--json', ...(values.embedded ? ['--embedded'] : [])];
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as DemoReport;
}

function summary(fault: string, all: readonly Failover[]): object {
  const outages = all.map(({ outageMs }) => outageMs);
  const names = [...new Set(all.flatMap(({ phasesMs }) => Object.keys(phasesMs)))];
  const phases = names.map((name) => [
    name,
    quantile(
      all.flatMap(({ phasesMs }) => phasesMs[name] ?? []),
      0.5,
    ),
  ]);
  return {
    fault,
    runs: all.length,
    outageMs: {
      p50: quantile(outages, 0.5),
      p90: quantile(outages, 0.9),
      max: Math.max(...outages),
    },
    phasesMs: Object.fromEntries(phases),
    lost: Math.max(...all.map(({ lost }) => lost)),
  };
}

const reports = Array.from({ length: Number(values.runs) }, () => play());
const failovers = reports.flatMap((report) => report.failovers);
const faults = [...new Set(failovers.map(({ fault }) => fault))];
console.log(
  JSON.stringify({
    ok: reports.every(({ ok }) => ok),
    mode: reports[0]?.mode,
    faults: faults.map((fault) =>
      summary(
        fault,
        failovers.filter((one) => one.fault === fault),
      ),
    ),
  }),
);
