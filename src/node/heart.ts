/**
 * Sends this node's heartbeats: to every peer over every interconnect, a little jittered so that the
 * nodes of a cluster do not beat together. What a heartbeat says is put together by the driver.
 */
import type { Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { Random } from '../lib/random.ts';
import type { Heartbeat } from '../membership/heartbeat.ts';
import type { Mesh } from '../mesh/mesh.ts';

export type HeartOptions = {
  readonly mesh: Mesh;
  readonly random: Random;
  readonly interconnects: readonly Interconnect[];
  readonly heartbeatMs: Millis;
  readonly peers: () => readonly NodeId[];
  readonly compose: (sequence: number, now: Millis) => Heartbeat;
};

/** Share of the interval that is drawn at random (BFD, RFC 5880 §6.8.7 asks for up to a quarter). */
const JITTER_DIVISOR = 8;

export class Heart {
  readonly #options: HeartOptions;
  #sequence = 0;
  #nextMs: Millis = 0;

  constructor(options: HeartOptions) {
    this.#options = options;
  }

  get nextDeadlineMs(): Millis {
    return this.#nextMs;
  }

  due(now: Millis): void {
    if (now < this.#nextMs) return;
    const { mesh, random, interconnects, heartbeatMs, peers, compose } = this.#options;
    this.#sequence += 1;
    const heartbeat = compose(this.#sequence, now);
    for (const node of peers()) {
      for (const over of interconnects) mesh.sendHeartbeat(node, over, heartbeat);
    }
    const jitter = random.below(Math.max(1, Math.floor(heartbeatMs / JITTER_DIVISOR)));
    this.#nextMs = now + heartbeatMs - jitter;
  }
}
