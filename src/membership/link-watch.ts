/**
 * One interconnect to one peer: how long it has been silent, how long a silence is normal there, and
 * whether a connection stands behind it.
 *
 * The intuition: a link is believed for `timeoutMs` after its last heartbeat. The timeout follows the
 * arrival jitter as TCP's retransmission timer follows the round trip time (RFC 6298 §2: mean plus
 * four deviations), within [D, 2D]: a noisy link is given more time, never less than D, and never so
 * much that a dead one goes unnoticed. Time in which our own loop did not run is no silence.
 *
 * It knows one link only; what silence on several links means is the detector's.
 */
import type { Millis } from '../lib/ids.ts';
import type { LinkState } from './heartbeat.ts';

export type LinkOptions = { readonly heartbeatMs: Millis; readonly detectionMs: Millis };

/** RFC 6298 §2.3: weights of a new sample for the mean and for the deviation. */
const MEAN_WEIGHT = 1 / 8;
const DEVIATION_WEIGHT = 1 / 4;
/** Missed heartbeats that jitter is added to. */
const MISSES = 2;
/** Probes for one silence; an answer that does not come by then says nothing more. */
const MAX_PROBES = 5;

export class LinkWatch {
  readonly #options: LinkOptions;
  /** Never heard yet: not known to live, and not yet confirmed dead. */
  #state: LinkState = 'suspect';
  #heardMs: Millis | null = null;
  /** Silence is counted from here: the last heartbeat, or the beginning of the watch. */
  #sinceMs: Millis;
  #suspectedMs: Millis;
  /** Own lateness since `#sinceMs`. */
  #creditMs: Millis = 0;
  #sequence = -1;
  #meanMs: Millis;
  #deviationMs: Millis = 0;
  #connected = false;
  #refused = false;
  #resetAsked = false;
  #probes = 0;
  #nextProbeMs: Millis;
  #closedMs: Millis | null = null;

  constructor(options: LinkOptions, now: Millis) {
    this.#options = options;
    this.#sinceMs = now;
    this.#suspectedMs = now;
    this.#meanMs = options.heartbeatMs;
    this.#nextProbeMs = now + options.detectionMs;
  }

  get state(): LinkState {
    return this.#state;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** No connection, and the host says that nobody listens. */
  get provenDead(): boolean {
    return !this.#connected && this.#refused;
  }

  /** When a connection was closed that we had not asked to be reset; null: heard since then, or never. */
  get closedMs(): Millis | null {
    return this.#closedMs;
  }

  get heardMs(): Millis | null {
    return this.#heardMs;
  }

  silentMs(now: Millis): Millis {
    return now - this.#sinceMs;
  }

  /** How long this link may be silent now. */
  get timeoutMs(): Millis {
    const { heartbeatMs, detectionMs } = this.#options;
    const patience = MISSES * heartbeatMs + this.#meanMs + 4 * this.#deviationMs;
    return Math.min(Math.max(patience, detectionMs), 2 * detectionMs);
  }

  /** Any state -> alive. False: a copy or a straggler that says nothing new. */
  heard(sequence: number, now: Millis): boolean {
    if (sequence <= this.#sequence) return false;
    if (this.#state === 'alive') this.#learn(now - this.#sinceMs - this.#creditMs);
    this.#sequence = sequence;
    this.#heardMs = now;
    this.#sinceMs = now;
    this.#creditMs = 0;
    this.#state = 'alive';
    this.#refused = false;
    this.#resetAsked = false;
    this.#probes = 0;
    this.#closedMs = null;
    return true;
  }

  /** Another daemon speaks there now: nothing that was learnt about the old one holds. */
  reborn(): void {
    this.#sequence = -1;
    this.#meanMs = this.#options.heartbeatMs;
    this.#deviationMs = 0;
  }

  opened(): void {
    this.#connected = true;
    this.#refused = false;
  }

  /** alive -> suspect: at once, since nothing can arrive any more; a redial may bring it back. */
  closed(now: Millis): void {
    if (this.#connected && !this.#resetAsked) this.#closedMs = now;
    this.#connected = false;
    if (this.#state === 'alive') this.#suspect(now);
  }

  /** suspect -> dead: the host is there and the daemon is not. */
  refused(now: Millis, connectionGone: boolean): void {
    if (connectionGone) this.closed(now);
    this.#refused = true;
    if (!this.#connected) this.#state = 'dead';
  }

  /** Somebody accepts connections: no proof of life (a frozen process does), but none of death. */
  accepted(): void {
    this.#refused = false;
  }

  late(byMs: Millis): void {
    this.#creditMs += byMs;
  }

  /** One transition at most: alive -> suspect, or suspect -> dead one heartbeat interval later. */
  tick(now: Millis): void {
    if (now < this.nextChangeMs) return;
    if (this.#state === 'alive') this.#suspect(now);
    else if (this.#state === 'suspect') this.#state = 'dead';
  }

  /** When `tick` would change the state; Infinity when only events can. */
  get nextChangeMs(): Millis {
    const deadline = this.#sinceMs + this.#creditMs + this.timeoutMs;
    if (this.#state === 'alive') return deadline;
    if (this.#state === 'dead') return Number.POSITIVE_INFINITY;
    return Math.max(deadline, this.#suspectedMs) + this.#options.heartbeatMs;
  }

  /** Once for each silence: a connection that carries nothing is not worth keeping. */
  takeReset(): boolean {
    if (this.#state === 'alive' || this.#resetAsked || !this.#connected) return false;
    this.#resetAsked = true;
    return true;
  }

  /** A few times for each silence, one heartbeat interval apart. */
  takeProbe(now: Millis): boolean {
    if (now < this.nextProbeMs) return false;
    this.#probes += 1;
    this.#nextProbeMs = now + this.#options.heartbeatMs;
    return true;
  }

  get nextProbeMs(): Millis {
    const wanted = this.#state !== 'alive' && !this.#refused && this.#probes < MAX_PROBES;
    return wanted ? this.#nextProbeMs : Number.POSITIVE_INFINITY;
  }

  #suspect(now: Millis): void {
    this.#state = 'suspect';
    this.#suspectedMs = now;
    this.#nextProbeMs = now;
  }

  #learn(gapMs: Millis): void {
    const gap = Math.min(Math.max(0, gapMs), 2 * this.#options.detectionMs);
    const error = Math.abs(gap - this.#meanMs);
    this.#deviationMs += DEVIATION_WEIGHT * (error - this.#deviationMs);
    this.#meanMs += MEAN_WEIGHT * (gap - this.#meanMs);
  }
}
