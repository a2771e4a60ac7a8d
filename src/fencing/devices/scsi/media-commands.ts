/**
 * Commands to the medium as bytes, for the verification of a disk: a read, and every write of SBC-3
 * in a form that leaves the medium as it is when it is given what was read there.
 *
 * UNMAP goes without a descriptor: it unmaps nothing, and a reservation refuses it all the same,
 * since that is judged before the parameters are. Reference: SBC-3 §5; SPC-4 §5.13.1.
 */
import type { ScsiCommand } from '../../../system/sg-io.ts';

/** Every command of SBC-3 that changes the medium and can be sent without changing what is there. */
export const WRITE_OPCODES = [
  'WRITE (6)',
  'WRITE (10)',
  'WRITE (12)',
  'WRITE (16)',
  'WRITE AND VERIFY (10)',
  'WRITE AND VERIFY (16)',
  'WRITE ATOMIC (16)',
  'WRITE SAME (10)',
  'WRITE SAME (16)',
  'ORWRITE (16)',
  'COMPARE AND WRITE',
  'UNMAP',
  'SYNCHRONIZE CACHE (10)',
  'SYNCHRONIZE CACHE (16)',
] as const;
export type WriteOpcode = (typeof WRITE_OPCODES)[number];

type Bytes = Pick<ScsiCommand, 'cdb' | 'out' | 'inLength'>;

export type Region = {
  /** Logical block address of the first block, and how many. */
  readonly block: number;
  readonly blocks: number;
  readonly blockBytes: number;
};

export const READ_CAPACITY: Bytes = {
  cdb: [0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0],
  out: null,
  inLength: 32,
};

/** Null when it is no answer to READ CAPACITY (16). */
export function parseCapacity(data: Buffer): { blocks: bigint; blockBytes: number } | null {
  if (data.length < 12) return null;
  const blockBytes = data.readUInt32BE(8);
  return blockBytes === 0 ? null : { blocks: data.readBigUInt64BE(0) + 1n, blockBytes };
}

export function readBytes({ block, blocks, blockBytes }: Region): Bytes {
  return { cdb: cdb16(0x88, block, blocks), out: null, inLength: blocks * blockBytes };
}

/** `data` fills the region; opcodes of one block take its first. */
export function writeBytes(opcode: WriteOpcode, region: Region, data: Buffer): Bytes {
  const { block, blocks, blockBytes } = region;
  const one = data.subarray(0, blockBytes);
  switch (opcode) {
    case 'WRITE (6)':
      return { cdb: cdb6(0x0a, block, 1), out: one, inLength: 0 };
    case 'WRITE (10)':
      return { cdb: cdb10(0x2a, block, blocks), out: data, inLength: 0 };
    case 'WRITE (12)':
      return { cdb: cdb12(0xaa, block, blocks), out: data, inLength: 0 };
    case 'WRITE (16)':
      return { cdb: cdb16(0x8a, block, blocks), out: data, inLength: 0 };
    case 'WRITE AND VERIFY (10)':
      return { cdb: cdb10(0x2e, block, blocks), out: data, inLength: 0 };
    case 'WRITE AND VERIFY (16)':
      return { cdb: cdb16(0x8e, block, blocks), out: data, inLength: 0 };
    case 'WRITE ATOMIC (16)':
      // Its length stands in bytes 12 and 13, and no atomic boundary is asked for.
      return { cdb: cdb16(0x9c, block, 1), out: one, inLength: 0 };
    case 'WRITE SAME (10)':
      return { cdb: cdb10(0x41, block, 1), out: one, inLength: 0 };
    case 'WRITE SAME (16)':
      return { cdb: cdb16(0x93, block, 1), out: one, inLength: 0 };
    case 'ORWRITE (16)':
      return { cdb: cdb16(0x8b, block, blocks), out: data, inLength: 0 };
    case 'COMPARE AND WRITE': {
      const bytes = cdb16(0x89, block, 0);
      bytes[13] = 1;
      return { cdb: bytes, out: Buffer.concat([one, one]), inLength: 0 };
    }
    case 'UNMAP':
      return {
        cdb: [0x42, 0, 0, 0, 0, 0, 0, 0, 8, 0],
        out: Buffer.from([0, 6, 0, 0, 0, 0, 0, 0]),
        inLength: 0,
      };
    case 'SYNCHRONIZE CACHE (10)':
      return { cdb: cdb10(0x35, block, blocks), out: null, inLength: 0 };
    default:
      return { cdb: cdb16(0x91, block, blocks), out: null, inLength: 0 };
  }
}

function cdb6(opcode: number, block: number, blocks: number): number[] {
  return [opcode, (block >> 16) & 0x1f, (block >> 8) & 0xff, block & 0xff, blocks, 0];
}

function cdb10(opcode: number, block: number, blocks: number): number[] {
  return [opcode, 0, ...bytes32(block), 0, (blocks >> 8) & 0xff, blocks & 0xff, 0];
}

function cdb12(opcode: number, block: number, blocks: number): number[] {
  return [opcode, 0, ...bytes32(block), ...bytes32(blocks), 0, 0];
}

function cdb16(opcode: number, block: number, blocks: number): number[] {
  // A region lies in the first mebibytes of a disk: the upper half of the address is 0.
  const command = [opcode, 0, 0, 0, 0, 0, ...bytes32(block), ...bytes32(blocks), 0, 0];
  if (opcode !== 0x9c) return command;
  return [...command.slice(0, 10), 0, 0, (blocks >> 8) & 0xff, blocks & 0xff, 0, 0];
}

function bytes32(value: number): number[] {
  return [(value >>> 24) & 0xff, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
}
