/** The figures of one run in words. */
import type { CoreFigures } from '../raft-core.ts';
import type { Latency, Rate } from './figures.ts';
import type { Figures } from './measure.ts';

export type Result = Omit<Figures, 'machineLoad'> & {
  readonly core: CoreFigures | null;
  readonly machine: {
    readonly processors: number;
    readonly model: string;
    readonly node: string;
    readonly loadAverage: readonly number[];
  };
};

const NAME_WIDTH = 52;

export function table({ cluster, core, etcd, floor, machine }: Result): string {
  const { leaderKillMs } = cluster;
  const kills = etcd?.leaderKillMs ?? null;
  return [
    `${machine.processors} processors, ${machine.model}, Node ${machine.node}`,
    `load average of the machine: ${machine.loadAverage.join(', ')}`,
    '',
    ...(core === null ? [] : coreLines(core)),
    ...line('floor: round trip over TCP', ms(floor.roundTripMs)),
    ...line('floor: one synced write', ms(floor.syncedWriteMs)),
    ...line('floor: both', `p50 ${floor.sumMs} ms`),
    ...line('one write by the log store', ms(floor.storeWriteMs)),
    ...rates('ours, from inside the leader', cluster.inLeader),
    ...line('  processor time of the leader', `${cluster.leaderCpuUs.join(', ')} µs a commit`),
    ...rates('ours, from another process', cluster.client),
    ...rates(`etcd ${etcd?.version ?? ''}, from another process`, etcd?.client ?? []),
    ...(leaderKillMs === null ? [] : line('ours, leader killed', ms(leaderKillMs))),
    ...(kills === null ? [] : line('etcd, leader killed (1000/100 ms)', ms(kills.defaults))),
    ...(kills === null ? [] : line('etcd, leader killed (100/10 ms)', ms(kills.short))),
    ...(etcd === null ? ['etcd: not measured'] : []),
  ].join('\n');
}

function coreLines({ batched, single }: CoreFigures): readonly string[] {
  return [
    ...line('core in memory, batched', `${batched.proposalsPerSecond} proposals/s`),
    ...line(
      'core in memory, one at a time',
      `p50 ${single.commitP50Us} µs, p99 ${single.commitP99Us} µs`,
    ),
  ];
}

function rates(what: string, byLoad: readonly Rate[]): readonly string[] {
  return byLoad.flatMap(({ latencyMs, outstanding, perSecond }) =>
    line(`${what}, ${outstanding} outstanding`, `${perSecond}/s, ${ms(latencyMs)}`),
  );
}

function ms({ count, max, p50, p99 }: Latency): string {
  return `p50 ${p50} ms, p99 ${p99} ms, max ${max} ms (${count})`;
}

function line(what: string, figures: string): readonly string[] {
  return [`${what.padEnd(NAME_WIDTH)} ${figures}`];
}
