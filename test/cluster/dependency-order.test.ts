import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dependencyOrder } from '../../src/cluster/dependency-order.ts';

const resource = (name: string, ...needs: string[]) => ({ name, needs });

describe('dependencyOrder', () => {
  it('mount and virtual MAC start together, what needs them starts after them', () => {
    const order = dependencyOrder([
      resource('app', 'data', 'address'),
      resource('address', 'mac'),
      resource('data', 'disk'),
      resource('mac'),
      resource('disk'),
    ]);
    expect(order).toEqual({
      ok: true,
      value: [['mac', 'disk'], ['address', 'data'], ['app']],
    });
  });

  it('a group without resources has no waves', () => {
    expect(dependencyOrder([])).toEqual({ ok: true, value: [] });
  });

  it('a cycle is named from its first member back to it, without what merely leads into it', () => {
    const order = dependencyOrder([
      resource('lead-in', 'a'),
      resource('a', 'b'),
      resource('b', 'c'),
      resource('c', 'a'),
    ]);
    expect(order).toEqual({
      ok: false,
      error: { code: 'CYCLIC_DEPENDENCY', cycle: ['a', 'b', 'c', 'a'] },
    });
  });

  it('a resource that needs itself is a cycle', () => {
    expect(dependencyOrder([resource('a', 'a')])).toMatchObject({
      error: { code: 'CYCLIC_DEPENDENCY', cycle: ['a', 'a'] },
    });
  });

  it('a need that is not defined in the group is named', () => {
    expect(dependencyOrder([resource('a', 'ghost')])).toMatchObject({
      error: { code: 'UNKNOWN_DEPENDENCY', resource: 'a', needs: 'ghost' },
    });
  });

  it('the same name twice is refused', () => {
    expect(dependencyOrder([resource('a'), resource('a')])).toMatchObject({
      error: { code: 'DUPLICATE_NAME', resource: 'a' },
    });
  });

  it('in any graph, each name stands once and after all that it needs, or a true cycle is told', () => {
    const graph = fc
      .integer({ min: 0, max: 8 })
      .chain((size) =>
        fc
          .array(fc.subarray([...Array(size).keys()]), { minLength: size, maxLength: size })
          .map((needs) => needs.map((list, i) => resource(`r${i}`, ...list.map((n) => `r${n}`)))),
      );
    fc.assert(
      fc.property(graph, (resources) => {
        const order = dependencyOrder(resources);
        const needs = new Map(resources.map((one) => [one.name, one.needs]));
        if (order.ok) {
          const flat = order.value.flat();
          expect([...flat].sort()).toEqual(resources.map((one) => one.name).sort());
          const before = new Set<string>();
          for (const wave of order.value) {
            for (const name of wave) {
              expect(needs.get(name)?.every((needed) => before.has(needed))).toBe(true);
            }
            for (const name of wave) before.add(name);
          }
          return;
        }
        expect(order.error.code).toBe('CYCLIC_DEPENDENCY');
        const cycle = order.error.code === 'CYCLIC_DEPENDENCY' ? order.error.cycle : [];
        expect(cycle[0]).toBe(cycle.at(-1));
        for (let i = 0; i + 1 < cycle.length; i += 1) {
          expect(needs.get(cycle[i] ?? '')).toContain(cycle[i + 1]);
        }
      }),
    );
  });
});
