import { describe, expect, it } from 'vitest';
import { lossOrder, startOrder, stopOrder } from '../../src/resources/ordering.ts';
import { resource } from './support/definitions.ts';

const one = (type: string, name: string, ...needs: string[]) => resource(type, {}, { name, needs });

const group = [
  one('application', 'app', 'data', 'address'),
  one('floating-ip', 'address', 'mac'),
  one('filesystem', 'data', 'disk'),
  one('virtual-mac', 'mac'),
  one('disk', 'disk'),
];

describe('the order of a group', () => {
  it('goes up along the needs, and down the same way back', () => {
    const up = [['mac', 'disk'], ['address', 'data'], ['app']];
    expect(startOrder(group)).toEqual({ ok: true, value: up });
    expect(stopOrder(group)).toEqual({ ok: true, value: up.toReversed() });
  });

  it('on loss of the lease silences first, then ends the application, then lets go of the rest', () => {
    expect(lossOrder(group)).toEqual([['address', 'mac'], ['app'], ['data', 'disk']]);
  });

  it('on loss of the lease does not care for needs, not even for circular ones', () => {
    const circular = [one('floating-ip', 'a', 'b'), one('application', 'b', 'a')];
    expect(startOrder(circular)).toMatchObject({ error: { code: 'CYCLIC_DEPENDENCY' } });
    expect(stopOrder(circular)).toMatchObject({ error: { code: 'CYCLIC_DEPENDENCY' } });
    expect(lossOrder(circular)).toEqual([['a'], ['b']]);
  });

  it('treats a type that it does not know as the rest', () => {
    expect(lossOrder([one('quorum-lamp', 'lamp'), one('floating-ip', 'a')])).toEqual([
      ['a'],
      ['lamp'],
    ]);
  });
});
