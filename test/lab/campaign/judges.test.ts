/** The judges of a campaign alone: what they blame, and what they do not. */
import { describe, expect, it } from 'vitest';
import type { Reservation } from '../lab.ts';
import { hostTime, type Landing, lateWrites } from './late-writes.ts';
import { splitOwnership } from './split-ownership.ts';
import {
  AREA_AT,
  areaBytes,
  offsetOf,
  readStamp,
  SECTOR_BYTES,
  SLOTS,
  type Stamp,
  WAYS,
  writeStamp,
} from './stamp.ts';

const stamp: Stamp = {
  epoch: 7,
  node: 2,
  lun: 1,
  way: 'direct',
  sequence: 70_000,
  guestMs: 1234.5,
};

describe('a stamp', () => {
  it('comes back as it was written', () => {
    const sector = Buffer.alloc(SECTOR_BYTES);
    writeStamp(sector, stamp);
    expect(readStamp(sector)).toEqual(stamp);
  });

  it('is none when half of it is of another write, or nothing was written', () => {
    const [one, other] = [Buffer.alloc(SECTOR_BYTES), Buffer.alloc(SECTOR_BYTES)];
    expect(readStamp(one)).toBeNull();
    writeStamp(one, stamp);
    writeStamp(other, { ...stamp, sequence: 70_001 });
    other.copy(one, 256, 256);
    expect(readStamp(one)).toBeNull();
  });

  it('has a place that no other node and no other way of writing has', () => {
    const places = new Set<number>();
    for (const node of [1, 2, 3]) {
      for (const way of WAYS) {
        for (let sequence = 0; sequence < SLOTS; sequence += 1) {
          places.add(offsetOf({ ...stamp, node, way, sequence }));
        }
      }
    }
    expect(places.size).toBe(3 * WAYS.length * SLOTS);
    expect(Math.max(...places)).toBe(AREA_AT + areaBytes(3) - SECTOR_BYTES);
    expect(offsetOf({ ...stamp, way: 'cached', sequence: 0 }) % 4096).toBe(0);
  });
});

describe('a write is late', () => {
  const landing = (epoch: number, notBefore: number): Landing => ({
    stamp: { ...stamp, epoch },
    notBefore,
    seenAt: notBefore + 5,
  });
  const returns = [
    { epoch: 8, at: 100 },
    { epoch: 9, at: 200 },
  ];

  it('when the LUN was looked at after the takeover and did not have it yet', () => {
    expect(lateWrites([landing(7, 120)], returns)).toMatchObject([{ newer: 8, lateMs: 20 }]);
    expect(lateWrites([landing(7, 250)], returns)).toMatchObject([{ newer: 9, lateMs: 50 }]);
    expect(lateWrites([landing(8, 250)], returns)).toMatchObject([{ newer: 9 }]);
  });

  it('not when it was there before, or is of the same or a newer epoch', () => {
    expect(lateWrites([landing(7, 99)], returns)).toEqual([]);
    expect(lateWrites([landing(9, 250), landing(10, 250)], returns)).toEqual([]);
  });

  it("counts from the owner's own clock, laid beside the host's by its fastest write", () => {
    const own = (guestMs: number, seenAt: number): Landing => ({
      stamp: { ...stamp, epoch: 8, guestMs },
      notBefore: 0,
      seenAt,
    });
    expect(hostTime([own(1000, 5020), own(1100, 5103)], 8, 990)).toBe(4993);
    expect(hostTime([own(1000, 5020)], 9, 990)).toBeNull();
  });
});

describe('two disks of one group', () => {
  const held = (lun: number, holder: number | null, epoch: number): Reservation => ({
    lun,
    holder,
    type: null,
    keys:
      holder === null ? {} : { [holder]: `abcd000${holder}${epoch.toString(16).padStart(8, '0')}` },
  });
  const owner = { id: 2, node: 'node2', epoch: 7 };

  it('belong to the owner under its epoch', () => {
    expect(splitOwnership([held(0, 2, 7), held(1, 2, 7)], owner)).toEqual([]);
  });

  it('are split when one is held by somebody else, by nobody, or under another epoch', () => {
    expect(splitOwnership([held(0, 2, 7), held(1, 1, 6)], owner)).toHaveLength(1);
    expect(splitOwnership([held(0, null, 0), held(1, 2, 7)], owner)).toHaveLength(1);
    expect(splitOwnership([held(0, 2, 7), held(1, 2, 6)], owner)).toHaveLength(1);
  });
});
