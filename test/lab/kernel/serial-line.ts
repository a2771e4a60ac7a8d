/**
 * The host's end of a guest's serial line. A command's id goes out, "@@ID STATUS" comes back;
 * texts travel by file (`guest.ts`), because a serial line that carries a hundred kilobytes
 * stalls. Waits are bounded, and end at once when the line closes.
 */

import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

type Settle = (status: number | undefined) => void;

export class SerialLine {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<string, Settle>();
  #closed = false;
  #buffer = '';

  /** The child's standard input is the line's input, its descriptor 3 the line's output. */
  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdin?.on('error', () => {}); // Power loss: the pipe breaks, the exit is what counts.
    (child.stdio[3] as Readable | null)?.on('data', (data: Buffer) => this.#hear(data.toString()));
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Sends an id and waits for its answer; `undefined` when none came in time or the line closed. */
  ask(id: string, timeoutMs: number): Promise<number | undefined> {
    const answer = this.answer(id, timeoutMs);
    this.#child.stdin?.write(`${id}\n`);
    return answer;
  }

  answer(id: string, timeoutMs: number): Promise<number | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const settle: Settle = (status) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(status);
      };
      const timer = setTimeout(() => settle(undefined), timeoutMs);
      this.#waiting.set(id, settle);
    });
  }

  close(): void {
    this.#closed = true;
    for (const settle of [...this.#waiting.values()]) settle(undefined);
  }

  #hear(text: string): void {
    this.#buffer += text;
    const lines = this.#buffer.split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const line of lines) {
      const [, id, status] = /@@(\w+) (\d+)/.exec(line) ?? [];
      if (id !== undefined) this.#waiting.get(id)?.(Number(status));
    }
  }
}
