/** What is broken is reported once, by whoever finds out first; what hangs is broken too. */
import { expect, it } from 'vitest';
import { Watcher } from '../../src/node/watcher.ts';
import { NOT_RUNNING, OK, type Outcome, type ResourceAgent } from '../../src/resources/agent.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';
import { groupNamed } from './memory-cluster.ts';

function aWatcher(monitor: (clock: VirtualClock) => Promise<Outcome>) {
  const clock = new VirtualClock();
  const broken: string[] = [];
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
    broken: (_watched, code) => broken.push(code),
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
  return { clock, broken, told, watcher };
}

it('a monitor that fails again and again is one piece of news', async () => {
  const { clock, broken } = aWatcher(async () => NOT_RUNNING);
  await clock.advance(2_000);
  expect(broken).toEqual(['NOT_RUNNING']);
});

it('a monitor that does not return in time counts as failed', async () => {
  const { clock, broken } = aWatcher((time) =>
    time.after(1e9, new AbortController().signal).then(() => OK),
  );
  await clock.advance(1_300);
  expect(broken).toEqual(['MONITOR_TIMED_OUT']);
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
