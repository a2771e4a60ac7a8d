/**
 * Holdfast in the laboratory: a daemon in each node guest, its configuration, its log, and waiting
 * on what `holdfast status` says. It drives the daemon only as an operator could; what the
 * machines really do is asked elsewhere (`observer.ts`, `watch/`), or a daemon that lies would
 * judge itself.
 */

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Background } from './background.ts';
import { daemonCommand, daemonFiles, emptyDaemonCommand, statusCommand } from './daemon-command.ts';
import { until } from './kernel/index.ts';
import type { Lab, Machine } from './lab.ts';

export type ClusterOptions = {
  /** The text of each node's configuration file; nodes count from 1. */
  readonly config: (node: number) => string;
  /** Shell command of the daemon, when it is not the real one. */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** One node's daemon. */
export class ClusterNode {
  readonly id: number;
  readonly guest: Machine;
  readonly daemon: Background;
  readonly #options: ClusterOptions;

  constructor(id: number, guest: Machine, options: ClusterOptions) {
    this.id = id;
    this.guest = guest;
    this.daemon = new Background(guest, 'daemon');
    this.#options = options;
  }

  /** Writes the configuration and starts the daemon; resolves when its process runs. */
  async start(): Promise<void> {
    writeFileSync(join(this.guest.share, 'holdfast.yaml'), this.#options.config(this.id));
    const { config, socket } = daemonFiles;
    await this.guest.ok(
      `mkdir -p ${dirname(config)} ${dirname(socket)}
       cp /lab/holdfast.yaml ${config} && chmod 600 ${config}`,
    );
    await this.daemon.start(this.#options.command ?? daemonCommand, this.#options.env);
  }

  /** What `holdfast status --json` says; undefined when there is no answer, or none in JSON. */
  async status(timeoutMs: number = 10_000): Promise<unknown> {
    if (!this.guest.isOn) return undefined;
    const { status, output } = await this.guest.exec(`${statusCommand} 2>/dev/null`, timeoutMs);
    if (status !== 0) return undefined;
    try {
      return JSON.parse(output) as unknown;
    } catch {
      return undefined;
    }
  }
}

export class LabCluster {
  readonly nodes: readonly ClusterNode[];
  readonly #lab: Lab;

  constructor(lab: Lab, options: ClusterOptions) {
    this.#lab = lab;
    this.nodes = lab.nodes.map((guest, i) => new ClusterNode(i + 1, guest, options));
  }

  /** The real product needs no such thing: a process that stays up and answers on port 7999. */
  static empty(lab: Lab): LabCluster {
    return new LabCluster(lab, { config: () => '', command: emptyDaemonCommand });
  }

  node(id: number): ClusterNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new RangeError(`there is no node ${id}`);
    return node;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  async stopAll(): Promise<void> {
    await Promise.all(
      this.nodes.filter(({ guest }) => guest.isOn).map(({ daemon }) => daemon.stop()),
    );
  }

  /** Power is back: boot, login, configuration, daemon. */
  async bootAgain(id: number): Promise<void> {
    await this.#lab.boot(id);
    await this.node(id).start();
  }

  /** Waits until a node's status satisfies the predicate and answers that status. */
  waitForStatus(
    id: number,
    holds: (status: unknown) => boolean,
    what: string,
    limitMs: number,
  ): Promise<unknown> {
    let last: unknown;
    return until(
      async () => {
        last = await this.node(id).status();
        return last !== undefined && holds(last) ? { status: last } : undefined;
      },
      { what: `node${id}: ${what}`, limitMs, intervalMs: 100 },
      () => `last status ${JSON.stringify(last)?.slice(0, 2000)}\n${this.logTail(id)}`,
    ).then(({ status }) => status);
  }

  logTail(id: number, characters: number = 4000): string {
    return `--- node${id} daemon log\n${this.node(id).daemon.log.slice(-characters)}`;
  }

  /** Every daemon's last words, for a failed scenario. */
  get logTails(): string {
    return this.nodes.map((node) => this.logTail(node.id)).join('\n');
  }
}
