import { beforeEach, expect, it } from 'vitest';
import type { NodeEvent } from '../../src/node/node-event.ts';
import { Reactor } from '../../src/node/reactor.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** A loop with one deadline, and what it was told. */
function aLoop(deadlineMs: number) {
  const host = clock.host();
  const handled: NodeEvent[] = [];
  let nextMs = deadlineMs;
  const reactor = new Reactor({
    clock: host.clock,
    handle: (event) => handled.push(event),
    settle: () => undefined,
    due: () => {
      nextMs = Infinity;
    },
    nextDeadlineMs: () => nextMs,
    lateMs: 20,
    drainRounds: 0,
    crash: (error) => {
      throw error;
    },
  });
  reactor.start();
  return { host, handled, reactor };
}

let clock = new VirtualClock();
beforeEach(() => {
  clock = new VirtualClock();
});

it('a loop that has just been started was not late for what was due before', async () => {
  const { handled, reactor } = aLoop(0);
  await clock.advance(100);
  expect(handled).toEqual([]);
  reactor.stop();
});

it('a loop that was frozen over its deadline hears by how much', async () => {
  const { host, handled, reactor } = aLoop(clock.now() + 100);
  await clock.advance(50);
  host.freeze();
  await clock.advance(700);
  host.thaw();
  await clock.advance(10);
  expect(handled).toEqual([{ kind: 'woke-late', byMs: 650 }]);
  reactor.stop();
});

it('mail that reaches a thawed loop before its timer is read after the news of its lateness', async () => {
  const { host, handled, reactor } = aLoop(1_100);
  await clock.advance(50);
  host.freeze();
  await clock.advance(700);
  reactor.post({ kind: 'guardian-exit' });
  await clock.advance(0);
  host.thaw();
  await clock.advance(10);
  expect(handled.map(({ kind }) => kind).slice(0, 2)).toEqual(['woke-late', 'guardian-exit']);
  reactor.stop();
});

it('a handler that fails ends the loop with a word, and nothing is handled any more', async () => {
  const crashes: unknown[] = [];
  const reactor = new Reactor({
    clock,
    handle: () => {
      throw new Error('surprise');
    },
    settle: () => undefined,
    due: () => undefined,
    nextDeadlineMs: () => Infinity,
    lateMs: 20,
    drainRounds: 0,
    crash: (error) => crashes.push(error),
  });
  reactor.start();
  reactor.post({ kind: 'guardian-exit' });
  await clock.advance(1);
  reactor.post({ kind: 'guardian-exit' });
  await clock.advance(1);
  expect(crashes).toHaveLength(1);
});

it('all that has come by the time of a turn is handled, and then settled once', async () => {
  const did: string[] = [];
  const reactor = new Reactor({
    clock,
    handle: ({ kind }) => did.push(kind),
    settle: () => did.push('settle'),
    due: () => undefined,
    nextDeadlineMs: () => Infinity,
    lateMs: 20,
    drainRounds: 0,
    crash: (error) => {
      throw error;
    },
  });
  reactor.start();
  await clock.advance(1);
  did.length = 0;
  for (let i = 0; i < 3; i += 1) reactor.post({ kind: 'guardian-exit' });
  await clock.advance(1);
  expect(did).toEqual(['guardian-exit', 'guardian-exit', 'guardian-exit', 'settle']);
  reactor.stop();
});
