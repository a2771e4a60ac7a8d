/** The watchdog is fed as long as all is well, and not otherwise; a clock that is moved by hand. */
import { describe, expect, it } from 'vitest';
import { Feeder } from '../../src/guardian/feeder.ts';
import type { Clock } from '../../src/lib/clock.ts';

/** A kernel with a watchdog: it counts, and resets the machine when nobody fed in time. */
class Machine {
  nowMs = 0;
  fedAtMs = 0;
  reset = false;
  disarmed = false;
  trouble: string | null = null;
  readonly said: string[] = [];
  #wake: () => void = () => {};
  readonly #ended = new AbortController();
  readonly running: Promise<void>;

  constructor() {
    const clock: Clock = {
      now: () => this.nowMs,
      after: (delayMs, signal) =>
        new Promise((resolve, reject) => {
          const dueMs = this.nowMs + delayMs;
          this.#wake = () => {
            if (this.nowMs >= dueMs) resolve();
          };
          signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        }),
    };
    const watchdog = {
      identity: 'dog',
      timeoutMs: 10_000,
      magicClose: true,
      noWayOut: false,
      feed: () => {
        this.fedAtMs = this.nowMs;
      },
      disarm: () => {
        this.disarmed = true;
      },
    };
    const trouble = () => this.trouble;
    const log = (line: string) => void this.said.push(line);
    this.running = new Feeder({ watchdog, clock, trouble, log }).run(this.#ended.signal);
  }

  /** Time passes in steps; a loop that hangs is not woken. */
  async pass(durationMs: number, hangs = false): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 500) {
      this.nowMs += 500;
      if (!hangs) this.#wake();
      // The feeder's turn, which has several awaits.
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      if (this.nowMs - this.fedAtMs > 10_000) this.reset = true;
    }
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.running;
  }
}

describe('the feeder', () => {
  it('feeds while all is well (pain 24: a watchdog resets a healthy node)', async () => {
    const machine = new Machine();
    await machine.pass(3_600_000);
    expect(machine).toMatchObject({ reset: false, said: [] });
    await machine.end();
  });

  it('stops when there is trouble, says so once, and the machine is reset', async () => {
    const machine = new Machine();
    await machine.pass(5_000);
    machine.trouble = 'a process cannot be killed';
    await machine.pass(9_000);
    expect(machine.reset).toBe(false);
    await machine.pass(4_000);
    expect(machine.reset).toBe(true);
    expect(machine.said).toEqual(['the machine is reset in 10 s: a process cannot be killed']);
    await machine.end();
  });

  it('feeds again when it gave way in time', async () => {
    const machine = new Machine();
    machine.trouble = 'a process cannot be killed';
    await machine.pass(6_000);
    machine.trouble = null;
    await machine.pass(60_000);
    expect(machine.reset).toBe(false);
    expect(machine.said.at(-1)).toBe('the watchdog is fed again');
    await machine.end();
  });

  it('that hangs does not feed: the machine is reset', async () => {
    const machine = new Machine();
    await machine.pass(11_000, true);
    expect(machine.reset).toBe(true);
    await machine.end();
  });

  it('that is ended lets nothing go by itself', async () => {
    const machine = new Machine();
    await machine.end();
    expect(machine.disarmed).toBe(false);
  });
});
