/** What is broken is reported once, by whoever finds out first; what hangs is broken too. */
import { expect, it } from 'vitest';
import { Watcher } from '../../src/node/watcher.ts';
import { NOT_RUNNING, OK, type Outcome, type ResourceAgent } from '../../src/resources/agent.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';
import { groupNamed } from './memory-cluster.ts';

function aWatcher(
  monitor: (clock: VirtualClock) => Promise<Outcome>,
  isLoaded: () => boolean = () => false,
) {
  const clock = new VirtualClock();
  const broken: string[] = [];
  const details: string[] = [];
  const degraded: string[] = [];
  const told: ((outcome: Outcome) => void)[] = [];
  const none = async (): Promise<Outcome> => OK;
  const agent: ResourceAgent = {
    validateAll: none,
    fitness: none,
    prepare: none,
    start: none,
    stop: none,
    kill: none,
    suspend: none,
    resume: none,
    monitor: () => monitor(clock),
    watch: (_definition, _context, changed) => told.push(changed),
    teardown: () => [],
  };
  const definition = groupNamed('g', []).resources[0];
  if (definition === undefined) throw new Error('no resource');
  const watcher = new Watcher({
    clock,
    agents: new Map([['disk', agent]]),
    broken: (_watched, code, detail) => {
      broken.push(code);
      details.push(detail);
    },
    degraded: (_watched, outcome) => degraded.push(outcome?.detail ?? 'well'),
    isLoaded,
  });
  const context = {
    group: 'g',
    node: 'node1',
    nodeNumber: 1,
    clusterId: 'c',
    epoch: 1,
    reason: 'boot',
    previousOwner: null,
    resources: [],
    predecessorFenced: true,
    lastEpoch: 1,
  } as const;
  watcher.watch({ group: 'g', definition, context });
  return { clock, broken, details, degraded, told, watcher };
}

it('a monitor that fails again and again is one piece of news', async () => {
  const { clock, broken } = aWatcher(async () => NOT_RUNNING);
  await clock.advance(2_000);
  expect(broken).toEqual(['NOT_RUNNING']);
});

const hangs = (time: VirtualClock) => time.after(1e9, new AbortController().signal).then(() => OK);

it('a monitor that does not return in time is asked again, and counts when it stays silent', async () => {
  const { clock, broken, details } = aWatcher(hangs);
  await clock.advance(1_300);
  expect(broken).toEqual([]);
  await clock.advance(10_000);
  expect(broken).toEqual(['MONITOR_TIMED_OUT']);
  expect(details[0]).toContain('3 times in a row');
});

it('a monitor that was late on a loaded host costs nobody his group (pain 13: a false failover)', async () => {
  let left = 5;
  const slow = (time: VirtualClock) => (left-- > 0 ? hangs(time) : Promise.resolve(OK));
  const loaded = aWatcher(slow, () => true);
  await loaded.clock.advance(30_000);
  expect(loaded.broken).toEqual([]);
  left = 5;
  const idle = aWatcher(slow);
  await idle.clock.advance(30_000);
  expect(idle.broken, 'the control: without load the same silence counts').toHaveLength(1);
});

it('what is degraded is told once, shown, and taken back', async () => {
  let status: 0 | 190 = 190;
  const { clock, broken, degraded, watcher } = aWatcher(async () =>
    status === 0 ? OK : { status, code: 'APPLICATION_DEGRADED', detail: 'no replica' },
  );
  await clock.advance(3_000);
  expect(degraded).toEqual(['no replica']);
  expect(watcher.degraded('g', 'lun')?.code).toBe('APPLICATION_DEGRADED');
  status = 0;
  await clock.advance(3_000);
  expect(degraded).toEqual(['no replica', 'well']);
  expect(watcher.degraded('g', 'lun')).toBeNull();
  expect(broken).toEqual([]);
});

it('questions come at uneven intervals, never later than asked for', async () => {
  const asked: number[] = [];
  const { clock } = aWatcher(async (time) => {
    asked.push(time.now());
    return OK;
  });
  await clock.advance(30_000);
  const pauses = asked.slice(1).map((at, i) => Math.round(at - (asked[i] ?? 0)));
  expect(new Set(pauses).size).toBeGreaterThan(5);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(200);
});

it('news comes at once, and not after the watch has ended', () => {
  const first = aWatcher(async () => OK);
  first.told[0]?.({ status: 1, code: 'DISK_FENCED', detail: '' });
  expect(first.broken).toEqual(['DISK_FENCED']);
  const second = aWatcher(async () => OK);
  second.watcher.unwatch('g', 'lun');
  second.told[0]?.({ status: 1, code: 'DISK_FENCED', detail: '' });
  expect(second.broken).toEqual([]);
});
