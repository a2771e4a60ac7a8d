/**
 * The daemon's end of the guardian: starts the process, speaks newline-delimited JSON with it over
 * its pipes, and starts another one when it ends unasked. What must be armed again is told by
 * `onExit`; until the new guardian has acknowledged, no lease counts, so nothing is served unguarded.
 *
 * It holds no deadline itself. The guardian acts when this process is gone; that is its purpose.
 */
import { createInterface } from 'node:readline';
import type { NodeConfig } from '../config/types.ts';
import { guardianArgv } from '../guardian/argv.ts';
import type { FromGuardian, ToGuardian } from '../guardian/messages.ts';
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import type { Logger } from '../observability/logger.ts';
import { type LongLived, startLongLived } from '../system/long-lived.ts';
import type { Guardian } from './world.ts';

export type GuardianClientOptions = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly clusterId: string;
  readonly watchdog?: NodeConfig['watchdog'];
  /** For tests: another program in the guardian's place. */
  readonly argv?: readonly string[];
};

const WORDS: readonly FromGuardian['kind'][] = [
  'ready',
  'armed',
  'disarmed',
  'refused',
  'torn-down',
];
const READY_LIMIT_MS: Millis = 30_000;
const RESTART_DELAY_MS: Millis = 200;
/** Longer than it tries to bring down what resists (`guardian.ts`). */
const END_LIMIT_MS: Millis = 15_000;

export class GuardianClient implements Guardian {
  readonly #options: GuardianClientOptions;
  readonly #stopping = new AbortController();
  #process: LongLived | null = null;
  #handler: (message: FromGuardian) => void = () => undefined;
  #exit: () => void = () => undefined;

  constructor(options: GuardianClientOptions) {
    this.#options = options;
  }

  onExit(handler: () => void): void {
    this.#exit = handler;
  }

  /** @throws HoldfastError GUARDIAN_NOT_STARTED */
  async start(handler: (message: FromGuardian) => void): Promise<void> {
    this.#handler = handler;
    await this.#launch();
  }

  /** What cannot be sent is not acknowledged, and what is not acknowledged does not count. */
  send(message: ToGuardian): void {
    const input = this.#process?.pipes?.input;
    if (input?.writable === true) input.write(`${JSON.stringify(message)}\n`);
  }

  /**
   * Closes the pipe: whatever is still armed is torn down, then the guardian ends. One that hangs is
   * left to itself, and not killed: it may have something to tear down as soon as it runs again.
   */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const running = this.#process;
    if (running === null) return;
    running.pipes?.input.end();
    const limit = new AbortController();
    const late = this.#options.clock.after(END_LIMIT_MS, limit.signal).then(
      () => this.#options.logger.error('the guardian does not end', { pid: running.mark.pid }),
      () => undefined, // it ended
    );
    await Promise.race([running.ended, late]);
    limit.abort();
  }

  async #launch(): Promise<void> {
    const { clusterId, watchdog, clock, logger } = this.#options;
    const argv = this.#options.argv ?? guardianArgv({ clusterId, watchdog });
    const started = await startLongLived({ argv, output: { kind: 'pipes' } });
    this.#process = started;
    const pipes = started.pipes;
    if (pipes === null) throw new HoldfastError('GUARDIAN_NOT_STARTED', { reason: 'no pipes' });
    pipes.input.on('error', () => undefined); // its end is told by `ended`
    createInterface({ input: pipes.errors }).on('line', (line) =>
      logger.warn('guardian', { line }),
    );
    const ready = new Promise<void>((resolve) => {
      createInterface({ input: pipes.output }).on('line', (line) => {
        const message = parse(line);
        if (message === null) logger.warn('the guardian said something unknown', { line });
        else if (message.kind === 'ready') resolve();
        // Not acknowledged is not armed: without it the lease runs out by itself.
        else if (message.kind === 'refused') logger.warn('the guardian refuses', message);
        else this.#handler(message);
      });
    });
    started.ended.then((ending) => this.#ended(started, ending));
    const limit = new AbortController();
    const late = clock.after(READY_LIMIT_MS, limit.signal).then(
      () => 'late' as const,
      () => 'withdrawn' as const,
    );
    const gone = started.ended.then(() => 'gone' as const);
    const first = await Promise.race([ready.then(() => 'ready' as const), late, gone]);
    limit.abort();
    if (first !== 'ready') throw new HoldfastError('GUARDIAN_NOT_STARTED', { reason: first });
  }

  #ended(process: LongLived, ending: { readonly status: number | null }): void {
    if (this.#stopping.signal.aborted || this.#process !== process) return;
    const { logger } = this.#options;
    logger.error('the guardian ended; nothing is renewed before another one stands', ending);
    this.#relaunch().catch(() => undefined); // stopped while it waited
  }

  async #relaunch(): Promise<void> {
    const { clock, logger } = this.#options;
    while (!this.#stopping.signal.aborted) {
      await clock.after(RESTART_DELAY_MS, this.#stopping.signal);
      try {
        await this.#launch();
        this.#exit();
        return;
      } catch (error) {
        logger.error('the guardian does not start', { error: String(error) });
      }
    }
  }
}

function parse(line: string): FromGuardian | null {
  try {
    const value: unknown = JSON.parse(line);
    return isFromGuardian(value) ? value : null;
  } catch {
    return null; // not JSON: told by the caller
  }
}

function isFromGuardian(value: unknown): value is FromGuardian {
  if (typeof value !== 'object' || value === null) return false;
  const { kind } = value as { readonly kind?: unknown };
  return WORDS.some((word) => word === kind);
}
