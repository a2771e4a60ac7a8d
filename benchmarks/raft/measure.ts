/**
 * The rounds of one run. In each, one after the other and never side by side: the floor, our cluster,
 * etcd's; so that whatever else the machine does falls on all of them. Kills of leaders come last.
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { known } from '../../src/lib/assert.ts';
import { type Contender, PATIENCE_MS, type Say } from './contender.ts';
import { DEFAULT_TIMES, EtcdCluster, SHORT_TIMES } from './etcd-cluster.ts';
import type { Etcd } from './etcd-packages.ts';
import {
  type Latency,
  latency,
  type Measured,
  median,
  type Rate,
  rate,
  rounded,
} from './figures.ts';
import { type FloorTimes, measureFloor } from './floor.ts';
import { HoldfastCluster, type LeaderLoad } from './holdfast-cluster.ts';
import { measureLeaderKills } from './leader-kill.ts';
import { closedLoop, type Load } from './load.ts';
import { PutClient } from './put-client.ts';
import { until } from './waiting.ts';

export type Plan = {
  readonly directory: string;
  readonly rounds: number;
  readonly kills: number;
  readonly etcd: Etcd | null;
  /** Options of Node for our members. */
  readonly execArgv: readonly string[];
  readonly say: Say;
};

/** One writer; several, whose writes share syncs and messages; many. */
const OUTSTANDING = [1, 256, 1000] as const;
const DURATION_MS = { light: 3_000, batched: 3_000 };
const WARM_UP_MS = 1_000;

/** By the number of outstanding writes, in the order of `OUTSTANDING`. */
type Rounds<T> = readonly (readonly T[])[];
type ByLoad = readonly Rate[];

export type FloorFigures = {
  readonly roundTripMs: Latency;
  readonly syncedWriteMs: Latency;
  /** p50 of a round trip and of a synced write, added. */
  readonly sumMs: number;
  /** The log store's own write of one entry. */
  readonly storeWriteMs: Latency;
};

export type ClusterFigures = {
  /** From inside the leader's process. */
  readonly inLeader: ByLoad;
  /** Processor time of the leader's process for each commit, microseconds, in the order of `inLeader`. */
  readonly leaderCpuUs: readonly number[];
  /** From another process, in etcd's protocol over TCP. */
  readonly client: ByLoad;
  readonly leaderKillMs: Latency | null;
};

export type EtcdFigures = {
  readonly version: string;
  readonly client: ByLoad;
  /** The mean of the leader's syncs, as etcd counts them. */
  readonly walSyncMeanMs: number | null;
  readonly leaderKillMs: { readonly defaults: Latency; readonly short: Latency } | null;
};

export type Figures = {
  readonly floor: FloorFigures;
  readonly cluster: ClusterFigures;
  readonly etcd: EtcdFigures | null;
  /** Load average over one minute, at the beginning of each round. */
  readonly machineLoad: readonly number[];
};

export async function measure(plan: Plan): Promise<Figures> {
  const { etcd, rounds, say } = plan;
  const machineLoad: number[] = [];
  const floors: FloorTimes[] = [];
  const ours: Awaited<ReturnType<typeof roundOfOurs>>[] = [];
  const theirs: Awaited<ReturnType<typeof roundOfEtcd>>[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    machineLoad.push(rounded(loadavg()[0] ?? 0));
    say(`round ${round} of ${rounds}, load average ${machineLoad.at(-1)}`);
    floors.push(await measureFloor(join(plan.directory, `floor${round}`)));
    ours.push(await roundOfOurs(plan, round));
    if (etcd !== null) theirs.push(await roundOfEtcd(plan, etcd, round));
  }
  const leads = ours.map(({ inLeader }) => inLeader);
  return {
    floor: floorFigures(floors),
    cluster: {
      inLeader: byLoad(leads.map((loads) => loads.map(({ measured }) => measured))),
      leaderCpuUs: OUTSTANDING.map((_, i) =>
        Math.round(median(leads.map((loads) => cpuUsOf(known(loads[i], 'load'))))),
      ),
      client: byLoad(ours.map(({ client }) => client)),
      leaderKillMs: await killsOf(plan, 'ours', (at) => new HoldfastCluster(at)),
    },
    etcd: etcd === null ? null : await etcdFigures(plan, etcd, theirs),
    machineLoad,
  };
}

async function roundOfOurs(plan: Plan, round: number) {
  const directory = join(plan.directory, `ours${round}`);
  const cluster = new HoldfastCluster(directory, plan.execArgv);
  return await whileUp(cluster, plan.say, async () => {
    const inLeader: LeaderLoad[] = [];
    for (const load of loads()) inLeader.push(await cluster.loadLeader(load));
    return { inLeader, client: await clientLoads(cluster) };
  });
}

async function roundOfEtcd(plan: Plan, etcd: Etcd, round: number) {
  const cluster = new EtcdCluster(join(plan.directory, `etcd${round}`), etcd, DEFAULT_TIMES);
  return await whileUp(cluster, plan.say, async () => {
    const client = await clientLoads(cluster);
    const leader = await until('a leader', PATIENCE_MS, () => cluster.leader());
    return { client, walSyncMeanMs: await cluster.walSyncMeanMs(leader) };
  });
}

async function clientLoads(contender: Contender): Promise<readonly Measured[]> {
  const leader = await until('a leader', PATIENCE_MS, () => contender.leader());
  const client = await PutClient.open(known(contender.doors[leader], 'door'));
  const measured: Measured[] = [];
  for (const load of loads()) measured.push(await closedLoop(load, (value) => client.put(value)));
  client.close();
  return measured;
}

function loads(): readonly Load[] {
  return OUTSTANDING.map((outstanding) => ({
    outstanding,
    durationMs: outstanding === 1 ? DURATION_MS.light : DURATION_MS.batched,
    warmUpMs: WARM_UP_MS,
  }));
}

async function whileUp<T>(contender: Contender, say: Say, work: () => Promise<T>): Promise<T> {
  say(`${contender.name}: starts`);
  try {
    await contender.start();
    return await work();
  } finally {
    await contender.stop();
  }
}

async function killsOf(
  { directory, kills, say }: Plan,
  name: string,
  make: (directory: string) => Contender,
): Promise<Latency | null> {
  if (kills === 0) return null;
  const contender = make(join(directory, `kills-${name}`));
  return await whileUp(contender, say, () => measureLeaderKills(contender, kills, say));
}

async function etcdFigures(
  plan: Plan,
  etcd: Etcd,
  rounds: readonly Awaited<ReturnType<typeof roundOfEtcd>>[],
): Promise<EtcdFigures> {
  const kills = (name: string, times: typeof DEFAULT_TIMES) =>
    killsOf(plan, name, (at) => new EtcdCluster(at, etcd, times));
  const defaults = await kills('etcd-defaults', DEFAULT_TIMES);
  const short = await kills('etcd-short', SHORT_TIMES);
  const syncs = rounds.flatMap(({ walSyncMeanMs }) => walSyncMeanMs ?? []);
  return {
    version: etcd.version,
    client: byLoad(rounds.map(({ client }) => client)),
    walSyncMeanMs: syncs.length === 0 ? null : rounded(median(syncs)),
    leaderKillMs: defaults === null || short === null ? null : { defaults, short },
  };
}

function byLoad(rounds: Rounds<Measured>): ByLoad {
  return OUTSTANDING.map((outstanding, i) => {
    return rate(
      outstanding,
      rounds.map((round) => known(round[i], 'load')),
    );
  });
}

function cpuUsOf({ cpuMs, measured }: LeaderLoad): number {
  const { latenciesMs, seconds } = measured;
  // The processor's time was counted from before the warm-up on.
  const counted = seconds / (seconds + WARM_UP_MS / 1000);
  return (cpuMs * counted * 1000) / Math.max(1, latenciesMs.length);
}

function floorFigures(rounds: readonly FloorTimes[]): FloorFigures {
  const roundTripMs = latency(rounds.flatMap((round) => round.roundTripsMs));
  const syncedWriteMs = latency(rounds.flatMap((round) => round.writesMs));
  return {
    roundTripMs,
    syncedWriteMs,
    sumMs: rounded(roundTripMs.p50 + syncedWriteMs.p50),
    storeWriteMs: latency(rounds.flatMap((round) => round.storeMs)),
  };
}
