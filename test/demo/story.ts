/**
 * The story of the demonstration: a client works, the owner loses its power, another serves; the new
 * owner freezes, a third serves, and the thawed machine finds that its write is refused and its
 * address is gone. Everything is said as it happens, and counted.
 */
import { renderTimeline } from '../../src/cli/chart.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { durationText } from '../../src/lib/duration.ts';
import type { Timeline } from '../../src/operator/api.ts';
import type { LoadVerdict } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import type { Finding, Owner, Stage } from './stage.ts';

export type Failover = {
  readonly fault: 'power-loss' | 'freeze';
  readonly from: string;
  readonly to: string;
  readonly epochFrom: number;
  readonly epochTo: number;
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly outageMs: number;
  readonly acked: number;
  readonly lost: number;
};

export type DemoReport = {
  readonly ok: boolean;
  readonly mode: Stage['mode'];
  readonly failovers: readonly Failover[];
};

export type Teller = { readonly terminal: Terminal; say(line: string): void };

const TIMELINE_LIMIT_MS = 20_000;

export async function play(stage: Stage, teller: Teller): Promise<DemoReport> {
  const { say } = teller;
  const findings: Finding[] = [];
  const judge = (finding: Finding): void => {
    findings.push(finding);
    say(`  ${finding.ok ? 'yes' : 'NO'}  ${finding.words}`);
  };
  const first = await stage.served();
  say(`${first.node} owns the group in epoch ${first.epoch}; clients append records to it`);
  await stage.answered();

  say('');
  say(`1. The power of ${first.node} is cut.`);
  const loss = await failOver(stage, teller, 'power-loss', first, () => stage.powerOff(first.node));
  judge(await stage.oneOwner());
  say(`   ${first.node} gets its power back.`);
  await stage.powerOn(first.node);
  const second = await stage.served();
  judge({
    ok: second.node === loss.to,
    words: `${first.node} is a member again; the group stays on ${second.node}`,
  });

  say('');
  say(`2. ${second.node} freezes, with its writes in flight.`);
  const frozen = await failOver(stage, teller, 'freeze', second, () => stage.freeze(second.node));
  say(`   ${second.node} runs again, and does not know that time has passed.`);
  await stage.thaw(second.node);
  judge(await stage.writeOfOldOwner(second.node));
  judge(await stage.letGo(second.node));
  judge(await stage.oneOwner());

  say('');
  const verdict = await lastCount(stage, teller);
  const failovers = [loss, frozen].map((one) => ({ ...one, lost: verdict.lost }));
  const ok = findings.every((finding) => finding.ok) && verdict.acknowledged > 0 && verdict.ok;
  say(ok ? 'Everything that was promised held.' : 'SOMETHING THAT WAS PROMISED DID NOT HOLD.');
  return { ok, mode: stage.mode, failovers };
}

async function failOver(
  stage: Stage,
  { say, terminal }: Teller,
  fault: Failover['fault'],
  from: Owner,
  strike: () => Promise<void>,
): Promise<Omit<Failover, 'lost'>> {
  const before = await stage.load.status();
  await strike();
  const to = await stage.served({ not: from.node, after: from.epoch });
  say(`   ${to.node} owns the group in epoch ${to.epoch} and serves`);
  await stage.answered();
  const after = await stage.load.status();
  const fresh = after.outages.slice(before.outages.length);
  const outageMs = Math.round(Math.max(0, ...fresh.map((outage) => outage.durationMs)));
  const timeline = await timelineOf(stage, to.epoch);
  for (const line of renderTimeline(terminal, timeline)) say(`   ${line}`);
  say(`   clients got no answer for ${durationText(outageMs)}`);
  say(`   ${after.acknowledged} records acknowledged so far`);
  return {
    fault,
    from: from.node,
    to: to.node,
    epochFrom: from.epoch,
    epochTo: to.epoch,
    phasesMs: rounded(timeline.phasesMs),
    outageMs,
    acked: after.acknowledged,
  };
}

async function timelineOf(stage: Stage, epoch: number): Promise<Timeline> {
  return await until(
    async () => {
      const all = await stage.timelines();
      return all.find((one) => one.epoch === epoch && one.phasesMs.serve !== undefined);
    },
    { what: `the timeline of epoch ${epoch}`, limitMs: TIMELINE_LIMIT_MS, intervalMs: 200 },
  );
}

async function lastCount(stage: Stage, { say }: Teller): Promise<LoadVerdict> {
  const stopped = await stage.load.stop();
  const verdict = await stage.load.verify();
  say(
    `${verdict.acknowledged} records were acknowledged to clients; ${verdict.lost} of them are lost`,
  );
  const stale = stopped.violations.length;
  say(`answers of an older owner after a newer one: ${stale}`);
  return { ...verdict, ok: verdict.ok && verdict.lost === 0 && stale === 0 };
}

function rounded(phases: Timeline['phasesMs']): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(phases).map(([name, ms]) => [name, Math.round(ms)]));
}
