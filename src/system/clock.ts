/**
 * The clock of production: CLOCK_MONOTONIC, in milliseconds with a fraction. It counts from the boot
 * of the host, so all processes of one host (daemon, guardian) read the same value; it stands still
 * while the machine is suspended and is never set. It is never sent to another host as a time.
 *
 * Reference: libuv `uv_hrtime` (CLOCK_MONOTONIC), clock_gettime(2).
 */
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';

/** Node answers a longer timer at once (with a warning), so a long wait is cut into pieces. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const monotonicClock: Clock = {
  now: monotonicNow,

  after(delayMs: Millis, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const dueMs = monotonicNow() + delayMs;
      let timer: NodeJS.Timeout;
      const aborted = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      // A timer of the loop may fire a fraction of a millisecond early; this one never does.
      const wait = () => {
        const leftMs = dueMs - monotonicNow();
        if (leftMs > 0) {
          timer = setTimeout(wait, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
          return;
        }
        signal.removeEventListener('abort', aborted);
        resolve();
      };
      signal.addEventListener('abort', aborted, { once: true });
      timer = setTimeout(wait, Math.min(Math.max(0, Math.floor(delayMs)), LONGEST_TIMER_MS));
    });
  },
};

/**
 * The wall clock, milliseconds since 1970. It may jump, and another machine's differs: for what people
 * write in hours, such as the expiry of an invitation, and for nothing that keeps a promise.
 */
export function wallMs(): Millis {
  return Date.now();
}

function monotonicNow(): Millis {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
