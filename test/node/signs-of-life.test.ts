import { expect, it } from 'vitest';
import { SignsOfLife } from '../../src/node/signs-of-life.ts';
import type { SupervisedState } from '../../src/system/sd-notify.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const WATCHDOG_MS = 3_000;

function stage(watchdogMs: number | null) {
  const clock = new VirtualClock();
  const told: SupervisedState[] = [];
  const loop = { turns: true, summary: 'follower, no leader; serves nothing' };
  const life = new SignsOfLife({
    supervisor: { watchdogMs, tell: (state) => told.push(state) },
    clock,
    inLoop: (run) => {
      if (loop.turns) run();
    },
    summary: () => loop.summary,
  });
  const signs = (): number => told.filter((state) => 'WATCHDOG' in state).length;
  return { clock, told, loop, life, signs };
}

it('comes three times in the time of the watchdog, out of the loop', async () => {
  const { clock, life, signs } = stage(WATCHDOG_MS);
  life.start();
  await clock.advance(WATCHDOG_MS * 10);
  expect(signs()).toBeGreaterThanOrEqual(30);
  expect(signs()).toBeLessThanOrEqual(31);
});

it('does not come when the loop stands still, although time goes on', async () => {
  const { clock, life, loop, signs } = stage(WATCHDOG_MS);
  life.start();
  await clock.advance(WATCHDOG_MS);
  const before = signs();
  expect(before).toBeGreaterThan(0);
  loop.turns = false;
  await clock.advance(WATCHDOG_MS * 10);
  expect(signs()).toBe(before);
});

it('goes on while the groups are stopped, and ends with the daemon', async () => {
  const { clock, life, told, signs } = stage(WATCHDOG_MS);
  life.start();
  life.stopping();
  expect(told).toContainEqual({ STOPPING: 1 });
  await clock.advance(WATCHDOG_MS);
  const before = signs();
  await clock.advance(WATCHDOG_MS);
  expect(signs()).toBeGreaterThan(before);
  life.stop();
  const last = signs();
  await clock.advance(WATCHDOG_MS * 10);
  expect(signs()).toBe(last);
});

it('says in one line what the node does, when that changes and not otherwise', async () => {
  const { clock, life, loop, told } = stage(null);
  life.start();
  life.ready();
  await clock.advance(20_000);
  loop.summary = 'leader, leader node1; serves ledger';
  await clock.advance(20_000);
  expect(told.filter((state) => 'STATUS' in state)).toEqual([
    { STATUS: 'follower, no leader; serves nothing' },
    { READY: 1, STATUS: 'follower, no leader; serves nothing' },
    { STATUS: 'leader, leader node1; serves ledger' },
  ]);
});

it('is given to nobody where nobody listens', async () => {
  const clock = new VirtualClock();
  const life = new SignsOfLife({
    supervisor: null,
    clock,
    inLoop: () => expect.unreachable('nobody asked for a sign'),
    summary: () => '',
  });
  life.start();
  life.ready();
  life.stopping();
  await clock.advance(20_000);
  life.stop();
});
