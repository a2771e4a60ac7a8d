/**
 * The port of a fence device over the simulated storage network: one command at a time, as the
 * kernel sends them, and one that was given up keeps its place until its answer is in.
 */
import type { OpenDevice } from '../../src/fencing/devices/choose.ts';
import type { FenceCapabilities, PrCommand, PrReply } from '../../src/fencing/fence-device.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import type { Random } from '../../src/lib/random.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { Lun } from './lun.ts';
import type { San } from './san.ts';

export type SanDeviceOptions = {
  readonly san: San;
  readonly lun: Lun;
  readonly host: string;
  readonly kernel: FreezableClock;
  readonly random: Random;
};

type Lost = 'path-lost' | 'timeout';

export class SanDevice implements OpenDevice {
  readonly blockDevices = null;
  readonly lun: Lun;
  readonly #options: SanDeviceOptions;
  #last: Promise<void> = Promise.resolve();

  constructor(options: SanDeviceOptions) {
    this.#options = options;
    this.lun = options.lun;
  }

  async paths(): Promise<readonly string[]> {
    return this.lun.options.paths;
  }

  async identity(signal: AbortSignal): Promise<string> {
    for (const path of this.lun.options.paths) {
      this.#found(await this.#ask(path, () => this.lun.identity, signal));
    }
    return this.lun.identity;
  }

  async capabilities(signal: AbortSignal): Promise<FenceCapabilities> {
    for (const path of this.lun.options.paths) {
      const answer = await this.#ask(path, () => this.lun.target.capabilities(), signal);
      if (typeof answer === 'object') return answer;
    }
    throw new HoldfastError('DISK_PATHS_LOST', { device: this.lun.name });
  }

  async probe(signal: AbortSignal): Promise<{ readonly durationMs: number }> {
    for (const path of this.lun.options.paths) {
      // Refused by a reservation or told of an attention: the path brought an answer of the disk.
      const nexus = this.#nexus(path);
      this.#found(await this.#ask(path, () => [this.lun.target.read(nexus, 0)], signal));
    }
    return { durationMs: 0 };
  }

  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const { path } = command;
    const { random } = this.#options;
    const nexus = this.#nexus(path);
    const arrive = (): PrReply => {
      // Nobody waits any more, or is there any more: a removal of keys may be done, and its aborts cut short.
      const cutShort = (signal.aborted || this.#options.kernel.ended) && random.below(2) === 0;
      return this.lun.reserve(nexus, command, cutShort);
    };
    const lateMs = 'key' in command ? this.#options.san.stragglesMs(this.#options.host, path) : 0;
    const answer = await this.#ask(path, arrive, signal, lateMs);
    return typeof answer === 'string' ? { kind: answer, path } : answer;
  }

  async close(): Promise<void> {}

  #nexus(path: string): string {
    return `${this.#options.host}:${path}`;
  }

  #found<T>(answer: T | Lost): T {
    if (answer === 'path-lost' || answer === 'timeout') {
      throw new HoldfastError('DISK_PATHS_LOST', { device: this.lun.name });
    }
    return answer;
  }

  #ask<T>(path: string, arrive: () => T, signal: AbortSignal, lateMs = 0): Promise<T | Lost> {
    const { san, host, kernel } = this.#options;
    return new Promise((resolve) => {
      if (signal.aborted) {
        resolve('timeout');
        return;
      }
      const aborted = (): void => resolve('timeout');
      signal.addEventListener('abort', aborted, { once: true });
      this.#last = this.#last.then(
        () =>
          new Promise<void>((free) => {
            if (signal.aborted) {
              free();
              return;
            }
            const answer = (what: T | Lost): void => {
              signal.removeEventListener('abort', aborted);
              free();
              resolve(what);
            };
            san.send({ host, path, kernel, arrive: (reply) => reply(arrive()), answer, lateMs });
          }),
      );
    });
  }
}
