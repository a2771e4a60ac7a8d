/**
 * Takeovers under a writing owner, many in a row on one cluster: no write of an older epoch lands after
 * the newer owner's takeover returned, no acknowledged record is lost, no disk has two writers, and
 * two disks of one group have one owner.
 */
import { FAULTS } from '../campaign/faults.ts';
import { Landings } from '../campaign/landings.ts';
import { LUNS, Takeovers, type Tally } from '../campaign/takeovers.ts';
import type { FailoverLab } from '../failover-lab.ts';
import type { Report, Scenario } from '../scenario.ts';
import { startOrReport, verdict } from './story.ts';

/** As many rounds as asked for, of these faults in turn. */
export async function campaign(
  all: FailoverLab,
  report: Report,
  { runs, faults }: { readonly runs: number; readonly faults: readonly string[] },
): Promise<Tally> {
  const landings = new Landings(all.lab, LUNS);
  landings.start();
  const takeovers = new Takeovers(all, landings, report);
  try {
    for (let run = 0; run < runs; run += 1) {
      const name = faults[run % faults.length] ?? '';
      const inflict = FAULTS.get(name);
      if (inflict === undefined) throw new RangeError(`there is no fault ${name}`);
      await takeovers.round(name, inflict);
      // What it left behind is looked at, not buried under further rounds.
      if (takeovers.hasBlamed) break;
    }
  } catch (error) {
    report.check('every round came to its end', false, String(error).slice(0, 6000));
  } finally {
    await landings.stop();
  }
  const { tally } = takeovers;
  report.check('every fault was answered by a takeover', tally.runs === runs, `${tally.runs}`);
  for (const counter of ['lateWrites', 'doubleMounts', 'splitOwnership'] as const) {
    report.check(`${counter}: 0`, tally[counter] === 0, `${tally[counter]}`);
  }
  report.measure('servedMedianMs', median(tally.servedMs));
  report.measure('servedWorstMs', Math.max(...tally.servedMs));
  report.measure('roundMedianMs', median(tally.roundMs));
  report.measure('unasked', tally.unasked);
  return tally;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export const takeovers: Scenario = {
  name: 'takeovers',
  about: 'N takeovers in a row under a writing owner, on two disks',
  lab: { nodes: 3, luns: LUNS },
  sabotages: ['fence', 'fsync'],
  faults: [...FAULTS.keys()],
  repeatsItself: true,
  run: async (context) => {
    const { report } = context;
    const all = await startOrReport(context, { stamps: true });
    const chosen = context.fault === undefined ? [...FAULTS.keys()] : [context.fault];
    const tally = await campaign(all, report, { runs: context.runs, faults: chosen });
    const done = await verdict(all, report);
    const { runs, faults, lateWrites, doubleMounts, splitOwnership, unasked } = tally;
    const lost = report.measures['lost'] ?? Number.NaN;
    return {
      ...done,
      summary: { runs, faults, lateWrites, lost, doubleMounts, splitOwnership, unasked },
    };
  },
};
