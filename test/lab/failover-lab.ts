/**
 * A whole cluster in the laboratory, with its clients: what every scenario and the demonstration
 * need. It knows how to ask and how to wait; what must hold is said by whoever uses it.
 */
import type { ClusterStatus, GroupStatus, Timeline } from '../../src/operator/api.ts';
import { AREA_MB } from './campaign/stamp.ts';
import { Load, Watch } from './clients.ts';
import { LabCluster } from './cluster.ts';
import { daemonCommand, daemonFiles } from './daemon-command.ts';
import { until } from './kernel/index.ts';
import type { Lab } from './lab.ts';
import { FLOATING_IP, GROUP, LEDGER_PORT, labConfig, makeIdentities } from './lab-config.ts';

export type FailoverLabOptions = {
  readonly lab: Lab;
  readonly filesystem?: 'ext4' | 'xfs';
  readonly sabotage?: string | undefined;
  readonly profile?: 'fast' | 'safe' | undefined;
  readonly application?: object | undefined;
  /** The group has a second disk, and its owner writes stamps to both (`campaign/`). */
  readonly stamps?: boolean;
  readonly groups?: readonly object[] | undefined;
  /** Further resources of the group. */
  readonly more?: readonly object[] | undefined;
  /** The device has to be there already. */
  readonly watchdog?: { readonly device: string; readonly timeout: string } | undefined;
  /** Further parameters of each disk. */
  readonly disk?: Readonly<Record<string, string | number>> | undefined;
  /** Called when the LUN is formatted and no daemon runs yet. */
  readonly prepare?: () => Promise<void>;
  /** False: whoever asks brings clients of their own. */
  readonly clients?: boolean;
  readonly say: (line: string) => void;
};

export type Owner = { readonly id: number; readonly node: string; readonly epoch: number };

/** What is broken by the laboratory itself. */
const NOT_OF_THE_DAEMON = ['fsync', 'watchdog'];
const FORM_LIMIT_MS = 120_000;
export const FAILOVER_LIMIT_MS = 120_000;

export class FailoverLab {
  readonly lab: Lab;
  readonly cluster: LabCluster;
  readonly #clients: number;
  #load: Load | undefined;
  #watch: Watch | undefined;

  private constructor(lab: Lab, cluster: LabCluster, clients: number) {
    this.lab = lab;
    this.cluster = cluster;
    this.#clients = clients;
  }

  get load(): Load {
    const spawn = (argv: readonly string[]) => this.lab.client.spawn(argv);
    const args = ['--clients', String(this.#clients)];
    this.#load ??= new Load(spawn, `${FLOATING_IP}:${LEDGER_PORT}`, args);
    return this.#load;
  }

  get watch(): Watch {
    this.#watch ??= new Watch(this.lab, FLOATING_IP);
    return this.#watch;
  }

  /** Formats the LUN, starts a daemon on every node, and waits until the group is served. */
  static async start(options: FailoverLabOptions): Promise<FailoverLab> {
    const { lab, say, sabotage, stamps = false } = options;
    const filesystem = options.filesystem ?? 'ext4';
    const first = lab.guest(1);
    const luns = stamps ? [0, 1] : [0];
    const disks = await Promise.all(
      luns.map(async (lun) => ({ ...(await lab.diskParameters(lun)), ...options.disk })),
    );
    say(`formatting the LUN ${disks[0]?.['identity']} with ${filesystem}`);
    await first.ok(
      filesystem === 'ext4'
        ? `mkfs.ext4 -q -F -J size=4 /dev/lab/lun0 ${stamps ? `${AREA_MB}M` : ''}`
        : `mkfs.xfs -q -f ${stamps ? `-d size=${AREA_MB}m` : ''} /dev/lab/lun0`,
    );
    // What mkfs left in its own page cache must not be read by a later mount on that node.
    await first.ok('blockdev --flushbufs /dev/lab/lun0');
    if (lab.kind === 'kernel') await first.ok('echo 3 > /proc/sys/vm/drop_caches');
    await options.prepare?.();
    say('making a key for every node');
    const peerIds = await makeIdentities(lab);
    const { profile, application, groups, more, watchdog } = options;
    const config = labConfig(
      { lab, disks, filesystem, sabotage, profile, application, groups, more, watchdog, stamps },
      peerIds,
    );
    const ofDaemon = sabotage !== undefined && !NOT_OF_THE_DAEMON.includes(sabotage);
    const broken = ofDaemon ? ` --sabotage ${sabotage}` : '';
    const cluster = new LabCluster(lab, { config, command: `${daemonCommand}${broken}` });
    const all = new FailoverLab(lab, cluster, stamps ? 1 : 2);
    try {
      say('starting a daemon on every node');
      await cluster.startAll();
      if (options.clients !== false) await Promise.all([all.load.status(), all.watch.ready]);
      await all.served({ limitMs: FORM_LIMIT_MS });
      return all;
    } catch (error) {
      throw new Error(`the cluster did not form: ${String(error)}\n${cluster.logTails}`);
    }
  }

  /** The status as one node tells it; undefined while it cannot be asked. */
  async status(id: number): Promise<ClusterStatus | undefined> {
    const answer = await this.ask<ClusterStatus>(id, '/v1/status');
    return answer;
  }

  async group(id: number): Promise<GroupStatus | undefined> {
    return (await this.status(id))?.groups.find(({ group }) => group === GROUP);
  }

  async timelines(id: number): Promise<readonly Timeline[]> {
    return (await this.ask<readonly Timeline[]>(id, '/v1/timeline')) ?? [];
  }

  /** One request over the operator's socket, as `curl --unix-socket` makes it. */
  async ask<T>(id: number, path: string): Promise<T | undefined> {
    const guest = this.lab.guest(id);
    if (!guest.isOn) return undefined;
    const { socket } = daemonFiles;
    const command = `curl -s -m 5 --unix-socket ${socket} http://localhost${path}`;
    const { status, output } = await guest.exec(command, 8_000);
    if (status !== 0) return undefined;
    try {
      return (JSON.parse(output) as { readonly data: T }).data;
    } catch {
      return undefined; // cut off in the middle of an answer
    }
  }

  /** Who serves, as a node other than `not` has it committed, and newer than `after`. */
  async served(
    options: {
      readonly not?: number;
      readonly after?: number;
      readonly limitMs?: number;
      readonly asking?: readonly number[];
    } = {},
  ): Promise<Owner> {
    const { not, after = 0, limitMs = FAILOVER_LIMIT_MS } = options;
    const ids = options.asking ?? this.lab.nodes.map(({ id }) => id);
    let last: unknown;
    return await until(
      async () => {
        for (const id of ids) {
          if (id === not) continue;
          const group = await this.group(id);
          last = group ?? last;
          if (group?.phase !== 'serving' || group.owner === null) continue;
          if (group.epoch <= after || group.owner === `node${not}`) continue;
          const owner = Number(group.owner.replace('node', ''));
          return { id: owner, node: group.owner, epoch: group.epoch };
        }
        return undefined;
      },
      { what: 'the group is served', limitMs, intervalMs: 100 },
      () => `last: ${JSON.stringify(last)}\n${this.cluster.logTails}`,
    );
  }

  /** The clients outside have got answers again. */
  async answered(limitMs: number = FAILOVER_LIMIT_MS): Promise<void> {
    await this.load.waitForAcknowledged(20, limitMs);
  }

  async waitForStatus(
    id: number,
    holds: (status: ClusterStatus) => boolean,
    what: string,
    limitMs: number = FAILOVER_LIMIT_MS,
  ): Promise<ClusterStatus> {
    let last: ClusterStatus | undefined;
    return await until(
      async () => {
        last = (await this.status(id)) ?? last;
        return last !== undefined && holds(last) ? last : undefined;
      },
      { what: `node${id}: ${what}`, limitMs, intervalMs: 100 },
      () => `last: ${JSON.stringify(last)}\n${this.cluster.logTail(id)}`,
    );
  }

  /** All nodes of `ids` are heard by a node: the cluster is whole again. */
  async whole(ids: readonly number[] = this.lab.nodes.map(({ id }) => id)): Promise<void> {
    for (const id of ids) {
      await this.waitForStatus(
        id,
        ({ members, leader }) =>
          leader !== null &&
          ids.every((other) => members.find((m) => m.node === `node${other}`)?.state === 'alive'),
        'hears every node',
      );
    }
  }
}
