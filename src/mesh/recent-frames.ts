/**
 * The frames that a peer brought lately, byte for byte. Every frame travels over each interconnect, so
 * nearly half of what arrives was there a moment ago, and need not be read again to know that.
 *
 * What it does not recognise may still be a copy (long, late, or marked by a relay): `seen-frames.ts`
 * knows all of them.
 */
import type { FrameCodec } from './codec.ts';

const KEPT = 8;
/** Longer ones are seldom, and would keep memory for nothing. */
const MAX_BYTES = 4096;

export class RecentFrames {
  readonly #isCopy: FrameCodec['isCopy'];
  readonly #frames: Uint8Array[] = [];
  #next = 0;

  constructor(isCopy: FrameCodec['isCopy']) {
    this.#isCopy = isCopy;
  }

  has(frame: Uint8Array): boolean {
    return this.#frames.some((known) => this.#isCopy(known, frame));
  }

  add(frame: Uint8Array): void {
    if (frame.byteLength > MAX_BYTES) return;
    this.#frames[this.#next] = frame;
    this.#next = (this.#next + 1) % KEPT;
  }
}
