/** What all stories of a failover share: the beginning, the outage that clients saw, and the verdict. */
import type { LoadStatus } from '../clients.ts';
import { FailoverLab, type FailoverLabOptions } from '../failover-lab.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';

/** What happens to a running cluster, and what must hold. Leaves it whole, for the next act. */
export type Act = (all: FailoverLab, report: Report) => Promise<void>;

/** A cluster of its own, one act, and the verdict of its clients. */
export function failoverScenario(
  facts: Pick<Scenario, 'name' | 'about' | 'sabotages'> & { readonly act: Act },
): Scenario {
  const { act, ...rest } = facts;
  return {
    ...rest,
    run: async (context) => {
      const all = await startOrReport(context);
      await act(all, context.report);
      return await verdict(all, context.report);
    },
  };
}

type Beginning = Pick<ScenarioContext, 'lab' | 'report' | 'sabotage'>;

export async function startOrReport(
  { lab, report, sabotage }: Beginning,
  more: Pick<FailoverLabOptions, 'stamps'> = {},
): Promise<FailoverLab> {
  const say = (line: string): void => report.say(line);
  return await report.time('form', () => FailoverLab.start({ lab, sabotage, say, ...more }));
}

/** The longest silence since `before`, as a client felt it. */
export async function noteOutage(
  all: FailoverLab,
  report: Report,
  before: LoadStatus,
): Promise<number> {
  const { outages } = await all.load.status();
  const fresh = outages.slice(before.outages.length);
  const outageMs = Math.max(0, ...fresh.map(({ durationMs }) => durationMs));
  report.measure('outageMs', outageMs);
  return outageMs;
}

/** Stops the load, compares what was acknowledged with what is there, and closes the report. */
export async function verdict(all: FailoverLab, report: Report): Promise<ScenarioReport> {
  const stopped = await all.load.stop();
  const { acknowledged, lost, phantom, examples } = await all.load.verify();
  report.measure('acknowledged', acknowledged);
  report.measure('lost', lost);
  report.check(
    'every acknowledged record is there',
    acknowledged > 0 && lost === 0,
    `${acknowledged} acknowledged, ${lost} lost ${examples.join(', ')}`,
  );
  report.check('no record is there that nobody sent', phantom === 0, `${phantom}`);
  report.check(
    'no older owner answered after a newer one',
    stopped.violations.length === 0,
    JSON.stringify(stopped.violations.slice(0, 3)),
  );
  return report.done();
}
