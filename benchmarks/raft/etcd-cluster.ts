/**
 * Three members of etcd on loopback, as they come: every option that is not an address or a place has
 * its default, fsync among them. The two times of elections can be set.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { known } from '../../src/lib/assert.ts';
import { freeEndpoints } from '../../test/demo/loopback.ts';
import { type Contender, MEMBERS, PATIENCE_MS } from './contender.ts';
import type { Etcd } from './etcd-packages.ts';
import { end, kill, signalGroup, startProgram } from './processes.ts';
import { until } from './waiting.ts';

const ASK_LIMIT_MS = 1_000;

export type Times = { readonly heartbeatMs: number; readonly electionMs: number };
export const DEFAULT_TIMES: Times = { heartbeatMs: 100, electionMs: 1_000 };
/** The smallest election timeout that etcd 3.4 takes is ten times below its default. */
export const SHORT_TIMES: Times = { heartbeatMs: 10, electionMs: 100 };

type Status = {
  readonly header: { readonly member_id: string };
  readonly leader?: string;
};

export class EtcdCluster implements Contender {
  readonly name: string;
  readonly #directory: string;
  readonly #etcd: Etcd;
  readonly #times: Times;
  readonly #children = new Map<number, ChildProcess>();
  #clients: readonly string[] = [];
  #peers: readonly string[] = [];

  constructor(directory: string, etcd: Etcd, times: Times) {
    const { heartbeatMs, electionMs } = times;
    this.name = `etcd ${etcd.version}, heartbeat ${heartbeatMs} ms, election ${electionMs} ms`;
    this.#directory = directory;
    this.#etcd = etcd;
    this.#times = times;
  }

  get doors(): readonly string[] {
    return this.#clients;
  }

  async start(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const endpoints = await freeEndpoints(MEMBERS * 2);
    this.#clients = endpoints.slice(0, MEMBERS);
    this.#peers = endpoints.slice(MEMBERS);
    await Promise.all(this.#clients.map((_, i) => this.restart(i)));
    await until('a leader of etcd', PATIENCE_MS, () => this.leader());
  }

  async stop(): Promise<void> {
    const children = [...this.#children.values()];
    this.#children.clear();
    await Promise.all(children.map((child) => end(child, () => signalGroup(child, 'SIGTERM'))));
    await Promise.all(children.map(kill));
  }

  async leader(): Promise<number | null> {
    for (const member of this.#children.keys()) {
      const status = await this.#status(member);
      if (status?.leader !== undefined && status.leader === status.header.member_id) return member;
    }
    return null;
  }

  kill(member: number): void {
    const child = known(this.#children.get(member), 'member');
    this.#children.delete(member);
    signalGroup(child, 'SIGKILL');
  }

  async restart(member: number): Promise<void> {
    const url = (address: string | undefined): string => `http://${known(address, 'address')}`;
    const name = (i: number): string => `member${i + 1}`;
    const all = this.#peers.map((peer, i) => `${name(i)}=${url(peer)}`).join(',');
    const child = startProgram({
      argv: [
        this.#etcd.program,
        ...['--name', name(member)],
        ...['--data-dir', join(this.#directory, name(member))],
        ...['--listen-client-urls', url(this.#clients[member])],
        ...['--advertise-client-urls', url(this.#clients[member])],
        ...['--listen-peer-urls', url(this.#peers[member])],
        ...['--initial-advertise-peer-urls', url(this.#peers[member])],
        ...['--initial-cluster', all],
        ...['--initial-cluster-token', `benchmark-${process.pid}`],
        ...['--heartbeat-interval', String(this.#times.heartbeatMs)],
        ...['--election-timeout', String(this.#times.electionMs)],
      ],
      log: join(this.#directory, `${name(member)}.output`),
    });
    this.#children.set(member, child);
  }

  /** How long its own syncs took, as it counts them itself; the mean in milliseconds. */
  async walSyncMeanMs(member: number): Promise<number | null> {
    const metrics = await fetch(`http://${known(this.#clients[member], 'client')}/metrics`);
    const text = await metrics.text();
    const value = (name: string): number =>
      Number(
        new RegExp(`^etcd_disk_wal_fsync_duration_seconds_${name} (\\S+)`, 'm').exec(text)?.[1],
      );
    const mean = (value('sum') / value('count')) * 1000;
    return Number.isFinite(mean) ? mean : null;
  }

  async #status(member: number): Promise<Status | null> {
    try {
      const url = `http://${known(this.#clients[member], 'client')}/v3/maintenance/status`;
      const signal = AbortSignal.timeout(ASK_LIMIT_MS);
      const response = await fetch(url, { method: 'POST', body: '{}', signal });
      return (await response.json()) as Status;
    } catch {
      // It starts, or it ended: it does not say that it leads.
      return null;
    }
  }
}
