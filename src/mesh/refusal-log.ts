/**
 * How often a refusal is told. Somebody who knocks a thousand times a second must not fill the log
 * of the node that keeps him out: the first time is told at once, then at most once an interval
 * for each code and subject, with the number of times that were kept back.
 */
import type { Millis } from '../lib/ids.ts';

const INTERVAL_MS: Millis = 10_000;
/** Subjects remembered; beyond it the oldest is forgotten, and told again if it comes back. */
const SUBJECTS = 256;

type Entry = { toldMs: Millis; kept: number };

export class RefusalLog {
  readonly #entries = new Map<string, Entry>();

  /** The text to tell, or null when this refusal is kept back. */
  tell(code: string, subject: string, detail: string, now: Millis): string | null {
    const key = `${code} ${subject}`;
    const entry = this.#entries.get(key);
    if (entry !== undefined && now - entry.toldMs < INTERVAL_MS) {
      entry.kept += 1;
      return null;
    }
    this.#entries.delete(key);
    this.#entries.set(key, { toldMs: now, kept: 0 });
    this.#forgetOldest();
    const kept = entry === undefined || entry.kept === 0 ? '' : ` (${entry.kept} more like this)`;
    return `${subject}: ${detail}${kept}`;
  }

  #forgetOldest(): void {
    if (this.#entries.size <= SUBJECTS) return;
    const oldest = this.#entries.keys().next();
    if (!oldest.done) this.#entries.delete(oldest.value);
  }
}
