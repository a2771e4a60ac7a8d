/**
 * What happened in one history, to be read: a line an event, a column a node, and what befell the
 * world in between. Only the last lines are kept; a seed tells the rest again.
 */
import type { Millis } from '../../src/lib/ids.ts';
import type { VirtualClock } from './virtual-clock.ts';

type Line = { readonly atMs: Millis; readonly who: string; readonly words: string };

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

  note(who: string, words: string): void {
    const atMs = this.#clock.now();
    this.#lines.push({ atMs, who, words });
    if (this.#lines.length > 2 * KEPT) this.#lines = this.#lines.slice(-KEPT);
    this.trace?.(JSON.stringify({ atMs, node: who, note: words }));
  }

  /** `last`: so many lines of the end. */
  draw(nodes: readonly string[], last: number): string {
    const head = `${'ms'.padStart(10)}  ${nodes.map((node) => node.padEnd(WIDTH)).join('')}`;
    return [head, ...this.#lines.slice(-last).map((line) => drawLine(line, nodes))].join('\n');
  }
}

function drawLine({ atMs, who, words }: Line, nodes: readonly string[]): string {
  const at = atMs.toFixed(1).padStart(10);
  const column = nodes.indexOf(who);
  if (column < 0) return `${at}  ── ${who}: ${words}`;
  return `${at}  ${' '.repeat(column * WIDTH)}${words}`;
}
