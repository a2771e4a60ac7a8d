/** A run under maintenance, and what it tells of a stop that hangs. */
import { describe, expect, test } from 'vitest';
import { GroupRun } from '../../src/failover/group-run.ts';
import type { ActionVerb, RunClass, RunEffect } from '../../src/failover/run-types.ts';
import { killTimeoutMs, stopBudgetMs } from '../../src/failover/stop-budget.ts';
import { definition } from '../cluster/a-cluster.ts';

const CLASSES: Readonly<Record<string, RunClass>> = {
  disk: 'disk',
  filesystem: 'mount',
  'floating-ip': 'address',
};
const { resources } = definition('web');

class Bench {
  readonly run = new GroupRun({
    group: 'web',
    epoch: 1,
    node: 'n1',
    incarnation: 1,
    resources,
    classOf: ({ type }) => CLASSES[type] ?? 'application',
    visibleFromMs: 0,
    restarts: { count: 2, windowMs: 60_000 },
    killTimeoutMs: killTimeoutMs(50),
  });
  /** Actions that never end well. */
  readonly hangs = new Set<string>();
  readonly said: string[] = [];
  readonly effects: RunEffect[] = [];
  now = 0;

  step(event: Parameters<GroupRun['step']>[0]): readonly string[] {
    const before = this.effects.length;
    const todo = [...this.run.step(event, this.now)];
    for (let effect = todo.shift(); effect !== undefined; effect = todo.shift()) {
      this.effects.push(effect);
      if (effect.kind === 'state') this.said.push(`${effect.phase}: ${effect.detail}`);
      if (effect.kind !== 'act') continue;
      const { resource, verb, timeoutMs } = effect;
      const late = this.hangs.has(`${verb} ${resource}`);
      if (late) this.now += timeoutMs;
      todo.push(
        ...this.run.step(
          { kind: 'action-done', resource, verb, end: this.#end(verb, late) },
          this.now,
        ),
      );
    }
    return this.effects.slice(before).map(({ kind }) => kind);
  }

  #end(verb: ActionVerb, late: boolean) {
    const times = { startedMs: this.now, endedMs: this.now, spawnedMs: null };
    const bad = { ok: false, code: 'ACTION_TIMED_OUT', detail: `${verb} took too long` };
    return late ? { ...bad, ...times } : { ok: true, code: null, detail: '', ...times };
  }

  serve(): this {
    this.step({ kind: 'begin' });
    this.step({ kind: 'lease', state: 'serve' });
    expect(this.run.phase).toBe('serving');
    return this;
  }

  watches(): readonly string[] {
    return this.effects.flatMap((one) =>
      one.kind === 'watch' || one.kind === 'unwatch' ? [`${one.kind} ${one.resource}`] : [],
    );
  }
}

const broken = (resource: string, code = 'NOT_RUNNING') => {
  return { kind: 'broken', resource, code, detail: 'it is gone' } as const;
};

describe('maintenance', () => {
  test('of one resource: it is not watched, and nothing comes of its death', () => {
    const bench = new Bench().serve();
    bench.effects.length = 0;
    bench.step({ kind: 'paused', resources: ['app'] });
    expect(bench.watches()).toEqual(['unwatch app']);
    expect(bench.step(broken('app'))).toEqual([]);
    expect(bench.run.phase).toBe('serving');
    expect(bench.run.resources().find(({ name }) => name === 'app')).toMatchObject({
      paused: true,
    });
  });

  test('it ends: what was left alone is watched again, and what broke is found then', () => {
    const bench = new Bench().serve();
    bench.step({ kind: 'paused', resources: ['app', 'ip'] });
    bench.effects.length = 0;
    bench.step({ kind: 'paused', resources: ['ip'] });
    expect(bench.watches()).toEqual(['watch app']);
    expect(bench.step(broken('app'))).toContain('act');
  });

  test('of everything: a disk is watched all the same, and one that was taken ends it', () => {
    const bench = new Bench().serve();
    bench.effects.length = 0;
    bench.step({ kind: 'paused', resources: resources.map(({ name }) => name) });
    expect(bench.watches()).not.toContain('unwatch disk');
    expect(bench.step(broken('disk', 'DISK_PATHS_LOST'))).toEqual([]);
    bench.step(broken('disk', 'DISK_FENCED'));
    expect(bench.run.phase).toBe('down');
  });

  test('control: without it the same death restarts the application', () => {
    expect(new Bench().serve().step(broken('app'))).toContain('act');
  });

  test('a start under maintenance watches nothing but the disk', () => {
    const bench = new Bench();
    bench.step({ kind: 'paused', resources: resources.map(({ name }) => name) });
    bench.serve();
    expect(bench.watches()).toEqual(['watch disk']);
  });
});

describe('a stop that hangs (pain 11: a stop that times out powers the node off)', () => {
  const stop = { kind: 'stop' } as const;

  test('is killed after its deadline, and each step is said', () => {
    const bench = new Bench().serve();
    bench.hangs.add('stop app');
    bench.said.length = 0;
    bench.step(stop);
    expect(bench.said).toEqual([
      'stopping: ',
      'killing: ACTION_TIMED_OUT: stop of app: stop took too long',
      'down: ACTION_TIMED_OUT',
    ]);
  });

  test('an unmount that hangs is tried three times and left behind: the next owner fences the disk', () => {
    const bench = new Bench().serve();
    for (const verb of ['stop', 'kill']) bench.hangs.add(`${verb} data`);
    bench.said.length = 0;
    bench.step(stop);
    expect(bench.said).toEqual([
      'stopping: ',
      'killing: ACTION_TIMED_OUT: stop of data: stop took too long',
      'killing: kill 1 of 3 of data failed, it is tried again: kill took too long',
      'killing: kill 2 of 3 of data failed, it is tried again: kill took too long',
      'killing: kill 3 of 3 of data failed, it is left behind, and the next owner fences its disk: kill took too long',
      'down: ACTION_TIMED_OUT',
    ]);
    const proposed = bench.effects.flatMap((one) => (one.kind === 'propose' ? [one.command] : []));
    expect(proposed).toContainEqual(expect.objectContaining({ kind: 'stopped', clean: false }));
    expect(bench.run.resources().find(({ name }) => name === 'data')?.code).toBe(
      'ACTION_TIMED_OUT',
    );
    expect(bench.effects.some(({ kind }) => kind === 'self-fence')).toBe(false);
  });

  test('what clients can see and cannot be killed resets the machine, and says so first', () => {
    const bench = new Bench().serve();
    for (const verb of ['stop', 'kill']) bench.hangs.add(`${verb} app`);
    bench.step(stop);
    expect(bench.said).toContain(
      'killing: kill 3 of 3 of app failed, the machine is reset: kill took too long',
    );
    expect(bench.effects).toContainEqual(expect.objectContaining({ kind: 'self-fence' }));
    const proposed = bench.effects.flatMap((one) =>
      one.kind === 'propose' ? [one.command.kind] : [],
    );
    expect(proposed).not.toContain('stopped');
  });

  test('however much hangs, it is over within the budget by which the leader judges', () => {
    const bench = new Bench().serve();
    for (const { name } of resources) {
      for (const verb of ['stop', 'kill']) bench.hangs.add(`${verb} ${name}`);
    }
    const began = bench.now;
    bench.step(stop);
    expect(bench.run.phase).toBe('down');
    // Here one thing after the other, in the product what may go together goes together.
    const oneByOne = resources.length * 3 * killTimeoutMs(50) + 5_000;
    expect(bench.now - began).toBeLessThanOrEqual(oneByOne);
    expect(stopBudgetMs(definition('web'), 50)).toBe(4 * 5_000 + 9 * 2_000);
  });
});
