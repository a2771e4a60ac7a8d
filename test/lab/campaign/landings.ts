/**
 * Which stamps are on the LUNs, looked at where they truly are: in the image files behind the
 * target, on the host. No guest is asked, neither the target nor an initiator, and a frozen one can
 * hide nothing.
 *
 * It looks each few milliseconds and keeps for each new stamp when it was seen and when the slot was
 * last seen without it. A stamp that was overwritten between two looks is not seen; its writer
 * writes on, so the next one is.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Millis } from '../../../src/lib/ids.ts';
import type { Lab } from '../lab.ts';
import type { Landing } from './late-writes.ts';
import { AREA_AT, areaBytes, readStamp, SECTOR_BYTES } from './stamp.ts';

const LOOK_EVERY_MS: Millis = 5;

export class Landings {
  readonly #files: readonly number[];
  readonly #area: Buffer;
  readonly #last: Buffer[];
  #lookedAt: Millis = 0;
  #landings: Landing[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(lab: Lab, luns: number) {
    const names = Array.from({ length: luns }, (_, lun) =>
      join(lab.directory, 'disks', `lun${lun}`),
    );
    this.#files = names.map((name) => openSync(name, 'r'));
    this.#area = Buffer.alloc(areaBytes(lab.nodes.length));
    this.#last = names.map(() => Buffer.alloc(this.#area.length));
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    for (const file of this.#files) closeSync(file);
  }

  /** Everything seen since the last call. */
  take(): readonly Landing[] {
    const taken = this.#landings;
    this.#landings = [];
    return taken;
  }

  /** Whether an owner has written to every LUN in this epoch, among what was not taken yet. */
  hasWritten(epoch: number): boolean {
    return this.#files.every((_, lun) =>
      this.#landings.some(({ stamp }) => stamp.epoch === epoch && stamp.lun === lun),
    );
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.look();
      await pause(LOOK_EVERY_MS);
    }
  }

  look(): void {
    const beganAt = performance.now();
    this.#files.forEach((file, lun) => {
      this.#lookAt(file, lun);
    });
    this.#lookedAt = beganAt;
  }

  #lookAt(file: number, lun: number): void {
    const last = this.#last[lun];
    if (last === undefined) return;
    readSync(file, this.#area, 0, this.#area.length, AREA_AT);
    if (this.#area.equals(last)) return;
    const seenAt = performance.now();
    for (let at = 0; at < this.#area.length; at += SECTOR_BYTES) {
      const sector = this.#area.subarray(at, at + SECTOR_BYTES);
      const before = last.subarray(at, at + SECTOR_BYTES);
      if (sector.equals(before)) continue;
      const stamp = readStamp(sector);
      if (stamp === null) continue; // In the middle of a write: whole at the next look.
      sector.copy(before);
      this.#landings.push({ stamp, notBefore: this.#lookedAt, seenAt });
    }
  }
}
