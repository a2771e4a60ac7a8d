/** Who reaches whom over which interconnect. Each direction can be cut by itself. */
import type { Interconnect, NodeId } from '../../../src/lib/ids.ts';
import { INTERCONNECTS } from './machine.ts';

export type Way = {
  readonly cut: boolean;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly over: Interconnect | null;
};

export class Wire {
  readonly #cut = new Set<string>();

  set({ cut, from, to, over }: Way): void {
    for (const one of over === null ? INTERCONNECTS : [over]) {
      const key = keyOf(from, to, one);
      if (cut) this.#cut.add(key);
      else this.#cut.delete(key);
    }
  }

  passes(from: NodeId, to: NodeId, over: Interconnect): boolean {
    return !this.#cut.has(keyOf(from, to, over));
  }

  /** Over any interconnect. */
  reaches(from: NodeId, to: NodeId): boolean {
    return from === to || INTERCONNECTS.some((over) => this.passes(from, to, over));
  }

  bothWays(a: NodeId, b: NodeId, over: Interconnect): boolean {
    return this.passes(a, b, over) && this.passes(b, a, over);
  }
}

function keyOf(from: NodeId, to: NodeId, over: Interconnect): string {
  return `${from}>${to}@${over}`;
}
