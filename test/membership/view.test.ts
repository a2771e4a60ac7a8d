import { describe, expect, test } from 'vitest';
import { isHeardBy, nodeView, withSelf } from '../../src/membership/view.ts';
import { H, settled } from './a-detector.ts';

describe('the view', () => {
  test('what a node said of its fitness grows older until it speaks again', () => {
    const bench = settled(['n2']);
    const fitness = [{ group: 'web', fit: true, code: null, ageMs: 300 }];
    bench.beat('n2', { fitness });
    bench.pass(120);
    expect(bench.node('n2')).toMatchObject({ silentMs: 120, fitness: [{ ageMs: 420 }] });
    bench.beat('n2', { fitness });
    expect(bench.node('n2').fitness[0]?.ageMs).toBe(300);
  });

  test('the later copy of a heartbeat over a slower link does not bring old news back', () => {
    const bench = settled(['n2']);
    const serving = [{ group: 'web', epoch: 4, state: 'serving' as const }];
    bench.beat('n2', { over: ['net-a'], sequence: 5_001, groups: serving });
    bench.beat('n2', { over: ['net-b'], sequence: 5_000 });
    expect(bench.node('n2').groups).toEqual(serving);
  });

  test('knows only peers, under exactly their names, until this node is added', () => {
    const bench = settled(['n2']);
    const view = bench.detector.view(bench.now);
    expect(nodeView(view, 'n1')).toBeNull();
    expect(nodeView(view, 'constructor')).toBeNull();
    const heartbeat = {
      ...{ from: 'n1', incarnation: 9, sequence: 1, sentMs: bench.now, hears: [], lateMs: 0 },
      fitness: [{ group: 'web', fit: true, code: null, ageMs: 1 }],
      groups: [],
    };
    const whole = withSelf(view, heartbeat);
    expect(nodeView(whole, 'n1')).toMatchObject({ state: 'alive', incarnation: 9 });
    expect(nodeView(whole, 'n1')?.fitness).toHaveLength(1);
    expect(Object.keys(view.nodes)).toEqual(['n2']);
  });

  test('who hears us: a living link on which the node says so, and always this node itself', () => {
    const bench = settled();
    bench.run(4 * H, { n2: { hears: [] }, n3: {} });
    const view = bench.detector.view(bench.now);
    expect(isHeardBy(view, bench.node('n2'))).toBe(false);
    expect(isHeardBy(view, bench.node('n3'))).toBe(true);
    expect(isHeardBy(view, { ...bench.node('n2'), node: 'n1' })).toBe(true);
  });
});
