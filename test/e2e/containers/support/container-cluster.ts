/**
 * A cluster of containers of our own image: three founders on two interconnects, a public network and
 * a storage network, an emulated disk, and clients that write through the floating address.
 *
 * It judges nothing. Everything that it makes carries its name and is taken away by `down()`.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';
import { IDENTITY_FILE, loadOrCreateIdentity } from '../../../../src/mesh/identity.ts';
import type { Answer, ClusterStatus, GroupStatus } from '../../../../src/operator/api.ts';
import { Load } from '../../../lab/clients.ts';
import { until } from '../../../lab/kernel/index.ts';
import * as layout from './layout.ts';
import { NodeContainer } from './node-container.ts';

export const PATIENCE_MS = 150_000;
/** Each question starts a process in a container: more often would be load. */
const ASK_EVERY_MS = 1_000;
const RUNNING = /"event":"running"/;
const LEDGER_SOURCE = fileURLToPath(new URL('../../../demo/embedded-ledger.ts', import.meta.url));

type Ended = { readonly status: number; readonly output: string };

export class ContainerCluster {
  image: string;
  readonly #name = `holdfast-${process.pid}`;
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-containers-'));
  readonly #nodes = new Map<string, StartedTestContainer>();
  readonly #clients: ChildProcess[] = [];
  #storage: StartedTestContainer | null = null;
  #configuration = '';
  #ledger = '';

  constructor(image: string) {
    this.image = image;
  }

  /** What new containers are made of from now on. */
  use(image: string): void {
    this.image = image;
  }

  async up(): Promise<void> {
    const { container } = await getContainerRuntimeClient();
    for (const net of layout.NETS) {
      await container.dockerode.createNetwork({
        Name: this.#network(net),
        IPAM: { Config: [{ Subnet: layout.subnetOf(net) }] },
      });
    }
    const peers: Record<string, string> = {};
    for (const node of layout.FOUNDERS) {
      peers[node] = (await loadOrCreateIdentity(this.#dataOf(node))).peerId;
    }
    this.#configuration = layout.configuration(peers);
    const built = await build({
      entryPoints: [LEDGER_SOURCE],
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
    });
    this.#ledger = built.outputFiles[0]?.text ?? '';
    this.#storage = await new NodeContainer({
      image: this.image,
      name: 'storage',
      command: layout.STORAGE_COMMAND,
      attachments: [{ network: this.#network('storage'), address: layout.STORAGE_ADDRESS }],
      volume: null,
      ready: /"listening"/,
    }).start();
    await Promise.all(layout.FOUNDERS.map((node) => this.startFounder(node)));
  }

  /** A container for this founder, with the data that its volume holds or a new one's key. */
  async startFounder(node: string): Promise<void> {
    await this.#start(node, ['sh', '/opt/holdfast/example/node.sh', node]);
  }

  /** A machine that has nothing but the token. */
  async startNewcomer(node: string, token: string): Promise<void> {
    const addresses = layout.INTERCONNECTS.flatMap((net) => [
      '--address',
      `${net}=${layout.meshAddress(node, net)}`,
    ]);
    const join = ['holdfast', 'join', token, '--node', node, ...addresses];
    const words = [...join, '--data-directory', '/var/lib/holdfast'].join(' ');
    const run = 'exec holdfast run --config /var/lib/holdfast/holdfast.yaml';
    await this.#start(node, ['sh', '-c', `${words} && ${run}`]);
  }

  get nodes(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  /** Runs a command in the node's container, as `docker exec` does. */
  async inside(node: string, ...argv: readonly string[]): Promise<Ended> {
    const { exitCode, output } = await this.#container(node).exec([...argv]);
    return { status: exitCode, output };
  }

  async holdfast(node: string, ...words: readonly string[]): Promise<Ended> {
    return await this.inside(node, 'holdfast', ...words);
  }

  /** The data of a question with `--json`; undefined when it is not answered. */
  async data<T>(node: string, ...words: readonly string[]): Promise<T | undefined> {
    const { status, output } = await this.holdfast(node, ...words, '--json');
    return status === 0 ? (JSON.parse(output) as Answer<T>).data : undefined;
  }

  /** Waits until the status that this node gives is as wanted. */
  async seen(
    node: string,
    what: string,
    wanted: (status: ClusterStatus) => boolean,
  ): Promise<ClusterStatus> {
    return await until(
      async () => {
        const status = await this.data<ClusterStatus>(node, 'status');
        return status !== undefined && wanted(status) ? status : undefined;
      },
      { what: `${node} sees: ${what}`, limitMs: PATIENCE_MS, intervalMs: ASK_EVERY_MS },
      () => this.logs(),
    );
  }

  /** Waits until these nodes are all members there are, hear each other, and somebody serves. */
  async whole(...nodes: readonly string[]): Promise<GroupStatus> {
    let group: GroupStatus | undefined;
    for (const node of nodes) {
      await this.seen(node, `${nodes.join(', ')} are whole`, (status) => {
        group = status.groups.find((one) => one.group === layout.GROUP);
        const alive = status.members.filter(
          ({ state, links }) => state === 'alive' && links.every((link) => link.state === 'alive'),
        );
        const names = alive.map((one) => one.node).toSorted();
        return names.join() === nodes.toSorted().join() && group?.phase === 'serving';
      });
    }
    if (group === undefined) throw new Error('nobody was asked');
    return group;
  }

  /** Waits until somebody other than `not` serves, as `by` sees it. */
  async servedBy(by: string, { not }: { readonly not: string }): Promise<GroupStatus> {
    const groupOf = ({ groups }: ClusterStatus): GroupStatus | undefined =>
      groups.find(({ group }) => group === layout.GROUP);
    const status = await this.seen(by, `the group is served, and not by ${not}`, (one) => {
      const group = groupOf(one);
      return group?.phase === 'serving' && group.owner !== null && group.owner !== not;
    });
    const group = groupOf(status);
    if (group === undefined) throw new Error('the group is gone');
    return group;
  }

  /** Takes the carrier from the node's card on this network, or gives it back. */
  async cable(node: string, net: layout.Net, state: 'up' | 'down'): Promise<void> {
    const pattern = `to ${layout.subnetOf(net)}`;
    const { output } = await this.inside(node, 'sh', '-c', `ip -o -4 address show ${pattern}`);
    const device = /^\d+:\s+(\S+)/.exec(output)?.[1] ?? '';
    const peer = await this.inside(node, 'cat', `/sys/class/net/${device}/iflink`);
    const links = execFileSync(...this.#outside(['ip', '-o', 'link']), { encoding: 'utf8' });
    const index = peer.output.trim();
    const host = new RegExp(`^${index}: ([^@:]+)`, 'm').exec(links)?.[1];
    if (host === undefined) throw new Error(`no cable ${index} of ${node} on ${net}\n${links}`);
    execFileSync(...this.#outside(['ip', 'link', 'set', host, state]));
  }

  async pause(node: string): Promise<void> {
    await (await this.#handle(node)).pause();
  }

  async unpause(node: string): Promise<void> {
    await (await this.#handle(node)).unpause();
  }

  /** Everything in the container at once; the volume stays. */
  async kill(node: string): Promise<void> {
    await (await this.#handle(node)).kill();
  }

  async restart(node: string): Promise<void> {
    await (await this.#handle(node)).start();
  }

  /** In order, as an upgrade does: groups first. The container goes, the volume stays. */
  async remove(node: string): Promise<void> {
    const container = await this.#handle(node);
    await container.stop({ t: 60 }).catch((error: { readonly statusCode?: number }) => {
      if (error.statusCode !== 304) throw error; // it has ended already
    });
    await container.remove({ force: true });
    this.#nodes.delete(node);
  }

  /** The ledger's clients, where the bridges are. */
  load(): Load {
    return new Load((argv) => {
      const child = spawn(...this.#outside(argv), { stdio: ['pipe', 'pipe', 'pipe'] });
      this.#clients.push(child);
      return child;
    }, `${layout.FLOATING}:${layout.LEDGER_PORT}`);
  }

  /** The end of every log, for the message of a failure. */
  logs(): string {
    return [...this.#nodes]
      .map(([node, container]) => {
        const log = execFileSync('sh', ['-c', `docker logs --tail 25 ${container.getId()} 2>&1`], {
          encoding: 'utf8',
        });
        return `--- ${node}\n${log}`;
      })
      .join('\n');
  }

  async down(): Promise<void> {
    for (const client of this.#clients) client.kill('SIGKILL');
    const { container } = await getContainerRuntimeClient();
    const all = [...this.#nodes.values(), ...(this.#storage === null ? [] : [this.#storage])];
    const { dockerode } = container;
    const gone = async (what: { remove(options?: object): Promise<unknown> }): Promise<void> => {
      await what.remove({ force: true, v: true }).catch((error: { statusCode?: number }) => {
        if (error.statusCode !== 404) throw error; // it was never made
      });
    };
    await Promise.all(all.map((one) => gone(dockerode.getContainer(one.getId()))));
    for (const node of ['node1', 'node2', 'node3', 'node4']) {
      await gone(dockerode.getVolume(this.#volume(node)));
    }
    for (const net of layout.NETS) await gone(dockerode.getNetwork(this.#network(net)));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  async #start(node: string, command: readonly string[]): Promise<void> {
    const key = join(this.#dataOf(node), IDENTITY_FILE);
    const container = new NodeContainer({
      image: this.image,
      name: node,
      command,
      attachments: layout.attachmentsOf(node, (net) => this.#network(net)),
      volume: this.#volume(node),
      ready: RUNNING,
    }).withCopyContentToContainer([
      { content: this.#configuration, target: '/etc/holdfast/cluster.yaml' },
      { content: this.#ledger, target: layout.LEDGER_PATH },
      ...(layout.FOUNDERS.some((one) => one === node)
        ? [
            {
              content: readFileSync(key),
              target: `/var/lib/holdfast/${IDENTITY_FILE}`,
              mode: 0o600,
            },
          ]
        : []),
    ]);
    this.#nodes.set(node, await container.start());
  }

  /** A command, where the engine's bridges are: in its own network namespace, or here. */
  #outside(argv: readonly string[]): [string, string[]] {
    const namespace = process.env['HOLDFAST_ENGINE_NAMESPACE'];
    const [file = '', ...words] = argv;
    if (namespace === undefined) return [file, words];
    return ['nsenter', [`--net=/run/netns/${namespace}`, file, ...words]];
  }

  async #handle(node: string) {
    const { container } = await getContainerRuntimeClient();
    return container.dockerode.getContainer(this.#container(node).getId());
  }

  #container(node: string): StartedTestContainer {
    const found = this.#nodes.get(node);
    if (found === undefined) throw new Error(`${node} does not run`);
    return found;
  }

  #network(net: layout.Net): string {
    return `${this.#name}-${net}`;
  }

  #volume(node: string): string {
    return `${this.#name}-${node}`;
  }

  #dataOf(node: string): string {
    return join(this.#directory, node);
  }
}
