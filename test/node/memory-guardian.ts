/**
 * The production guardian in memory: a process of its own on the machine, told through a pipe that
 * keeps its order, with the stage for a packet filter. It lives on when the daemon is stopped, tears
 * down when the daemon ends, stands still with its machine, and may be killed itself.
 */
import { Guardian } from '../../src/guardian/guardian.ts';
import type { FromGuardian, GuardianEvidence, ToGuardian } from '../../src/guardian/messages.ts';
import type { Guardian as GuardianPort } from '../../src/node/world.ts';
import type { Teardown } from '../../src/system/teardown.ts';
import type { FreezableClock } from '../simulation/freezable-clock.ts';
import type { Stage } from './stage.ts';

export type MemoryGuardianOptions = {
  readonly node: string;
  readonly machine: FreezableClock;
  readonly daemon: FreezableClock;
  readonly stage: Stage;
  readonly publish: (evidence: GuardianEvidence) => void;
};

const PIPE_MS = 0.2;
const UNDO_MS = 2;
const RELAUNCH_MS = 200;

type Process = {
  readonly guardian: Guardian;
  readonly over: AbortController;
  tail: Promise<void>;
};

export class MemoryGuardian implements GuardianPort {
  readonly #options: MemoryGuardianOptions;
  #process: Process | null = null;
  #handler: (message: FromGuardian) => void = () => undefined;
  #exit: () => void = () => undefined;

  constructor(options: MemoryGuardianOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#process !== null;
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
    const { machine } = this.#options;
    process.tail = process.tail
      .then(() => machine.after(PIPE_MS, process.over.signal))
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

  /** kill -9 of the guardian alone: the daemon starts another one. */
  kill(): void {
    const process = this.#process;
    if (process === null) return;
    this.#process = null;
    process.over.abort();
    this.#options.daemon.after(RELAUNCH_MS, new AbortController().signal).then(() => {
      this.#launch();
      this.#exit();
    });
  }

  #launch(): void {
    const { machine, daemon, stage, node, publish } = this.#options;
    const over = new AbortController();
    const guardian = new Guardian({
      clusterId: 'memory',
      clock: machine,
      filter: {
        open: async (addresses, untilMs) => {
          for (const address of addresses) stage.open(address, node, untilMs);
          return true;
        },
        block: async (addresses) => {
          for (const address of addresses) stage.open(address, node, 0);
        },
      },
      undo: async (item) => {
        await machine.after(UNDO_MS, over.signal);
        this.#undo(item);
      },
      publish: async (evidence) => publish(evidence),
      tell: (message) => daemon.run(() => this.#handler(message)),
      log: () => undefined,
    });
    this.#process = { guardian, over, tail: Promise.resolve() };
    guardian.watch(over.signal).catch(() => undefined); // it ends with its process
  }

  #undo(item: Teardown): void {
    const { stage, node } = this.#options;
    if (item.kind === 'block-address') {
      stage.open(item.address, node, 0);
      stage.hide(item.address, node);
    } else if (item.kind === 'kill-cgroup') stage.hide(item.path, node);
    else if (item.kind === 'unmount-lazily') stage.unmount(item.path, node);
  }
}
