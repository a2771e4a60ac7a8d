/**
 * The application of a group: it appends each client's record to its file, waits until the file
 * system says that it is durable, and only then acknowledges. A process of the machine: it outlives
 * the daemon, stands still when its control group is frozen, and ends when it is killed.
 */
import type { Mount } from './mount.ts';

export type Acted = 'append' | 'acknowledge';

export type LedgerOptions = {
  readonly acts: (what: Acted) => void;
  /** Control: acknowledges what may still be lost. */
  readonly acknowledgesAtOnce: boolean;
};

export class Ledger {
  readonly mount: Mount;
  readonly #options: LedgerOptions;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  /** Answers that a frozen process could not give yet. */
  #held: (() => void)[] = [];
  #exited: (() => void) | null = null;

  constructor(mount: Mount, options: LedgerOptions) {
    this.mount = mount;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#state === 'running';
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  /** A client's record. No answer is an answer, too: the client gives up. */
  handle(record: string, acknowledge: () => void): void {
    this.#run(() => {
      if (!this.mount.isWritable) return;
      const { acts, acknowledgesAtOnce } = this.#options;
      acts('append');
      this.mount.append(record);
      if (acknowledgesAtOnce) acknowledge();
      else {
        this.mount.sync((ok) =>
          this.#run(() => {
            if (!ok) return;
            acts('acknowledge');
            acknowledge();
          }),
        );
      }
    });
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    for (const action of this.#held.splice(0)) this.#run(action);
  }

  kill(): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#held = [];
    this.#exited?.();
  }

  onExit(tell: () => void): void {
    this.#exited = tell;
  }

  #run(action: () => void): void {
    if (this.#state === 'running') action();
    else if (this.#state === 'frozen') this.#held.push(action);
  }
}
