/**
 * The application of a group: it appends each client's record to its file, waits until the file
 * system says that it is durable, and only then acknowledges. A process of the machine: it outlives
 * the daemon, stands still when its control group is frozen, and ends when it is killed, or when it is
 * told that something of its file is lost. What it finds in the file when it starts it syncs first, and
 * then shows it to its readers as durable.
 */
import type { Mount, OpenFile } from './mount.ts';

export type Acted = 'append' | 'acknowledge';

export type LedgerOptions = {
  readonly acts: (what: Acted) => void;
  /** Control: acknowledges what may still be lost. */
  readonly acknowledgesAtOnce: boolean;
  /** Readers are shown these records. */
  readonly shows: (records: readonly string[]) => void;
};

export class Ledger {
  readonly mount: Mount;
  readonly #options: LedgerOptions;
  readonly #file: OpenFile;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  /** Answers that a frozen process could not give yet. */
  #held: (() => void)[] = [];
  #exited: (() => void) | null = null;

  constructor(mount: Mount, options: LedgerOptions) {
    this.mount = mount;
    this.#options = options;
    this.#file = mount.openFile();
  }

  start(): void {
    const found = [...this.mount.records];
    this.mount.sync(this.#file, (ok) =>
      this.#run(() => {
        if (ok) this.#options.shows(found);
        else this.kill();
      }),
    );
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
        this.mount.sync(this.#file, (ok) =>
          this.#run(() => {
            if (!ok) {
              this.kill();
              return;
            }
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
