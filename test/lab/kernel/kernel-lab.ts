/**
 * The laboratory as a whole: a storage guest with a LIO target, and node guests that are logged in
 * to it. It says what a machine room can do (power, freeze, cables) and nothing of what runs in
 * it.
 *
 * Every guest has a disk of its own that survives power loss, mounted at /var/lib/holdfast;
 * everything else in a guest is new at each boot. LUNs are /dev/sda, /dev/sdb, … in the nodes,
 * also /dev/lab/lun0, …
 */

import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { identityOf } from '../../../src/system/block-device.ts';
import type { Lab, Reservation } from '../lab.ts';
import { Client } from './client.ts';
import { goBack, goFirst } from './go-first.ts';
import { Guest } from './guest.ts';
import { run } from './host.ts';
import { LabError } from './lab-error.ts';
import { type Cut, Network } from './network.ts';
import { ensurePackages } from './packages.ts';
import { RunDirectory } from './run-directory.ts';
import { buildPreload, buildWideRegisters } from './wide-registers.ts';

export type LabOptions = {
  readonly nodes?: number;
  readonly luns?: number;
  readonly lunSizeMb?: number;
  readonly memoryMb?: number;
  /** The clocks of guests can be moved (`Guest.moveClock`). */
  readonly clocks?: boolean;
  /** Leaves the run directory (consoles, logs, disk images) when the laboratory ends. */
  readonly keep?: boolean;
  readonly say?: (line: string) => void;
};

export const repositoryRoot: string = resolve(import.meta.dirname, '../../..');
/** Node's compile cache for the guests, the one thing that stays: it belongs to the installed modules. */
const compileCache = `${repositoryRoot}/node_modules/.cache/holdfast-lab`;
const scripts = `${repositoryRoot}/test/lab/kernel/guest`;
const stateDiskMb = 256;
const storageMemoryMb = 256;

export class KernelLab implements Lab {
  readonly kind = 'kernel';
  #options: Required<LabOptions> | undefined;
  #run: RunDirectory | undefined;
  #network: Network | undefined;
  #client: Client | undefined;
  #guests: readonly Guest[] = [];

  /** nothing → up. When it fails, nothing is left behind. */
  async up(options: LabOptions = {}): Promise<void> {
    if (this.#run !== undefined) throw new LabError('USAGE', 'the laboratory is already up');
    const all = {
      nodes: 3,
      luns: 1,
      lunSizeMb: 512,
      memoryMb: 512,
      clocks: false,
      keep: false,
      say: () => {},
      ...options,
    };
    this.#options = all;
    await ensurePackages(all.say, all.clocks);
    await goFirst();
    const directory = new RunDirectory();
    await directory.open(all.keep);
    this.#run = directory;
    try {
      this.#network = new Network(directory.namespace);
      this.#client = new Client(directory.namespace);
      await this.#network.up(all.nodes);
      this.#guests = await this.#makeGuests(directory, all);
      // The nodes boot while the target is set up; login waits for both.
      const storage = this.boot(0);
      await Promise.all(this.nodes.map(async (node) => this.#join(node, storage)));
    } catch (error) {
      await this.down();
      throw error;
    }
  }

  /** up → nothing: every guest off, namespace and run directory gone. */
  async down(): Promise<void> {
    await Promise.all(this.#guests.map((guest) => guest.powerOff()));
    await this.#run?.close();
    await goBack();
    this.#run = undefined;
    this.#guests = [];
  }

  /** 0 is the storage guest, 1 to n are the nodes. */
  guest(id: number): Guest {
    const guest = this.#guests[id];
    if (guest === undefined) throw new LabError('USAGE', `there is no guest ${id}`);
    return guest;
  }

  get storage(): Guest {
    return this.guest(0);
  }

  get nodes(): readonly Guest[] {
    return this.#guests.slice(1);
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

  /** off → on, as after the power came back: a fresh boot, then the target, or the login to it. */
  async boot(id: number): Promise<void> {
    await this.#join(this.guest(id), Promise.resolve());
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

  async diskParameters(lun: number): Promise<Readonly<Record<string, string>>> {
    const page = await this.guest(1).ok(
      `base64 -w0 /sys/block/$(basename $(readlink /dev/lab/lun${lun}))/device/vpd_pg83`,
    );
    const identity = identityOf(Buffer.from(page.trim(), 'base64'));
    if (identity === null) throw new LabError('EXPECTATION_FAILED', 'a LUN without page 83h');
    return { identity };
  }

  /** LIO's own words, out of the target's configfs. */
  async reservations(luns: number, timeoutMs: number): Promise<readonly Reservation[]> {
    if (!this.storage.isOn) return [];
    const { output } = await this.storage.exec(
      `cd /sys/kernel/config/target/core
       for l in $(seq 0 ${luns - 1}); do
         p=iblock_$l/lun$l/pr; echo "lun $l"; cat $p/res_holder $p/res_type $p/res_pr_registered_i_pts
       done`,
      timeoutMs,
    );
    return output.split(/^lun /m).slice(1).map(parseReservation);
  }

  async #join(guest: Guest, targetReady: Promise<void>): Promise<void> {
    const { nodes, luns } = this.#up(this.#options);
    await guest.boot();
    await targetReady;
    if (guest.id === 0) await guest.ok(`sh ${scripts}/storage.sh ${nodes} ${luns}`);
    else await guest.ok(`sh ${scripts}/login.sh ${luns}`);
  }

  async #makeGuests(directory: RunDirectory, all: Required<LabOptions>): Promise<readonly Guest[]> {
    mkdirSync(compileCache, { recursive: true });
    const disks = join(directory.path, 'disks');
    mkdirSync(disks);
    const image = (name: string, sizeMb: number): string => {
      const path = join(disks, name);
      writeFileSync(path, '');
      truncateSync(path, sizeMb * 1024 * 1024);
      return path;
    };
    const registers = await buildWideRegisters(directory.path);
    const preload = [
      ...(registers === null ? [] : [registers]),
      ...(all.clocks ? [await buildPreload('clock-shift', directory.path)] : []),
    ];
    const luns = Array.from({ length: all.luns }, (_, i) => image(`lun${i}`, all.lunSizeMb));
    return Promise.all(
      Array.from({ length: all.nodes + 1 }, async (_, id) => {
        const own = image(`state${id}`, stateDiskMb);
        await run(['mkfs.ext4', '-q', '-F', '-J', 'size=8', own]);
        return new Guest({
          id,
          namespace: directory.namespace,
          directory: directory.path,
          root: repositoryRoot,
          memoryMb: id === 0 ? storageMemoryMb : all.memoryMb,
          disks: id === 0 ? [own, ...luns] : [own],
          preload,
        });
      }),
    );
  }

  #up<T>(part: T | undefined): T {
    if (part === undefined || this.#run === undefined)
      throw new LabError('USAGE', 'the laboratory is not up');
    return part;
  }
}

/** LIO's own words, out of its configfs attributes. */
export function parseReservation(text: string): Reservation {
  const node = (word: RegExpExecArray | null): number | null =>
    word === null ? null : Number(word[1]);
  const keys: Record<number, string> = {};
  for (const [, id, key] of text.matchAll(/iSCSI Node: \S*:node(\d+),\S* Key: 0x0*([0-9a-f]+)/g)) {
    keys[Number(id)] = key ?? '';
  }
  return {
    lun: Number.parseInt(text, 10),
    holder: node(/Reservation: iSCSI Initiator: \S*:node(\d+)/.exec(text)),
    type: /Reservation Type: (.+)/.exec(text)?.[1]?.trim() ?? null,
    keys,
  };
}
