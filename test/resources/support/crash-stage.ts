/**
 * A disk whose image is taken in one moment of a load, as a power loss would leave it, and served again
 * from that image by the same agents. To be used inside network and mount namespaces made for it.
 *
 * The disk is a file on Btrfs and the moment a clone of that file: everything that was written to the device
 * before is in it, nothing that came later. What it does not show: a disk that loses its own cache (the
 * kernel laboratory does), and the fence.
 */
import { equal } from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Parameter, ResourceDefinition } from '../../../src/cluster/definition.ts';
import { ApplicationAgent } from '../../../src/resources/agents/application.ts';
import { FilesystemAgent } from '../../../src/resources/agents/filesystem.ts';
import { monotonicClock as clock } from '../../../src/system/clock.ts';
import { contextOf, resource } from './definitions.ts';
import { must, works } from './shell.ts';

const TYPE = 'ext4';
const BYTES = 1024 * 1024 * 1024;

/** Why images of one moment cannot be made here, or null. */
export function noCrashImages(): string | null {
  const kernel = readFileSync('/proc/filesystems', 'utf8');
  return /\bbtrfs$/m.test(kernel) && existsSync('/usr/sbin/mkfs.btrfs')
    ? null
    : 'needs Btrfs below the disk, for an image of one moment';
}

export type Group = {
  readonly device: string;
  readonly mountPoint: string;
  readonly options?: readonly string[];
  readonly application: Readonly<Record<string, Parameter>>;
  readonly epoch: number;
};

export class CrashStage {
  readonly #store: string;
  /** In the names of images: what is left of them is found by it (`detachLoops`). */
  readonly #mark: string;
  readonly #pool: string;
  readonly #loops: string[] = [];
  readonly #mountPoints = new Set<string>();
  /** Ends what was served, whatever became of the story. */
  readonly #running: (() => Promise<void>)[] = [];
  readonly #filesystem = new FilesystemAgent({ clock, deviceOf: async () => '' });
  readonly #application: ApplicationAgent;

  constructor(directory: string) {
    this.#store = join(directory, 'store');
    this.#mark = basename(directory);
    this.#application = new ApplicationAgent({ clock, logDirectory: join(directory, 'output') });
    mkdirSync(this.#store);
    must('ip', 'link', 'set', 'lo', 'up');
    this.#pool = this.attach(sparse(join(directory, 'pool.img'), 8 * BYTES));
    must('mkfs.btrfs', '-q', this.#pool);
    must('mount', this.#pool, this.#store);
  }

  attach(file: string): string {
    const device = must('losetup', '--find', '--show', file).trim();
    this.#loops.push(device);
    return device;
  }

  /** A disk with what `fill` puts on it, which lies at `mountPoint` meanwhile. */
  disk(name: string, mountPoint: string, fill: (at: string) => void): string {
    const device = this.attach(sparse(this.#image(name), BYTES));
    this.#mountPoints.add(mountPoint);
    must(`mkfs.${TYPE}`, '-q', '-J', 'size=8', device);
    must('mount', device, mountPoint);
    fill(mountPoint);
    must('umount', mountPoint);
    return device;
  }

  /** The disk as it is now, as another disk. */
  crash(name: string): string {
    const image = this.#image(`${name}-crashed`);
    must('cp', '--reflink=always', this.#image(name), image);
    return image;
  }

  #image(name: string): string {
    return join(this.#store, `${this.#mark}-${name}.img`);
  }

  /** One node with the group: the first owner, or the next one after the crash. */
  async serve(group: Group): Promise<{ readonly end: () => Promise<void> }> {
    const { device, mountPoint, options = [], epoch } = group;
    const place = { device, directory: mountPoint, type: TYPE };
    const mount = resource('filesystem', options.length === 0 ? place : { ...place, options });
    const server: ResourceDefinition = resource('application', group.application, {
      name: 'server',
      startTimeoutMs: 120_000,
    });
    const context = contextOf({ epoch, clean: epoch === 1 });
    this.#running.push(async () => {
      await this.#application.kill(server, context);
      await this.#filesystem.kill(mount, context);
    });
    for (const [agent, definition] of [
      [this.#filesystem, mount],
      [this.#application, server],
    ] as const) {
      const outcome = await agent.start(definition, context);
      equal(outcome.status, 0, `${definition.type}: ${outcome.code} ${outcome.detail}`);
    }
    return {
      end: async () => {
        await this.#application.kill(server, context);
        equal((await this.#filesystem.stop(mount, context)).status, 0);
      },
    };
  }

  async destroy(): Promise<void> {
    for (const end of this.#running) await end().catch(() => undefined); // one hinders no other
    for (const mountPoint of this.#mountPoints) works('umount', '--lazy', mountPoint);
    for (const device of this.#loops.toReversed()) {
      if (device === this.#pool) works('umount', this.#store);
      works('losetup', '--detach', device);
    }
  }
}

function sparse(file: string, bytes: number): string {
  writeFileSync(file, '');
  truncateSync(file, bytes);
  return file;
}
