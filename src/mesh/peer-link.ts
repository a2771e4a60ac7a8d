/**
 * The standing wish to be connected to one peer over one interconnect: at most one open link, and a
 * loop that brings it back. Of two peers the one with the smaller peer id dials; the other one only
 * knocks with a plain TCP connect while there is no link, so that both learn at once when the
 * peer's process is gone (`refused`).
 *
 * The loop begins no two attempts within `redialMs`, whatever happens in between: a link that lived
 * longer is redialled at once, a peer that hangs up at once is not stormed, and neither is anybody
 * after this process was frozen.
 */
import type { Connection, Stream } from '@libp2p/interface';
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import { abortConnection } from './abort-connection.ts';
import { Link, type LinkOptions, type StreamKind } from './link.ts';
import type { Lane } from './router.ts';
import { isRefusal, type ProbeResult } from './tcp-probe.ts';

export type LinkState = 'open' | 'closed' | 'refused';

/** Connections of one peer that may be waiting for their greeting; more, and the oldest goes. */
const MAX_CANDIDATES = 4;
/** Far more than a peer that is to dial lets pass, unless it cannot or will not. */
const KNOCKS_BEFORE_ASKING = 20;

export type PeerLinkOptions = {
  readonly clock: Clock;
  readonly redialMs: Millis;
  /** From the first SYN to the open link. */
  readonly connectTimeoutMs: Millis;
  /** Whether this side has the smaller peer id. */
  readonly dials: boolean;
  readonly link: Omit<LinkOptions, 'connection'>;
  readonly dial: (signal: AbortSignal) => Promise<Connection>;
  readonly openStream: (
    connection: Connection,
    kind: StreamKind,
    signal: AbortSignal,
  ) => Promise<Stream>;
  readonly probe: (signal: AbortSignal) => Promise<ProbeResult>;
  /** Told on each change; the first state, `closed`, is not told. */
  readonly onState: (state: LinkState) => void;
};

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #stopping = new AbortController();
  readonly #candidates = new Map<string, Link>();
  #current: Link | null = null;
  #state: LinkState = 'closed';
  /** How many links were opened: tells a probe that its answer is older than the state. */
  #openings = 0;
  /** Knocks since the last link at which somebody listened and yet did not dial. */
  #ignored = 0;
  #asking = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(options: PeerLinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    const attempt = this.#options.dials ? () => this.#dial() : () => this.#knock();
    this.#loop = this.#repeat(attempt);
  }

  /** No events any more. Open links are ended, so that what waits may still leave. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    for (const link of this.#candidates.values()) link.abort('stopping');
    this.#current?.end();
    await this.#loop;
  }

  /** As `stop`, for a peer that was cut off: nothing leaves any more. */
  async cutOff(): Promise<void> {
    this.#current?.abort('not a member');
    await this.stop();
  }

  send(lane: Lane, frame: Uint8Array): boolean {
    return this.#current?.send(lane, frame) ?? false;
  }

  sendHeartbeat(frame: Uint8Array): void {
    this.#current?.sendHeartbeat(frame);
  }

  reset(): void {
    this.#current?.abort('reset');
  }

  probe(signal: AbortSignal): Promise<ProbeResult> {
    return this.#options.probe(signal);
  }

  /** A connection that the peer opened. */
  accept(connection: Connection): void {
    if (this.#options.dials || this.#stopping.signal.aborted) {
      abortConnection(connection, 'not expected');
      return;
    }
    this.#dropOldestCandidate();
    const link = this.#prepare(connection);
    this.#openWithin(link, AbortSignal.timeout(this.#options.connectTimeoutMs));
  }

  attach(kind: StreamKind, stream: Stream, connection: Connection): void {
    const link = this.#candidates.get(connection.id);
    if (link === undefined) stream.abort(new Error('not expected'));
    else link.attach(kind, stream);
  }

  #prepare(connection: Connection): Link {
    const link = new Link({ ...this.#options.link, connection });
    this.#candidates.set(link.id, link);
    void link.closed.then(() => this.#onClosed(link));
    void link.opened.then(() => this.#onOpened(link));
    return link;
  }

  #dropOldestCandidate(): void {
    const oldest = this.#candidates.values().next();
    if (this.#candidates.size >= MAX_CANDIDATES && !oldest.done) oldest.value.abort('replaced');
  }

  #openWithin(link: Link, deadline: AbortSignal): void {
    const late = (): void => link.abort('no greeting in time');
    if (deadline.aborted) late();
    deadline.addEventListener('abort', late, { once: true });
    void Promise.race([link.opened, link.closed]).then(() =>
      deadline.removeEventListener('abort', late),
    );
  }

  /** The newest link counts: the peer would not dial if it thought that the old one lived. */
  #onOpened(link: Link): void {
    if (!this.#candidates.delete(link.id) || this.#stopping.signal.aborted) return;
    const previous = this.#current;
    this.#current = link;
    this.#openings += 1;
    if (previous !== null) {
      previous.abort('replaced');
      this.#become('closed');
    }
    this.#become('open');
  }

  #onClosed(link: Link): void {
    this.#candidates.delete(link.id);
    if (this.#current !== link) return;
    this.#current = null;
    this.#become('closed');
  }

  #become(state: LinkState): void {
    if (this.#state === state || this.#stopping.signal.aborted) return;
    this.#state = state;
    this.#options.onState(state);
  }

  async #repeat(attempt: () => Promise<void>): Promise<void> {
    const { clock, redialMs } = this.#options;
    const signal = this.#stopping.signal;
    while (!signal.aborted) {
      const beganMs = clock.now();
      await attempt();
      const pauseMs = beganMs + redialMs - clock.now();
      // Rejects when the loop is stopped, which is what the condition looks at.
      if (pauseMs > 0) await clock.after(pauseMs, signal).catch(() => {});
    }
  }

  /** One dial, and the whole life of the link that came of it. Never rejects. */
  async #dial(): Promise<void> {
    const { connectTimeoutMs, dial } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(connectTimeoutMs)]);
    let connection: Connection;
    try {
      connection = await dial(signal);
    } catch (error) {
      this.#become(isRefusal(error) ? 'refused' : 'closed');
      return;
    }
    const link = this.#prepare(connection);
    this.#openWithin(link, signal);
    try {
      await this.#openStreams(link, connection, signal);
    } catch {
      // The peer hung up or was silent; the next attempt will tell.
      link.abort('could not be opened');
    }
    await link.closed;
    // Reached, but not open: somebody listens there.
    if (this.#state === 'refused') this.#become('closed');
  }

  async #openStreams(link: Link, connection: Connection, signal: AbortSignal): Promise<void> {
    const { openStream } = this.#options;
    link.attach('raft', await openStream(connection, 'raft', signal));
    await Promise.race([link.greeted, link.closed]);
    const kinds = ['heartbeat', 'snapshot'] as const;
    await Promise.all(
      kinds.map(async (kind) => link.attach(kind, await openStream(connection, kind, signal))),
    );
  }

  /** While there is no link: is there a process? Never rejects. */
  async #knock(): Promise<void> {
    const { probe } = this.#options;
    if (this.#current !== null) await Promise.race([this.#current.closed, this.#stopped()]);
    const openings = this.#openings;
    const result = await probe(this.#stopping.signal);
    if (this.#current !== null || this.#openings !== openings) return;
    this.#become(result === 'refused' ? 'refused' : 'closed');
    this.#ignored = result === 'connected' ? this.#ignored + 1 : 0;
    if (this.#ignored >= KNOCKS_BEFORE_ASKING) {
      this.#ignored = 0;
      void this.#ask();
    }
  }

  /**
   * Somebody listens there and does not dial. If this node was removed from the cluster, nobody ever
   * will, and only who dials hears why. A peer that knows us as a member turns us away: it dials.
   * Never rejects; one at a time, and beside the knocks, which must not wait for it.
   */
  async #ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { connectTimeoutMs, dial, openStream } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(connectTimeoutMs)]);
    try {
      const connection = await dial(signal);
      const link = new Link({ ...this.#options.link, connection });
      const late = (): void => link.abort('asked');
      signal.addEventListener('abort', late, { once: true });
      link.attach('raft', await openStream(connection, 'raft', signal));
      await Promise.race([link.greeted, link.closed]);
      signal.removeEventListener('abort', late);
      link.abort('asked');
    } catch {
      // Turned away, or nobody there: the next knock tells.
    } finally {
      this.#asking = false;
    }
  }

  #stopped(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stopping.signal.addEventListener('abort', () => resolve(), { once: true });
    return promise;
  }
}
