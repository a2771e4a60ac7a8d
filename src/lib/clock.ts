import type { Millis } from './ids.ts';

/** The only source of time. Monotonic; shared by all processes of one host, meaningless on another. */
export type Clock = {
  now(): Millis;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  after(delayMs: Millis, signal: AbortSignal): Promise<void>;
};
