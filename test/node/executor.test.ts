/** One action of a resource at a time, each with an end, and nothing old begins. */
import { describe, expect, it } from 'vitest';
import type { ActionEnd, ActionVerb } from '../../src/failover/run-types.ts';
import { type Action, Executor } from '../../src/node/executor.ts';
import { OK, type ResourceAgent } from '../../src/resources/agent.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

const never = new AbortController().signal;

function anExecutor(change: (clock: VirtualClock, done: string[]) => Partial<ResourceAgent>) {
  const clock = new VirtualClock();
  const did: string[] = [];
  const ends: (readonly [ActionVerb, ActionEnd])[] = [];
  const say = (verb: ActionVerb) => async () => {
    did.push(verb);
    return OK;
  };
  const agent: ResourceAgent = {
    validateAll: async () => OK,
    fitness: async () => OK,
    prepare: say('prepare'),
    start: say('start'),
    stop: say('stop'),
    kill: say('kill'),
    suspend: say('suspend'),
    resume: say('resume'),
    monitor: async () => OK,
    watch: () => undefined,
    teardown: () => [],
    ...change(clock, did),
  };
  const executor = new Executor({
    clock,
    agents: new Map([['thing', agent]]),
    newestEpoch: () => 5,
    done: ({ verb }, end) => ends.push([verb, end]),
    acceptOldEpochs: false,
  });
  const perform = (verb: ActionVerb, epoch = 5): void => executor.perform(action(verb, epoch));
  return { clock, did, ends, executor, perform };
}

function action(verb: ActionVerb, epoch: number): Action {
  const definition = {
    name: 'it',
    type: 'thing',
    needs: [],
    parameters: {},
    startTimeoutMs: 1_000,
    stopTimeoutMs: 1_000,
    monitorIntervalMs: 1_000,
    monitorTimeoutMs: 1_000,
  };
  const context = {
    group: 'g',
    node: 'node1',
    nodeNumber: 1,
    clusterId: 'c',
    epoch,
    reason: 'boot',
    previousOwner: null,
    resources: [definition],
    predecessorFenced: true,
    lastEpoch: 5,
  } as const;
  return { group: 'g', epoch, definition, verb, timeoutMs: 1_000, context };
}

describe('an old epoch', () => {
  it('starts nothing any more, but stops what it must', async () => {
    const { clock, did, ends, perform } = anExecutor(() => ({}));
    perform('start', 4);
    perform('kill', 4);
    await clock.advance(1);
    expect(did).toEqual(['kill']);
    expect(ends.map(([, { ok, code }]) => [ok, code])).toEqual([
      [false, 'STALE_EPOCH'],
      [true, null],
    ]);
  });
});

describe('an action that does not return', () => {
  it('ends with its deadline', async () => {
    const { clock, ends, perform } = anExecutor((time) => ({
      start: async (_definition, { signal }) => time.after(1e9, signal).then(() => OK),
    }));
    perform('start');
    await clock.advance(1_001);
    expect(ends[0]?.[1]).toMatchObject({ ok: false });
  });

  it('is interrupted by a kill, which begins when it has ended', async () => {
    const { clock, did, perform } = anExecutor((time, done) => ({
      start: async (_definition, { signal }) => {
        await time.after(1e9, signal).catch(() => time.after(10, never));
        done.push('start ended');
        return OK;
      },
    }));
    perform('start');
    await clock.advance(5);
    perform('kill');
    await clock.advance(20);
    expect(did).toEqual(['start ended', 'kill']);
  });

  it('is undone once more when it ends after its own undoing, and nothing starts before', async () => {
    const { clock, did, ends, executor, perform } = anExecutor((time, done) => ({
      start: async () => {
        await time.after(9_000, never);
        done.push('start');
        return OK;
      },
    }));
    perform('start');
    await clock.advance(5);
    perform('kill');
    await clock.advance(2_000);
    expect(did).toEqual(['kill']);
    expect(executor.busy('g')).toBe(true);
    perform('start');
    await clock.advance(1);
    expect(ends.at(-1)?.[1]).toMatchObject({ ok: false, code: 'RESOURCE_HELD' });
    await clock.advance(8_000);
    expect(did).toEqual(['kill', 'start', 'kill']);
    expect(executor.busy('g')).toBe(false);
  });

  it('that throws is a failure with a code, not an end of the daemon', async () => {
    const { clock, ends, perform } = anExecutor(() => ({
      start: async () => {
        throw new TypeError('surprise');
      },
    }));
    perform('start');
    await clock.advance(1);
    expect(ends[0]?.[1]).toMatchObject({ ok: false, code: 'INTERNAL' });
  });
});
