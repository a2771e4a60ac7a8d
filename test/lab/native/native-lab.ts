/**
 * The native laboratory: hosts made of namespaces on this machine's own kernel, a real iSCSI target
 * with reservations, and for each node one session that carries its data and its commands. Boots in
 * half a second and fails over at the host's own speed; what it cannot do stands in README.md.
 */
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '../kernel/client.ts';
import { run } from '../kernel/host.ts';
import { repositoryRoot } from '../kernel/kernel-lab.ts';
import { LabError } from '../kernel/lab-error.ts';
import { type Cut, Network } from '../kernel/network.ts';
import { RunDirectory } from '../kernel/run-directory.ts';
import type { Lab, Reservation } from '../lab.ts';
import { Cables } from './cables.ts';
import { FUSE_CONTROL, NativeHost } from './host.ts';
import { readReservation } from './reservations.ts';
import { buildTools, ensureNativePackages } from './tools.ts';

export type NativeLabOptions = {
  readonly nodes?: number;
  readonly luns?: number;
  readonly lunSizeMb?: number;
  readonly keep?: boolean;
  readonly say?: (line: string) => void;
};

const scripts = join(repositoryRoot, 'test/lab/native');

export class NativeLab implements Lab {
  readonly kind = 'native';
  #options: Required<NativeLabOptions> | undefined;
  #run: RunDirectory | undefined;
  #network: Network | undefined;
  #client: Client | undefined;
  #cgroup: string | undefined;
  #hosts: readonly NativeHost[] = [];

  /** nothing → up. When it fails, nothing is left behind. */
  async up(options: NativeLabOptions = {}): Promise<void> {
    if (this.#run !== undefined) throw new LabError('USAGE', 'the laboratory is already up');
    const all = { nodes: 3, luns: 1, lunSizeMb: 256, keep: false, say: () => {}, ...options };
    this.#options = all;
    await ensureNativePackages(all.say);
    const directory = new RunDirectory();
    await directory.open(all.keep);
    this.#run = directory;
    try {
      const cables = new Cables(directory.namespace);
      this.#network = new Network(directory.namespace);
      this.#client = new Client(directory.namespace);
      await this.#network.up(-1);
      await cables.up();
      const tools = await buildTools(directory.path);
      const control = join(directory.path, FUSE_CONTROL);
      mkdirSync(control);
      await run(['mount', '-t', 'fusectl', 'fusectl', control]);
      this.#cgroup = join(hierarchy(), `holdfast-lab-${directory.namespace}`);
      mkdirSync(this.#cgroup);
      const shared = { directory: directory.path, root: repositoryRoot, tools, cables };
      const cgroup = this.#cgroup;
      this.#hosts = Array.from(
        { length: all.nodes + 1 },
        (_, id) => new NativeHost({ ...shared, cgroup, id }),
      );
      await this.boot(0);
      await Promise.all(this.nodes.map(({ id }) => this.boot(id)));
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  /** up → nothing. */
  async down(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.powerOff()));
    for (const host of this.#hosts) host.remove();
    if (this.#cgroup !== undefined && existsSync(this.#cgroup)) rmdirSync(this.#cgroup);
    await this.#run?.close();
    this.#run = undefined;
    this.#cgroup = undefined;
    this.#hosts = [];
  }

  async boot(id: number): Promise<void> {
    const { luns, lunSizeMb } = this.#up(this.#options);
    const host = this.guest(id);
    await host.boot();
    await host.ok(
      id === 0 ? `sh ${scripts}/target.sh ${luns} ${lunSizeMb}` : `sh ${scripts}/login.sh ${luns}`,
    );
  }

  guest(id: number): NativeHost {
    const host = this.#hosts[id];
    if (host === undefined) throw new LabError('USAGE', `there is no guest ${id}`);
    return host;
  }

  get storage(): NativeHost {
    return this.guest(0);
  }

  get nodes(): readonly NativeHost[] {
    return this.#hosts.slice(1);
  }

  get client(): Client {
    return this.#up(this.#client);
  }

  get directory(): string {
    return this.#up(this.#run).path;
  }

  get namespace(): string {
    return this.#up(this.#run).namespace;
  }

  cut(...cuts: readonly Cut[]): Promise<void> {
    return this.#up(this.#network).cut(...cuts);
  }

  restore(...cuts: readonly Cut[]): Promise<void> {
    return this.#up(this.#network).restore(...cuts);
  }

  restoreAll(): Promise<void> {
    return this.#up(this.#network).restoreAll();
  }

  /** tgt forgets reservations with its power, and says so; it can reset, so late writes are ruled out. */
  async diskParameters(lun: number): Promise<Readonly<Record<string, string | boolean>>> {
    return {
      device: `/dev/lab/lun${lun}`,
      // tgt's own: NAA 3, target 1, logical unit.
      identity: `naa.30000001${(lun + 1).toString(16).padStart(8, '0')}`,
      'volatile-reservations': true,
    };
  }

  reservations(luns: number, timeoutMs: number): Promise<readonly Reservation[]> {
    const all = Array.from({ length: luns }, (_, lun) => lun);
    return Promise.all(all.map((lun) => readReservation(this.storage, lun, timeoutMs)));
  }

  #up<T>(part: T | undefined): T {
    if (part === undefined || this.#run === undefined)
      throw new LabError('USAGE', 'the laboratory is not up');
    return part;
  }
}

/** Where this machine has control groups of version 2. */
function hierarchy(): string {
  const found = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find(
    (path) =>
      existsSync(join(path, 'cgroup.procs')) && existsSync(join(path, 'cgroup.controllers')),
  );
  if (found === undefined) throw new LabError('PACKAGES_MISSING', 'no cgroup2 is mounted');
  return found;
}
