/**
 * Many runs of one fault on one cluster. Each run begins with everything whole and answered, ends
 * with everything whole again, and keeps what the client saw and what the cluster says of its phases.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Timeline } from '../../src/operator/api.ts';
import { FailoverLab, type Owner } from '../../test/lab/failover-lab.ts';
import { run as runProgram } from '../../test/lab/kernel/host.ts';
import { until } from '../../test/lab/kernel/index.ts';
import type { Lab } from '../../test/lab/lab.ts';
import { FLOATING_IP, LEDGER_PORT, MOUNT_POINT } from '../../test/lab/lab-config.ts';
import { type Spread, spread } from '../quantile.ts';
import { dualAnswersMs, longestSilenceMs } from './answers.ts';
import type { Fault } from './faults.ts';
import { type Floor, floor } from './floor.ts';
import { Prober } from './prober.ts';

export type Run = {
  readonly outageMs: number;
  readonly dualAnswersMs: number;
  readonly from: string;
  readonly to: string;
  /** As the cluster's own history tells; empty where nothing moved. */
  readonly phasesMs: Readonly<Record<string, number>>;
  /** Begin and duration on the clock that stamped them, by node. */
  readonly stamps: Timeline['stamps'];
  readonly evidence: string;
};

export type FaultResult = {
  readonly lab: string;
  readonly profile: string;
  readonly fault: string;
  readonly outageMs: Spread;
  /** Medians. */
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly dualAnswersMs: number;
  readonly lost: number;
  readonly acknowledged: number;
  readonly runs: readonly Run[];
};

export type CampaignResult = FaultResult & {
  /** The same steps by hand on a warm standby, without detection, in this laboratory; the median. */
  readonly floorMs: number;
  readonly floor: Floor;
  readonly ratio: number;
  readonly machine: string;
  readonly load: { readonly before: string; readonly after: string };
};

export type CampaignOptions = {
  readonly lab: Lab;
  readonly profile: 'fast' | 'safe';
  /** How long the application needs to start. */
  readonly startMs: number;
  /** It is started early and waits: `prestart` of the application agent. */
  readonly prestart: boolean;
  readonly say: (line: string) => void;
};

const STEADY_ANSWERS = 40;
const FLOOR_RUNS = 8;

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #all: FailoverLab;
  readonly #prober: Prober;
  readonly #programs: { readonly answerer: string; readonly prober: string };

  private constructor(options: CampaignOptions, all: FailoverLab, programs: Programs) {
    this.#options = options;
    this.#all = all;
    this.#programs = programs;
    this.#prober = new Prober(options.lab, programs.prober, FLOATING_IP, LEDGER_PORT);
  }

  static async start(options: CampaignOptions): Promise<Campaign> {
    const { lab, profile, startMs, prestart, say } = options;
    const programs = await build(lab);
    const command = [programs.answerer, FLOATING_IP, String(LEDGER_PORT), MOUNT_POINT];
    const application = {
      name: 'server',
      type: 'application',
      needs: ['data', 'address'],
      parameters: {
        command: [...command, String(startMs), ...(prestart ? ['prestart'] : [])],
        prestart,
        readiness: { tcp: `${FLOATING_IP}:${LEDGER_PORT}` },
      },
    };
    const all = await FailoverLab.start({ lab, say, profile, application, clients: false });
    const campaign = new Campaign(options, all, programs);
    await campaign.#prober.waitFor(() => true, STEADY_ANSWERS, 'the client is answered');
    return campaign;
  }

  async run(fault: Fault, wanted: number): Promise<FaultResult> {
    const { lab, profile, say } = this.#options;
    const runs: Run[] = [];
    for (let i = 1; i <= wanted; i += 1) {
      const one = await this.#once(fault);
      runs.push(one);
      const dual = one.dualAnswersMs === 0 ? '' : `, TWO ANSWERED for ${one.dualAnswersMs} ms`;
      const phases = Object.entries(one.phasesMs).map(([name, ms]) => `${name} ${Math.round(ms)}`);
      say(
        `${fault.name} ${i}/${wanted}: ${one.outageMs.toFixed(0)} ms (${phases.join(', ')})${dual}`,
      );
    }
    const lost = await this.#lost();
    const outageMs = spread(runs.map((one) => one.outageMs));
    return {
      lab: lab.kind,
      profile,
      fault: fault.name,
      outageMs,
      phasesMs: medians(runs),
      dualAnswersMs: Math.max(...runs.map((one) => one.dualAnswersMs)),
      lost,
      acknowledged: this.#prober.acknowledged.size,
      runs,
    };
  }

  /** The last thing to be asked for: the cluster is stopped and its disk given away. */
  async floor(): Promise<Floor> {
    const { lab, startMs, prestart, say } = this.#options;
    await this.#all.cluster.stopAll();
    const { answerer } = this.#programs;
    const prober = this.#prober;
    return await floor({ lab, prober, answerer, startMs, prestart, runs: FLOOR_RUNS, say });
  }

  async #once(fault: Fault): Promise<Run> {
    const all = this.#all;
    const owner = await this.#ready();
    this.#prober.forget();
    await fault.inject(all, owner);
    if (fault.moves) {
      await this.#prober.waitFor((a) => a.epoch > owner.epoch, STEADY_ANSWERS, 'a new owner');
    } else await this.#settle(400);
    await fault.aftermath?.(all, owner);
    await this.#settle(fault.aftermath === undefined ? 200 : 1_000);
    const answers = this.#prober.answers;
    const next = fault.moves ? await all.served({ not: owner.id, after: owner.epoch }) : owner;
    const told = fault.moves ? await this.#timeline(next) : undefined;
    await fault.repair(all, owner);
    const { phasesMs = {}, stamps = [], evidence = '' } = told ?? {};
    return {
      outageMs: rounded(longestSilenceMs(answers)),
      dualAnswersMs: rounded(dualAnswersMs(answers)),
      from: owner.node,
      to: next.node,
      phasesMs,
      stamps,
      evidence,
    };
  }

  /** Everything hears everything, and the group has been answered for a while. */
  async #ready(): Promise<Owner> {
    await this.#all.whole();
    const owner = await this.#all.served();
    await this.#settle(1_500);
    await this.#prober.waitFor(() => true, STEADY_ANSWERS, 'the client is answered');
    return owner;
  }

  /** A measurement lasts as long as it lasts: nothing is synchronised by this. */
  #settle(ms: number): Promise<void> {
    return pause(ms);
  }

  async #timeline(next: Owner): Promise<Timeline | undefined> {
    const all = await this.#all.timelines(next.id);
    return all.find(({ epoch }) => epoch === next.epoch);
  }

  /** Numbers that were acknowledged and are not there. */
  async #lost(): Promise<number> {
    const acknowledged = [...this.#prober.acknowledged];
    const { client } = this.#options.lab;
    const ask = `exec 3<>/dev/tcp/${FLOATING_IP}/${LEDGER_PORT}; echo list >&3; cat <&3`;
    const list = await until(
      async () => (await client.run(['bash', '-c', ask], 5_000).catch(() => '')) || undefined,
      { what: 'the application lists what it keeps', limitMs: 60_000 },
    );
    const kept = new Set(list.split('\n'));
    return acknowledged.filter((number) => !kept.has(String(number))).length;
  }
}

type Programs = { readonly answerer: string; readonly prober: string };

/** Into the share of every node, where the client reaches them as well. */
async function build(lab: Lab): Promise<Programs> {
  const here = import.meta.dirname;
  const strict = ['-O2', '-Wall', '-Wextra', '-Werror'] as const;
  const prober = join(lab.directory, 'prober');
  await runProgram(['gcc', ...strict, '-o', prober, join(here, 'prober.c')]);
  for (const { share } of lab.nodes) {
    const answerer = join(share, 'answerer');
    await runProgram(['gcc', ...strict, '-static', '-o', answerer, join(here, 'answerer.c')]);
  }
  return { answerer: '/lab/answerer', prober };
}

function medians(runs: readonly Run[]): Readonly<Record<string, number>> {
  const names = [...new Set(runs.flatMap(({ phasesMs }) => Object.keys(phasesMs)))];
  return Object.fromEntries(
    names.map((name) => [name, spread(runs.flatMap((one) => one.phasesMs[name] ?? [])).p50]),
  );
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
