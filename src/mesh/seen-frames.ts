/**
 * Which frames were seen, by origin, destination and life of the origin: the sender counts for each
 * destination, so that a relay tells the copies apart just as the receiver does.
 */
import type { NodeId } from '../lib/ids.ts';
import { SlidingWindow } from './sliding-window.ts';

export type FrameId = {
  readonly from: NodeId;
  readonly to: NodeId;
  readonly incarnation: number;
  readonly sequence: number;
};

/** Lives of one sender that are remembered: a late frame of an old one must not look new. */
const INCARNATIONS = 4;

/** Insertion order: the oldest life comes first. */
type Lives = Map<number, SlidingWindow>;

export class SeenFrames {
  readonly #windows = new Map<NodeId, Map<NodeId, Lives>>();

  has(frame: FrameId): boolean {
    const lives = this.#windows.get(frame.from)?.get(frame.to);
    return lives?.get(frame.incarnation)?.has(frame.sequence) ?? false;
  }

  add(frame: FrameId): void {
    const destinations = getOrInsert(this.#windows, frame.from, () => new Map<NodeId, Lives>());
    const lives = getOrInsert(destinations, frame.to, () => new Map<number, SlidingWindow>());
    getOrInsert(lives, frame.incarnation, () => new SlidingWindow()).add(frame.sequence);
    const oldest = lives.keys().next();
    if (lives.size > INCARNATIONS && !oldest.done) lives.delete(oldest.value);
  }

  /** Forgets every origin and destination that is not among `nodes`. */
  retain(nodes: ReadonlySet<NodeId>): void {
    for (const [origin, destinations] of this.#windows) {
      if (!nodes.has(origin)) this.#windows.delete(origin);
      for (const to of destinations.keys()) if (!nodes.has(to)) destinations.delete(to);
    }
  }
}

function getOrInsert<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
