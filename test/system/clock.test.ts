import { describe, expect, test } from 'vitest';
import { monotonicClock } from '../../src/system/clock.ts';
import { run } from '../../src/system/run.ts';

const calm = () => new AbortController().signal;

describe('the monotonic clock', () => {
  test('never runs a wait short', async () => {
    for (const delayMs of [0, 0.4, 1, 3.7]) {
      const beganMs = monotonicClock.now();
      await monotonicClock.after(delayMs, calm());
      expect(monotonicClock.now() - beganMs).toBeGreaterThanOrEqual(delayMs);
    }
  });

  test('reads the same in another process of the host', async () => {
    const source = `import('${new URL('../../src/system/clock.ts', import.meta.url).href}')
      .then((module) => console.log(module.monotonicClock.now()))`;
    const beforeMs = monotonicClock.now();
    const answer = await run([process.execPath, '-e', source], {
      signal: calm(),
      timeoutMs: 20_000,
    });
    const other = Number(answer.stdout);
    expect(other).toBeGreaterThan(beforeMs);
    expect(other).toBeLessThan(monotonicClock.now());
  });

  test('rejects a wait with the reason of the abort', async () => {
    const interest = new AbortController();
    const waiting = monotonicClock.after(60_000, interest.signal);
    interest.abort(new Error('over'));
    await expect(waiting).rejects.toThrow('over');
    await expect(monotonicClock.after(1, interest.signal)).rejects.toThrow('over');
  });
});
