/** The bytes of commands to the medium, as SBC-3 lays them out. */
import { describe, expect, it } from 'vitest';
import {
  parseCapacity,
  readBytes,
  WRITE_OPCODES,
  writeBytes,
} from '../../../src/fencing/devices/scsi/media-commands.ts';

const region = { block: 0x1234, blocks: 4, blockBytes: 512 };
const data = Buffer.alloc(4 * 512, 7);
const one = data.subarray(0, 512);

describe('SBC-3', () => {
  it.each([
    ['WRITE (6)', [0x0a, 0, 0x12, 0x34, 1, 0], one],
    ['WRITE (10)', [0x2a, 0, 0, 0, 0x12, 0x34, 0, 0, 4, 0], data],
    ['WRITE (12)', [0xaa, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0], data],
    ['WRITE (16)', [0x8a, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0], data],
    ['WRITE AND VERIFY (10)', [0x2e, 0, 0, 0, 0x12, 0x34, 0, 0, 4, 0], data],
    ['WRITE AND VERIFY (16)', [0x8e, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0], data],
    ['WRITE ATOMIC (16)', [0x9c, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0], one],
    ['WRITE SAME (10)', [0x41, 0, 0, 0, 0x12, 0x34, 0, 0, 1, 0], one],
    ['WRITE SAME (16)', [0x93, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0], one],
    ['ORWRITE (16)', [0x8b, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0], data],
    [
      'COMPARE AND WRITE',
      [0x89, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 1, 0, 0],
      Buffer.concat([one, one]),
    ],
    ['UNMAP', [0x42, 0, 0, 0, 0, 0, 0, 0, 8, 0], Buffer.from([0, 6, 0, 0, 0, 0, 0, 0])],
    ['SYNCHRONIZE CACHE (10)', [0x35, 0, 0, 0, 0x12, 0x34, 0, 0, 4, 0], null],
    ['SYNCHRONIZE CACHE (16)', [0x91, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0], null],
  ] as const)('%s', (opcode, cdb, out) => {
    expect(writeBytes(opcode, region, data)).toEqual({ cdb, out, inLength: 0 });
  });

  it('knows the length of each opcode: by the group code of its first byte', () => {
    const lengths: Readonly<Record<number, number>> = { 0: 6, 1: 10, 2: 10, 4: 16, 5: 12 };
    for (const opcode of WRITE_OPCODES) {
      const { cdb } = writeBytes(opcode, region, data);
      expect([opcode, cdb.length]).toEqual([opcode, lengths[(cdb[0] ?? 0) >> 5]]);
    }
  });

  it('READ (16)', () => {
    expect(readBytes(region)).toEqual({
      cdb: [0x88, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 4, 0, 0],
      out: null,
      inLength: 2048,
    });
  });

  it('READ CAPACITY (16)', () => {
    const answer = Buffer.alloc(32);
    answer.writeBigUInt64BE(131_071n, 0);
    answer.writeUInt32BE(512, 8);
    expect(parseCapacity(answer)).toEqual({ blocks: 131_072n, blockBytes: 512 });
    expect(parseCapacity(Buffer.alloc(4))).toBeNull();
    expect(parseCapacity(Buffer.alloc(32))).toBeNull();
  });
});
