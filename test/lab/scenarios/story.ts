/** What all stories of a failover share: the beginning, the outage that clients saw, and the verdict. */
import type { LoadStatus } from '../clients.ts';
import { FailoverLab, type FailoverLabOptions } from '../failover-lab.ts';
import { until } from '../kernel/index.ts';
import type { Answer, Machine } from '../lab.ts';
import { FLOATING_IP, MOUNT_POINT } from '../lab-config.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';

const STALE_WRITE_LIMIT_MS = 30_000;
const LOOK_LIMIT_MS = 10_000;
const LET_GO_LIMIT_MS = 90_000;

/** What happens to a running cluster, and what must hold. Leaves it whole, for the next act. */
export type Act = (all: FailoverLab, report: Report) => Promise<void>;

/** A cluster of its own, one act, and the verdict of its clients. */
export function failoverScenario(
  facts: Pick<Scenario, 'name' | 'about' | 'sabotages' | 'lab'> & { readonly act: Act },
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

/** A write below the file system, as a machine would make it that believes to own the disk. */
export async function staleWrite(guest: Machine): Promise<Answer> {
  const { status, output } = await guest.exec(
    'dd if=/dev/zero of=/dev/lab/lun0 bs=4096 count=1 seek=100000 oflag=direct 2>&1',
    STALE_WRITE_LIMIT_MS,
  );
  const lines = output.trim().split('\n');
  return { status, output: lines.find((line) => line.startsWith('dd: ')) ?? lines.at(-1) ?? '' };
}

/** A machine that was reset, by whatever means, is like one whose power came back. */
export async function powerCycled(all: FailoverLab, id: number): Promise<void> {
  await all.lab.guest(id).powerOff();
  await all.cluster.bootAgain(id);
}

/** Waits until a machine has neither address nor mount; answers '' or what was waited for in vain. */
export async function holdsNothing(all: FailoverLab, id: number): Promise<string> {
  const address = `ip -o -4 addr show | grep -c '${FLOATING_IP}/'`;
  return await until(
    async () => {
      const { status, output } = await all.lab
        .guest(id)
        .exec(`${address}; grep -c ' ${MOUNT_POINT} ' /proc/mounts; true`, LOOK_LIMIT_MS);
      return status === 0 && /^0\s+0\s*$/.test(output);
    },
    { what: `node${id} lets go of address and mount`, limitMs: LET_GO_LIMIT_MS },
    () => all.cluster.logTail(id),
  ).then(
    () => '',
    (error: unknown) => String(error).slice(0, 300),
  );
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
