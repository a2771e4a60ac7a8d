/**
 * One connection to one peer over one interconnect, with its three streams. It is *open* when the
 * peer's greeting was read and all streams are there; before that it carries nothing. The dialler
 * opens the streams; a resolved dial alone proves nothing, the first reply does.
 *
 * A link never comes back to life: whoever wants another one dials again.
 */
import type { Connection, Stream } from '@libp2p/interface';
import type { Millis } from '../lib/ids.ts';
import type { Result } from '../lib/result.ts';
import { abortConnection } from './abort-connection.ts';
import { DirectLane } from './direct-lane.ts';
import { FramedLane } from './framed-lane.ts';
import { HeartbeatLane } from './heartbeat-lane.ts';
import type { Refusal } from './hello.ts';
import type { Lane } from './router.ts';

/** `raft` carries the greeting first, then raft and control frames. */
export const PROTOCOLS = {
  heartbeat: '/holdfast/heartbeat/1',
  raft: '/holdfast/raft/1',
  snapshot: '/holdfast/snapshot/1',
} as const;
export type StreamKind = keyof typeof PROTOCOLS;

/** How long a refused peer gets to read our greeting, by which it finds the same fault. */
const LAST_WORDS_MS: Millis = 500;

export type LinkOptions = {
  readonly connection: Connection;
  readonly greeting: Uint8Array;
  readonly judge: (frame: Uint8Array) => Result<unknown, Refusal>;
  /** What is wrong with the frame, or null. */
  readonly onFrame: (frame: Uint8Array) => Refusal | null;
  readonly onHeartbeat: (frame: Uint8Array) => Refusal | null;
  readonly onRefusal: (refusal: Refusal) => void;
};

export class Link {
  /** Resolves when the peer's greeting was accepted; never rejects. */
  readonly greeted: Promise<void>;
  readonly opened: Promise<void>;
  readonly closed: Promise<void>;
  readonly #options: LinkOptions;
  readonly #lanes: Partial<Record<Lane, DirectLane | FramedLane>> = {};
  #heartbeats: HeartbeatLane | null = null;
  #hasGreeted = false;
  #refused = false;
  readonly #resolve: { readonly greeted: () => void; readonly opened: () => void };

  constructor(options: LinkOptions) {
    this.#options = options;
    const greeted = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    this.greeted = greeted.promise;
    this.opened = opened.promise;
    this.#resolve = { greeted: greeted.resolve, opened: opened.resolve };
    this.closed = new Promise((resolve) => {
      options.connection.addEventListener('close', () => resolve(), { once: true });
      if (options.connection.status !== 'open') resolve();
    });
  }

  get id(): string {
    return this.#options.connection.id;
  }

  attach(kind: StreamKind, stream: Stream): void {
    if (kind === 'heartbeat') this.#attachHeartbeats(stream);
    else this.#attachLane(kind, stream);
    // A stream that ends takes the link with it: half a link would look alive and carry nothing.
    stream.addEventListener('close', () => this.abort(`stream ${kind} closed`), { once: true });
    this.#openWhenComplete();
  }

  /** False: dropped. */
  send(lane: Lane, frame: Uint8Array): boolean {
    return this.#lanes[lane]?.send(frame) ?? false;
  }

  sendHeartbeat(frame: Uint8Array): void {
    this.#heartbeats?.send(frame);
  }

  /** RST: the peer sees the end at once, what was queued is lost. */
  abort(reason: string): void {
    abortConnection(this.#options.connection, reason);
  }

  /** What waits may leave; for an orderly stop, which closes the connection afterwards. */
  end(): void {
    for (const lane of Object.values(this.#lanes)) lane.end();
  }

  #attachHeartbeats(stream: Stream): void {
    const lane = new HeartbeatLane(stream, (frame) => {
      if (this.#refused) return;
      if (this.#hasGreeted) this.#judged(this.#options.onHeartbeat(frame));
      else this.#refuse({ code: 'FRAME_GARBLED', detail: 'a heartbeat before the greeting' });
    });
    this.#heartbeats = lane;
    lane.start();
  }

  #attachLane(kind: Lane, stream: Stream): void {
    const onFrame = (frame: Uint8Array): void => this.#take(kind, frame);
    const lane =
      kind === 'raft' ? new DirectLane(stream, onFrame) : new FramedLane(stream, onFrame);
    this.#lanes[kind] = lane;
    if (kind === 'raft') lane.send(this.#options.greeting);
    lane.run().then(({ garbled }) => {
      if (garbled !== null) this.#refuse({ code: 'FRAME_GARBLED', detail: garbled });
    }, crash);
  }

  #take(kind: Lane, frame: Uint8Array): void {
    if (this.#refused) return;
    if (this.#hasGreeted) this.#judged(this.#options.onFrame(frame));
    else if (kind === 'raft') this.#judgeGreeting(frame);
    else this.#refuse({ code: 'FRAME_GARBLED', detail: 'a snapshot before the greeting' });
  }

  #judged(refusal: Refusal | null): void {
    if (refusal !== null) this.#refuse(refusal);
  }

  #judgeGreeting(frame: Uint8Array): void {
    const verdict = this.#options.judge(frame);
    if (!verdict.ok) {
      this.#refuse(verdict.error);
      return;
    }
    this.#hasGreeted = true;
    this.#resolve.greeted();
    this.#openWhenComplete();
  }

  #openWhenComplete(): void {
    const { raft, snapshot } = this.#lanes;
    const complete = raft !== undefined && snapshot !== undefined && this.#heartbeats !== null;
    if (complete && this.#hasGreeted) this.#resolve.opened();
  }

  /** Told once; nothing more of this link is listened to. */
  #refuse(refusal: Refusal): void {
    if (this.#refused) return;
    this.#refused = true;
    this.#options.onRefusal(refusal);
    if (this.#hasGreeted) {
      this.abort(refusal.code);
      return;
    }
    this.#options.connection
      .close({ signal: AbortSignal.timeout(LAST_WORDS_MS) })
      .catch(() => this.abort(refusal.code));
  }
}

/** An error that nobody expects must not end in a promise that nobody looks at. */
function crash(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
