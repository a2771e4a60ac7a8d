/**
 * What happened in one history, to be read: a line an event, a column a node, and what befell the
 * world in between. Only the last lines are kept; a seed tells the rest again.
 */
import type { Millis } from '../../src/lib/ids.ts';
import type { VirtualClock } from './virtual-clock.ts';

type Line = {
  readonly atMs: Millis;
  readonly who: string;
  readonly words: string;
  /** Written out only where somebody reads it. */
  readonly facts: object | null;
};

const KEPT = 1_500;
const WIDTH = 44;

export class Score {
  /** Lines for `holdfast replay`, and for those who compare whole histories. */
  trace: ((line: string) => void) | null = null;
  readonly #clock: VirtualClock;
  #lines: Line[] = [];

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  note(who: string, words: string, facts: object | null = null): void {
    const line = { atMs: this.#clock.now(), who, words, facts };
    this.#lines.push(line);
    if (this.#lines.length > 2 * KEPT) this.#lines = this.#lines.slice(-KEPT);
    const { atMs } = line;
    this.trace?.(JSON.stringify({ atMs, node: who, note: told(line) }));
  }

  /** `last`: so many lines of the end. */
  draw(nodes: readonly string[], last: number): string {
    const head = `${'ms'.padStart(10)}  ${nodes.map((node) => node.padEnd(WIDTH)).join('')}`;
    return [head, ...this.#lines.slice(-last).map((line) => drawLine(line, nodes))].join('\n');
  }
}

function drawLine(line: Line, nodes: readonly string[]): string {
  const at = line.atMs.toFixed(1).padStart(10);
  const column = nodes.indexOf(line.who);
  if (column < 0) return `${at}  ── ${line.who}: ${told(line)}`;
  return `${at}  ${' '.repeat(column * WIDTH)}${told(line)}`;
}

function told({ words, facts }: Line): string {
  return facts === null ? words : `${words} ${JSON.stringify(facts)}`;
}
