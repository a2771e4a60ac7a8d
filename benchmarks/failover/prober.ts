/** The client of the benchmark: `prober.c` in the client's place, and what it was answered. */
import { createInterface } from 'node:readline';
import { type ClientProcess, until } from '../../test/lab/kernel/index.ts';
import type { Lab } from '../../test/lab/lab.ts';
import { type Answer, parseAnswer } from './answers.ts';

const INTERVAL_US = 5_000;

export class Prober {
  /** Every number that was answered. */
  readonly acknowledged = new Set<number>();
  readonly #process: ClientProcess;
  #answers: Answer[] = [];

  constructor(lab: Lab, program: string, address: string, port: number) {
    const argv = [program, address, String(port), String(INTERVAL_US), '1'];
    this.#process = lab.client.spawn(argv);
    this.#process.stderr.pipe(process.stderr);
    this.#process.stdin.on('error', () => {}); // It ended first: nothing more is asked of it.
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      const answer = parseAnswer(line);
      if (answer === null) return;
      this.#answers.push(answer);
      this.acknowledged.add(answer.number);
    });
  }

  get answers(): readonly Answer[] {
    return this.#answers;
  }

  /** What was answered so far belongs to an earlier run. */
  forget(): void {
    this.#answers = this.#answers.slice(-1);
  }

  /** Waits until so many more answers hold the condition. */
  async waitFor(
    holds: (answer: Answer) => boolean,
    wanted: number,
    what: string,
    limitMs = 60_000,
  ): Promise<void> {
    const from = this.#answers.length;
    await until(() => this.#answers.slice(from).filter(holds).length >= wanted, {
      what,
      limitMs,
      intervalMs: 5,
    });
  }

  stop(): void {
    this.#process.stdin.end();
  }
}
