import type { Millis } from './ids.ts';

/** The only source of time. Monotonic; shared by all processes of one host, meaningless on another. */
export type Clock = {
  now(): Millis;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  after(delayMs: Millis, signal: AbortSignal): Promise<void>;
};

/**
 * The reason to abort a wait that somebody else has overtaken. Without a reason an abort makes an
 * exception with a stack trace, which costs more than the wait.
 */
export const WITHDRAWN = 'withdrawn';
