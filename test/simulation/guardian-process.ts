/**
 * Production's guardian as a process of a simulated machine: told through a pipe that keeps its
 * order, with the machine's kernel to act on. It lives on when the daemon is stopped, tears down when
 * the daemon ends, stands still with its machine, and may be killed itself.
 */
import { Guardian } from '../../src/guardian/guardian.ts';
import type { FromGuardian, GuardianEvidence, ToGuardian } from '../../src/guardian/messages.ts';
import type { Millis } from '../../src/lib/ids.ts';
import type { Guardian as GuardianPort } from '../../src/node/world.ts';
import type { Teardown } from '../../src/system/teardown.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { Kernel } from './kernel.ts';

export type GuardianProcessOptions = {
  readonly clusterId: string;
  readonly kernel: Kernel;
  readonly daemon: FreezableClock;
  readonly publish: (evidence: GuardianEvidence) => void;
  readonly said: (line: string) => void;
};

const PIPE_MS: Millis = 0.1;
const UNDO_MS: Millis = 1;
const RELAUNCH_MS: Millis = 200;

type Process = {
  readonly guardian: Guardian;
  readonly over: AbortController;
  tail: Promise<void>;
};

export class GuardianProcess implements GuardianPort {
  readonly #options: GuardianProcessOptions;
  #process: Process | null = null;
  #goneSinceMs: Millis = 0;
  #handler: (message: FromGuardian) => void = () => undefined;
  #exit: () => void = () => undefined;

  constructor(options: GuardianProcessOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#process !== null;
  }

  /** How long there has been none; 0 while there is one. */
  get goneMs(): Millis {
    return this.isRunning ? 0 : this.#options.daemon.now() - this.#goneSinceMs;
  }

  onExit(handler: () => void): void {
    this.#exit = handler;
  }

  async start(handler: (message: FromGuardian) => void): Promise<void> {
    this.#handler = handler;
    this.#launch();
  }

  send(message: ToGuardian): void {
    const process = this.#process;
    if (process === null) return;
    const { kernel } = this.#options;
    process.tail = process.tail
      .then(() => kernel.clock.after(PIPE_MS, process.over.signal))
      .then(() => process.guardian.receive(message))
      .catch(() => undefined); // it was killed: nobody reads any more
  }

  async stop(): Promise<void> {
    this.pipeCloses();
  }

  /** The daemon is gone. What was written into the pipe before is read first. */
  pipeCloses(): void {
    const process = this.#process;
    this.#process = null;
    if (process === null) return;
    process.tail = process.tail
      .then(() => process.guardian.tearDownAll())
      .then(() => process.over.abort());
  }

  /** kill -9 of the guardian alone: the daemon starts another one, as soon as it can. */
  kill(relaunchMs: Millis = RELAUNCH_MS): void {
    const process = this.#process;
    if (process === null) return;
    this.#process = null;
    process.over.abort();
    const { daemon } = this.#options;
    this.#goneSinceMs = daemon.now();
    daemon.after(relaunchMs, new AbortController().signal).then(() => {
      this.#launch();
      this.#exit();
    });
  }

  #launch(): void {
    const { clusterId, kernel, daemon, publish, said } = this.#options;
    const over = new AbortController();
    const guardian = new Guardian({
      clusterId,
      clock: kernel.clock,
      filter: {
        open: async (addresses, untilMs) => {
          if (over.signal.aborted) return false;
          for (const address of addresses) kernel.open(address, untilMs);
          return true;
        },
        block: async (addresses) => {
          for (const address of addresses) kernel.open(address, 0);
        },
      },
      undo: async (item) => {
        await kernel.clock.after(UNDO_MS, over.signal);
        await this.#undo(item);
      },
      publish: async (evidence) => publish(evidence),
      tell: (message) => daemon.run(() => this.#handler(message)),
      log: said,
    });
    this.#process = { guardian, over, tail: Promise.resolve() };
    guardian.watch(over.signal).catch(() => undefined); // it ends with its process
  }

  async #undo(item: Teardown): Promise<void> {
    const { kernel } = this.#options;
    if (item.kind === 'block-address') {
      kernel.open(item.address, 0);
      kernel.addresses.delete(item.address);
    } else if (item.kind === 'kill-cgroup') kernel.kill(item.path);
    else if (item.kind === 'unmount-lazily') await kernel.detach(item.path);
  }
}
