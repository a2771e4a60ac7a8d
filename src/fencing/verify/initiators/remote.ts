/**
 * An initiator on another node: a command (usually `ssh NODE holdfast disk attend`) whose standard
 * input and output are the wire. Nothing listens on a network for it, and who may do it is ssh's
 * business.
 *
 * It repeats nothing. When the command ends, every question that is out is answered `path-lost`.
 * Reference: `attend.ts`, the far side.
 */
import { createInterface } from 'node:readline';
import type { Clock } from '../../../lib/clock.ts';
import { HoldfastError, isProblemCode } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import { type LongLived, type Pipes, startLongLived } from '../../../system/long-lived.ts';
import type { Answer, Initiator, Verb } from '../words.ts';
import { decodeFrame, encodeFrame, type Fields, type Greeting, VERSION } from './frames.ts';

export type RemoteOptions = {
  /** Runs `holdfast disk attend` on the other node. */
  readonly argv: readonly string[];
  readonly clock: Clock;
  /** What the command says on its standard error, line by line. */
  readonly said: (line: string) => void;
};

const GREETING_LIMIT_MS: Millis = 30_000;
const END_LIMIT_MS: Millis = 10_000;
/** A child of the command may hold its output open. */
const LAST_WORDS_MS: Millis = 1_000;

export class RemoteInitiator implements Initiator {
  readonly #clock: Clock;
  readonly #process: LongLived;
  readonly #pipes: Pipes;
  readonly #greeting: Greeting;
  readonly #waiting: Map<number, (answer: Answer | HoldfastError) => void>;
  #nextId = 1;
  #over = false;

  /** @throws HoldfastError VERIFICATION_PEER_FAILED, COMMAND_NOT_FOUND, the far side's refusal. */
  static async start({ argv, clock, said }: RemoteOptions): Promise<RemoteInitiator> {
    const command = argv.join(' ');
    const started = await startLongLived({ argv, output: { kind: 'pipes' } });
    const { pipes } = started;
    if (pipes === null) throw new HoldfastError('VERIFICATION_PEER_FAILED', { command });
    pipes.input.on('error', () => {}); // its end is told by `ended`
    createInterface({ input: pipes.errors }).on('line', said);
    const waiting = new Map<number, (answer: Answer | HoldfastError) => void>();
    const greeting = await new Promise<Greeting>((resolve, reject) => {
      const giveUp = new AbortController();
      const fail = (reason: string) =>
        reject(new HoldfastError('VERIFICATION_PEER_FAILED', { command, reason }));
      clock.after(GREETING_LIMIT_MS, giveUp.signal).then(
        () => fail(`no word within ${GREETING_LIMIT_MS / 1000} s`),
        () => {}, // it spoke
      );
      const spoken = createInterface({ input: pipes.output });
      const silent = new Promise<void>((done) => spoken.once('close', done));
      started.ended.then(async ({ status }) => {
        // Its last words may still be on their way, and say more than its status.
        await Promise.race([silent, clock.after(LAST_WORDS_MS, new AbortController().signal)]);
        giveUp.abort();
        fail(`it ended with status ${status}`);
      });
      spoken.on('line', (line) => {
        giveUp.abort();
        try {
          receive(decodeFrame(line), { waiting, greet: resolve, refuse: reject, fail });
        } catch {
          fail(`it said ${JSON.stringify(line.slice(0, 80))}`);
          pipes.input.end();
        }
      });
    }).catch((error: unknown) => {
      pipes.input.end();
      throw error;
    });
    return new RemoteInitiator({ clock, started, pipes, greeting, waiting });
  }

  private constructor(made: {
    clock: Clock;
    started: LongLived;
    pipes: Pipes;
    greeting: Greeting;
    waiting: Map<number, (answer: Answer | HoldfastError) => void>;
  }) {
    this.#clock = made.clock;
    this.#process = made.started;
    this.#pipes = made.pipes;
    this.#greeting = made.greeting;
    this.#waiting = made.waiting;
    void made.started.ended.then(() => {
      this.#over = true;
      for (const settle of [...this.#waiting.values()]) settle({ kind: 'path-lost' });
    });
  }

  get name(): string {
    return `${this.#greeting.device} of ${this.#greeting.node}`;
  }

  async ask(verb: Verb, signal: AbortSignal): Promise<Answer> {
    if (this.#over) return { kind: 'path-lost' };
    const id = this.#nextId;
    this.#nextId += 1;
    return await new Promise<Answer>((resolve, reject) => {
      const late = () => settle({ kind: 'timeout' });
      const settle = (answer: Answer | HoldfastError) => {
        this.#waiting.delete(id);
        signal.removeEventListener('abort', late);
        if (answer instanceof HoldfastError) reject(answer);
        else resolve(answer);
      };
      if (signal.aborted) {
        late();
        return;
      }
      signal.addEventListener('abort', late, { once: true });
      this.#waiting.set(id, settle);
      this.#pipes.input.write(encodeFrame({ id, verb }));
    });
  }

  /** Closes the pipe: the far side takes its registration away and ends. */
  async close(): Promise<void> {
    this.#pipes.input.end();
    const limit = new AbortController();
    const late = this.#clock.after(END_LIMIT_MS, limit.signal).catch(() => {}); // it ended
    await Promise.race([this.#process.ended, late]);
    limit.abort();
  }
}

type Ends = {
  readonly waiting: ReadonlyMap<number, (answer: Answer | HoldfastError) => void>;
  readonly greet: (greeting: Greeting) => void;
  readonly refuse: (error: HoldfastError) => void;
  readonly fail: (reason: string) => void;
};

function receive(frame: Fields, ends: Ends): void {
  const { id } = frame;
  if (frame['holdfast'] === 'disk-attend') {
    if (frame['version'] === VERSION) ends.greet(frame as unknown as Greeting);
    else ends.fail('the other node has another release of holdfast');
    return;
  }
  const trouble = problemOf(frame['problem']);
  const settle = typeof id === 'number' ? ends.waiting.get(id) : undefined;
  if (trouble !== null) {
    if (settle === undefined) ends.refuse(trouble);
    else settle(trouble);
    return;
  }
  settle?.(frame['answer'] as Answer);
}

function problemOf(value: unknown): HoldfastError | null {
  if (typeof value !== 'object' || value === null) return null;
  const { code, context } = value as { readonly code?: unknown; readonly context?: unknown };
  if (typeof code !== 'string' || !isProblemCode(code)) return null;
  const facts = typeof context === 'object' && context !== null ? context : {};
  return new HoldfastError(code, facts as Record<string, unknown>);
}
