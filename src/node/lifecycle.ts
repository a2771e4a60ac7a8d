/**
 * Starts the parts of a daemon in written order and stops them in reverse. Nothing is started
 * half-way: when a step fails, what stands is taken down again and the error goes to the caller.
 */
import type { Logger } from '../observability/logger.ts';

export type LifecycleStep = {
  readonly name: string;
  readonly start: () => Promise<void> | void;
  readonly stop: () => Promise<void> | void;
};

export class Lifecycle {
  readonly #logger: Logger;
  readonly #started: LifecycleStep[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  async start(steps: readonly LifecycleStep[]): Promise<void> {
    for (const step of steps) {
      try {
        await step.start();
        this.#started.push(step);
      } catch (error) {
        await this.stop();
        throw error;
      }
    }
  }

  /** Every step is stopped, whatever the others do; failures are told, not thrown. */
  async stop(): Promise<void> {
    for (let step = this.#started.pop(); step !== undefined; step = this.#started.pop()) {
      try {
        await step.stop();
      } catch (error) {
        this.#logger.error('a part did not stop', { part: step.name, error: String(error) });
      }
    }
  }
}
