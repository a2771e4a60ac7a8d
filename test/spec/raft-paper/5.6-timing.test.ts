/**
 * Raft §5.6: broadcast time ≪ election timeout ≪ time between failures. Safety asks for no timing;
 * availability does. The core counts no time itself, it names its next deadline; that its
 * configuration keeps the inequality is judged where it is read.
 */
import { describe, expect, test } from 'vitest';
import { Bench, OPTIONS } from '../../raft/bench.ts';
import { Arrangement } from './arrangement.ts';
import { leaderOf, voters } from './parts.ts';

describe('Raft §5.6: timing and availability', () => {
  test.each([0, 1, 10, 40, 70])(
    'messages that travel %i ms: one leader is elected and stays',
    (delayMs) => {
      const five = new Arrangement({ voters: voters(5) });
      five.delayMs = delayMs;
      five.run(3000);
      const [leader = ''] = five.leaders();
      const { term } = five.status(leader);
      for (let i = 0; i < 10; i += 1) {
        five.step(leader, { kind: 'propose', proposalId: i, data: Uint8Array.of(i) });
        five.run(1000);
      }
      expect(five.leaders()).toEqual([leader]);
      expect(five.status(leader)).toMatchObject({ term, commitIndex: 11 });
    },
  );

  test.each([250, 1000])(
    'messages that travel %i ms, longer than an election: no lasting leader, and nothing wrong',
    (delayMs) => {
      const five = new Arrangement({ voters: voters(5) });
      five.delayMs = delayMs;
      five.run(20_000);
      expect(five.leaders().length).toBeLessThanOrEqual(1);
      for (const id of five.ids) expect(five.status(id).commitIndex).toBe(0);
      five.delayMs = 1;
      five.run(5000);
      expect(five.leaders()).toHaveLength(1);
    },
  );

  test('leaders that fail slower than they are elected leave the cluster available', () => {
    const five = new Arrangement({ voters: voters(5) });
    five.run(1000);
    for (let i = 0; i < 10; i += 1) {
      const [leader = ''] = five.leaders();
      five.propose(leader);
      five.crash(leader);
      five.run(1000);
      expect(five.leaders()).toHaveLength(1);
      five.start(leader);
      five.run(1000);
    }
    const [leader = ''] = five.leaders();
    // Ten proposals, and a no-op for each of eleven terms.
    expect(five.status(leader).commitIndex).toBe(21);
  });

  test('a failed leader is replaced within the longest timeout and the time of an election', () => {
    const five = new Arrangement({ voters: voters(5) });
    five.run(1000);
    const [old = ''] = five.leaders();
    five.crash(old);
    const longest = OPTIONS.electionTimeoutMs + 5 * OPTIONS.electionGapMs;
    five.run(longest + 1);
    expect(five.leaders()).toHaveLength(1);
  });

  test('a leader asks for its next call within a heartbeat, a follower within its timeout', () => {
    const leader = leaderOf([]);
    expect(leader.nextDeadlineMs - leader.now).toBeLessThanOrEqual(OPTIONS.heartbeatMs);
    const follower = new Bench();
    const { nextDeadlineMs } = follower.appendFrom('b', 1);
    expect(nextDeadlineMs - follower.now).toBeGreaterThanOrEqual(OPTIONS.electionTimeoutMs);
  });

  test('a deadline that is reported too early does nothing', () => {
    const bench = new Bench();
    bench.elapse(199);
    const ready = bench.step({ kind: 'deadline' });
    expect(ready).toMatchObject({ role: 'follower', sendNow: [], persist: null });
  });
});
