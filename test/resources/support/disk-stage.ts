/**
 * Small disks with file systems: loop devices over sparse files. To be used inside a mount namespace
 * that was made for it; the files lie in the directory that the caller removes.
 */
import { mkdirSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { must, works } from './shell.ts';

/** mkfs.xfs refuses less than 300 MiB; the files are sparse. */
const BYTES = 320 * 1024 * 1024;

export class DiskStage {
  readonly #directory: string;
  readonly #devices: string[] = [];
  readonly #media: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A device with what `mkfs.TYPE` makes; none for an empty type. */
  disk(name: string, type: string, ...options: readonly string[]): string {
    const file = this.image(name);
    writeFileSync(file, '');
    truncateSync(file, BYTES);
    const device = this.attach(file);
    if (type !== '') must(`mkfs.${type}`, '-q', ...options, device);
    return device;
  }

  /**
   * A disk of ext4 on a medium that `fill` makes too small, until `empty`: writes to blocks that were
   * never written fail, all others arrive.
   */
  scarce(name: string): { device: string; fill(): void; empty(): void } {
    const medium = this.directory(`${name}-medium`);
    must('mount', '-t', 'tmpfs', '-o', 'size=40M', 'medium', medium);
    this.#media.push(medium);
    // Named after the directory: where the medium is off the tree, only the name tells whose it is.
    const file = join(medium, `${basename(this.#directory)}.img`);
    writeFileSync(file, '');
    truncateSync(file, BYTES);
    // The journal is written in full here, so that only data can fail.
    const whole = 'nodiscard,lazy_itable_init=0,lazy_journal_init=0';
    must('mkfs.ext4', '-q', '-E', whole, '-J', 'size=4', file);
    const device = must('losetup', '--find', '--show', file).trim();
    this.#devices.push(device);
    const ballast = join(medium, 'ballast');
    return {
      device,
      fill: () => void works('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k'),
      empty: () => rmSync(ballast),
    };
  }

  /** The file of a disk, which ends with the stage. */
  image(name: string): string {
    return join(this.#directory, `${name}.img`);
  }

  /** A device for a file that is there. */
  attach(file: string): string {
    const device = must('losetup', '--find', '--show', file).trim();
    this.#devices.push(device);
    return device;
  }

  directory(name: string): string {
    const path = join(this.#directory, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** All devices and files gone: a guest keeps its files in memory and has little of it. */
  destroy(): void {
    for (const device of this.#devices.splice(0)) works('losetup', '--detach', device);
    for (const medium of this.#media.splice(0)) works('umount', '--lazy', medium);
    for (const name of readdirSync(this.#directory)) {
      if (name.endsWith('.img')) rmSync(join(this.#directory, name));
    }
  }
}
