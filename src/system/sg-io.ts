/**
 * SCSI commands to a disk without a process and without the block layer: SG_IO and SG_SCSI_RESET by
 * ioctl.
 *
 * The intuition: a READ KEYS takes 0.3 ms this way, against 20 ms for a tool that is started for
 * it, and the answer is the target's own status and sense, not an exit code. The sg node
 * (`/dev/sgN`) is preferred to `/dev/sdX`: an open sg node does not keep the block device's page
 * cache alive.
 *
 * The fear: a dead path blocks the thread that asks until the kernel's own timeout. So each call
 * has a timeout and runs on a thread of libuv's pool, never on the loop; and commands of one device
 * go one after the other, so that a dead disk takes one thread and not all of them.
 *
 * It interprets nothing but the transport; what a status means is the business of `fencing`.
 * Reference: linux/include/scsi/sg.h (sg_io_hdr, 88 bytes on 64-bit), SPC-4 §4.5 (sense data).
 */
import { closeSync, constants, openSync, statSync } from 'node:fs';
import type { KoffiFunc } from 'koffi';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { DeviceQueue } from './device-queue.ts';
import { nativeModule } from './native.ts';

export type ScsiCommand = {
  readonly cdb: readonly number[];
  /** Bytes for the device, or room for its answer; null for neither. */
  readonly out: Uint8Array | null;
  readonly inLength: number;
  readonly timeoutMs: Millis;
};

export type Sense = { readonly key: number; readonly asc: number; readonly ascq: number };

export type ScsiResult =
  | {
      readonly kind: 'completed';
      /**
       * SAM status: 0 GOOD, 2 CHECK CONDITION, 8 BUSY, 0x18 RESERVATION CONFLICT, 0x28 TASK SET
       * FULL.
       */
      readonly status: number;
      readonly sense: Sense | null;
      /** What the device sent, without what it left out. */
      readonly data: Buffer;
    }
  /**
   * The command did not reach the device or did not come back; whether it was executed is unknown.
   */
  | { readonly kind: 'transport'; readonly timedOut: boolean; readonly hostStatus: number };

const SG_IO = 0x2285;
const SG_SCSI_RESET = 0x2284;
/** The logical unit alone, and nothing wider when that fails. */
const RESET_DEVICE_NO_ESCALATE = 0x101;

const HEADER_BYTES = 88;
const SENSE_BYTES = 64;
const DIRECTION = { none: -1, out: -2, in: -3 } as const;
const DID_TIME_OUT = 3;

type Ioctl = KoffiFunc<(fd: number, request: number, argument: Uint8Array | null) => number>;
let ioctlFunction: Ioctl | null = null;

export class SgDevice {
  readonly path: string;
  readonly #fd: number;
  readonly #queue = new DeviceQueue();
  #closed = false;

  /** @throws HoldfastError DISK_DEVICE_INVALID when it cannot be opened or is no SCSI device. */
  constructor(path: string) {
    this.path = path;
    try {
      // The sg node wants writing; a block device open for writing would be a raw writer.
      const access = statSync(path).isCharacterDevice() ? constants.O_RDWR : constants.O_RDONLY;
      this.#fd = openSync(path, access | constants.O_NONBLOCK);
    } catch (cause) {
      throw new HoldfastError('DISK_DEVICE_INVALID', { device: path }, { cause });
    }
  }

  /**
   * Waits for the command before it; a signal that aborts in the meantime keeps it from being sent.
   */
  execute(command: ScsiCommand, signal: AbortSignal): Promise<ScsiResult> {
    return this.#queue.next(async () => {
      if (this.#closed || signal.aborted) return NOT_SENT;
      const data = Buffer.alloc(Math.max(1, command.inLength));
      if (command.out !== null) return await this.#submit(command, Buffer.from(command.out), 'out');
      return await this.#submit(command, data, command.inLength > 0 ? 'in' : 'none');
    });
  }

  /**
   * LOGICAL UNIT RESET through the host adapter's error handler. False: it has none, or it failed.
   */
  resetLogicalUnit(signal: AbortSignal): Promise<boolean> {
    return this.#queue.next(async () => {
      if (this.#closed || signal.aborted) return false;
      const argument = Buffer.alloc(4);
      argument.writeInt32LE(RESET_DEVICE_NO_ESCALATE);
      return (await ioctl(this.#fd, SG_SCSI_RESET, argument)) >= 0;
    });
  }

  /** After the command that is at work. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.next(async () => closeSync(this.#fd));
  }

  async #submit(
    command: ScsiCommand,
    data: Buffer,
    direction: keyof typeof DIRECTION,
  ): Promise<ScsiResult> {
    const cdb = Buffer.from(command.cdb);
    const sense = Buffer.alloc(SENSE_BYTES);
    const length = direction === 'none' ? 0 : data.length;
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeInt32LE('S'.charCodeAt(0), 0);
    header.writeInt32LE(DIRECTION[direction], 4);
    header.writeUInt8(cdb.length, 8);
    header.writeUInt8(SENSE_BYTES, 9);
    header.writeUInt32LE(length, 12);
    header.writeBigUInt64LE(length === 0 ? 0n : addressOf(data), 16);
    header.writeBigUInt64LE(addressOf(cdb), 24);
    header.writeBigUInt64LE(addressOf(sense), 32);
    header.writeUInt32LE(command.timeoutMs, 40);
    // `cdb`, `sense` and `data` are used below, so they are alive while the kernel writes to them.
    const answer = await ioctl(this.#fd, SG_IO, header);
    if (answer < 0 || cdb.length === 0) return NOT_SENT;
    return result(header, sense, direction === 'in' ? data : Buffer.alloc(0));
  }
}

const NOT_SENT: ScsiResult = { kind: 'transport', timedOut: false, hostStatus: -1 };

function result(header: Buffer, sense: Buffer, data: Buffer): ScsiResult {
  const status = header.readUInt8(64) & 0x7e;
  const senseLength = header.readUInt8(67);
  const hostStatus = header.readUInt16LE(68);
  const left = header.readInt32LE(72);
  if (hostStatus !== 0 && status === 0) {
    return { kind: 'transport', timedOut: hostStatus === DID_TIME_OUT, hostStatus };
  }
  const received = data.subarray(0, Math.max(0, data.length - Math.max(0, left)));
  return {
    kind: 'completed',
    status,
    sense: parseSense(sense.subarray(0, senseLength)),
    data: received,
  };
}

/** Fixed (70h, 71h) and descriptor (72h, 73h) format; null when there is none. SPC-4 §4.5 */
export function parseSense(sense: Uint8Array): Sense | null {
  const format = (sense[0] ?? 0) & 0x7f;
  if (format === 0x70 || format === 0x71) {
    return { key: (sense[2] ?? 0) & 0x0f, asc: sense[12] ?? 0, ascq: sense[13] ?? 0 };
  }
  if (format === 0x72 || format === 0x73) {
    return { key: (sense[1] ?? 0) & 0x0f, asc: sense[2] ?? 0, ascq: sense[3] ?? 0 };
  }
  return null;
}

/**
 * ioctl(2) on a thread of the pool; negative when it failed (the reason stays on that thread).
 *
 * @throws HoldfastError NATIVE_CALLS_UNAVAILABLE
 */
export function ioctl(fd: number, request: number, argument: Uint8Array | null): Promise<number> {
  ioctlFunction ??= nativeModule()
    .load('libc.so.6')
    .func('int ioctl(int fd, unsigned long request, void *argument)') as unknown as Ioctl;
  const bound = ioctlFunction;
  return new Promise((resolve, reject) => {
    bound.async(fd, request, argument, (error: unknown, answer: number) => {
      if (error) reject(error);
      else resolve(answer);
    });
  });
}

/** Where a buffer lies in memory, for structures that carry pointers and for aligned reads. */
export function addressOf(buffer: Buffer): bigint {
  return BigInt(nativeModule().address(buffer));
}
