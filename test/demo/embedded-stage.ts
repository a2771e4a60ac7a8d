/**
 * The demonstration without privileges, on an embedded cluster. What is emulated is held to the real
 * thing by the contract suites.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEmulated } from '../../src/fencing/devices/emulated/address.ts';
import { EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import type { Timeline } from '../../src/operator/api.ts';
import type { Load } from '../lab/clients.ts';
import { until } from '../lab/kernel/index.ts';
import { EmbeddedCluster, PATIENCE_MS } from './embedded-cluster.ts';
import { signalAll, treeOf } from './processes.ts';
import type { Finding, Owner, Stage } from './stage.ts';

const WRITE_LIMIT_MS = 3_000;
/** Beyond what the ledger uses in a demonstration: a block of its own for the forbidden write. */
const FOREIGN_BLOCK = 60_000;

export async function embeddedStage(say: (line: string) => void): Promise<Stage> {
  const cluster = await EmbeddedCluster.lay(mkdtempSync(join(tmpdir(), 'holdfast-demo-')));
  try {
    say('starting the emulated disk and network segment, and three daemons on loopback');
    await cluster.start();
    const load = cluster.load();
    await cluster.served();
    return new EmbeddedStage(cluster, load);
  } catch (error) {
    const words = cluster.logs();
    cluster.down();
    throw new Error(`${String(error)}\n${words}`);
  }
}

class EmbeddedStage implements Stage {
  readonly mode = 'embedded';
  readonly about =
    'three daemons on loopback; disk and network segment are emulated by a fourth process';
  readonly load: Load;
  readonly #cluster: EmbeddedCluster;
  readonly #frozen = new Map<string, readonly number[]>();

  constructor(cluster: EmbeddedCluster, load: Load) {
    this.#cluster = cluster;
    this.load = load;
  }

  served(options: Parameters<Stage['served']>[0] = {}): Promise<Owner> {
    return this.#cluster.served(options);
  }

  async answered(): Promise<void> {
    await this.load.waitForAcknowledged(20, PATIENCE_MS);
  }

  async timelines(): Promise<readonly Timeline[]> {
    const { node } = await this.served();
    return (await this.#cluster.ask<readonly Timeline[]>(node, '/v1/timeline')) ?? [];
  }

  async powerOff(node: string): Promise<void> {
    this.#cluster.powerOff(node);
  }

  async powerOn(node: string): Promise<void> {
    this.#cluster.startDaemon(node);
    await this.#cluster.rejoined(node);
  }

  async freeze(node: string): Promise<void> {
    const all = treeOf(this.#cluster.pidOf(node));
    this.#frozen.set(node, all);
    this.#cluster.silent(node);
    signalAll(all, 'SIGSTOP');
  }

  async thaw(node: string): Promise<void> {
    signalAll(this.#frozen.get(node) ?? [], 'SIGCONT');
    this.#frozen.delete(node);
    this.#cluster.heard(node);
  }

  async writeOfOldOwner(node: string): Promise<Finding> {
    const disk = new EmulatedDisk({
      ...parseEmulated(`emulated:${join(this.#cluster.directory, 'disk.sock')}#0`),
      initiator: node,
      path: 'a',
      timeoutMs: WRITE_LIMIT_MS,
    });
    const signal = AbortSignal.timeout(WRITE_LIMIT_MS);
    const refused = await disk.writeBlock(FOREIGN_BLOCK, new Uint8Array(1), signal).then(
      () => null,
      (error: unknown) => String(error),
    );
    disk.close();
    return {
      ok: refused?.includes('RESERVATION_CONFLICT') === true,
      words: `the disk refuses a write of ${node}: ${refused ?? 'it was written'}`,
    };
  }

  async letGo(node: string): Promise<Finding> {
    const gone = await until(
      async () => {
        const group = await this.#cluster.group(node);
        return group?.local.state === 'stopped' && group.owner !== node;
      },
      { what: 'the group is down there', limitMs: PATIENCE_MS, intervalMs: 50 },
    ).then(
      () => true,
      () => false,
    );
    const holder = await this.#cluster.addressHolder();
    return {
      ok: gone && holder !== node,
      words: `address and application are gone from ${node}; the address is at ${holder}`,
    };
  }

  async oneOwner(): Promise<Finding> {
    const { node } = await this.served();
    const holder = await this.#cluster.addressHolder();
    return { ok: holder === node, words: `the owner ${node} has the address, and nobody else` };
  }

  async down(): Promise<void> {
    for (const node of [...this.#frozen.keys()]) await this.thaw(node);
    this.#cluster.down();
  }
}
