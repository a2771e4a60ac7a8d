/**
 * Judging what was heard: an address moves from one guest to the next, and the one that lost it
 * must be silent from the moment that the next one speaks. Pure.
 *
 * A guest that speaks for an address *after* another one did, and that did not take it over anew,
 * is an overlap; its length is what promise P4 bounds (50 ms after a frozen machine runs again).
 * Since the watch does not know who owns what by right, it reports each change of speaker as it
 * was, and how long the two were mixed.
 */

import type { Heard } from './heard.ts';

export type Turn = {
  readonly address: string;
  readonly guest: number;
  readonly from: number;
  readonly to: number;
  readonly frames: number;
  readonly kinds: readonly Heard['kind'][];
};

/** The history of an address as turns of speakers; "1 1 2 2 1 2" are four turns. */
export function turnsOf(heard: Iterable<Heard>, address: string): readonly Turn[] {
  const turns: Turn[] = [];
  for (const speech of [...heard]
    .filter((h) => h.address === address)
    .sort((a, b) => a.at - b.at)) {
    const last = turns.at(-1);
    if (last !== undefined && last.guest === speech.guest) {
      turns[turns.length - 1] = {
        ...last,
        to: speech.at,
        frames: last.frames + 1,
        kinds: [...new Set([...last.kinds, speech.kind])],
      };
    } else {
      const { guest, at } = speech;
      turns.push({ address, guest, from: at, to: at, frames: 1, kinds: [speech.kind] });
    }
  }
  return turns;
}

/**
 * Turns in which an earlier speaker came back although the next one had spoken: none in a clean
 * history of single moves.
 */
export function relapses(turns: readonly Turn[], owners: readonly number[]): readonly Turn[] {
  let expected = 0;
  return turns.filter((turn) => {
    if (turn.guest === owners[expected]) return false;
    if (turn.guest === owners[expected + 1]) {
      expected += 1;
      return false;
    }
    return true;
  });
}

/**
 * How long after a moment a guest was still heard: P4 allows 50 ms after a frozen machine runs
 * again. 0: never again.
 */
export function stillHeardMs(heard: Iterable<Heard>, guest: number, since: number): number {
  let last = since;
  for (const speech of heard) if (speech.guest === guest && speech.at > last) last = speech.at;
  return last - since;
}
