import { describe, expect, it } from 'vitest';
import {
  clusterTag,
  formatKey,
  isOurs,
  packKey,
  standing,
  unpackKey,
} from '../../../src/fencing/protocol/key.ts';
import { AssertionFailure } from '../../../src/lib/assert.ts';
import { MAX_EPOCH } from '../../../src/lib/ids.ts';
import { seededRandom } from '../../../src/lib/random.ts';

const mine = packKey({ tag: 7, node: 2, epoch: 10 });

describe('a reservation key', () => {
  it('carries tag, node and epoch in 64 bits (pain 4: two nodes with one key)', () => {
    const parts = { tag: 0x4846, node: 3, epoch: MAX_EPOCH };
    expect(formatKey(packKey(parts))).toBe('0x48460003ffffffff');
    const random = seededRandom(1);
    for (let i = 0; i < 500; i += 1) {
      const some = {
        tag: 1 + random.below(65_535),
        node: 1 + random.below(65_535),
        epoch: 1 + random.below(MAX_EPOCH),
      };
      expect(unpackKey(packKey(some))).toEqual(some);
    }
  });

  it('refuses parts that do not fit', () => {
    const good = { tag: 1, node: 1, epoch: 1 };
    for (const bad of [{ tag: 0 }, { tag: 65_536 }, { node: 0 }, { node: 1.5 }, { epoch: 0 }]) {
      expect(() => packKey({ ...good, ...bad })).toThrow(AssertionFailure);
    }
    expect(() => packKey({ ...good, epoch: MAX_EPOCH + 1 })).toThrow(AssertionFailure);
  });

  it('a cluster tag is never 0 and differs between clusters', () => {
    const tags = Array.from({ length: 5000 }, (_, i) => clusterTag(`cluster-${i}`));
    expect(tags.every((tag) => Number.isInteger(tag) && tag >= 1 && tag <= 65_535)).toBe(true);
    expect(new Set(tags).size).toBeGreaterThan(4700);
    expect(clusterTag('a')).toBe(clusterTag('a'));
  });

  it('knows age by epoch alone, and never calls a rival older', () => {
    const at = (node: number, epoch: number) => standing(mine, packKey({ tag: 7, node, epoch }));
    expect(at(2, 10)).toBe('mine');
    expect(at(2, 9)).toBe('own-older');
    expect(at(1, 9)).toBe('older');
    expect(at(1, 11)).toBe('rival');
    expect(at(2, 11)).toBe('rival');
    expect(at(1, 10)).toBe('rival');
    expect(standing(mine, packKey({ tag: 8, node: 2, epoch: 1 }))).toBe('stranger');
    expect(standing(mine, 0xa1n)).toBe('stranger');
  });

  it('keys typed by hand are not ours', () => {
    expect(isOurs(0xa1n, clusterTag('x'))).toBe(false);
    expect(isOurs(0xa1n, 0)).toBe(false);
    expect(isOurs(mine, 7)).toBe(true);
  });
});
