/**
 * NVMe commands to a namespace without a process: the kernel's passthrough ioctls. What comes back
 * is the controller's own status; what it means is the business of `fencing`.
 *
 * As with SG_IO: each command has a timeout, runs on a thread of the pool, and those of one device
 * go one after the other, so that a dead device takes one thread.
 *
 * Reference: linux/include/uapi/linux/nvme_ioctl.h (struct nvme_passthru_cmd, 72 bytes); NVM Express
 * Base Specification 2.0, §3.3.3 (common command format), §4.6.1 (status).
 */
import { closeSync, constants, openSync } from 'node:fs';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { DeviceQueue } from './device-queue.ts';
import { addressOf, ioctl } from './sg-io.ts';

export type NvmeCommand = {
  readonly queue: 'admin' | 'io';
  readonly opcode: number;
  readonly cdw10: number;
  readonly cdw11: number;
  /** Bytes for the controller, or room for its answer; null for neither. */
  readonly out: Uint8Array | null;
  readonly inLength: number;
  readonly timeoutMs: Millis;
};

export type NvmeResult =
  /** Status code type (3 bits) and status code (8 bits): 0 is success, 0x83 a reservation conflict. */
  | { readonly kind: 'completed'; readonly status: number; readonly data: Buffer }
  /** The command did not reach the controller; whether it was executed is unknown. */
  | { readonly kind: 'transport' };

/** How an adapter reaches a namespace: the kernel, or a controller that is emulated. */
export type NvmePort = {
  submit(command: NvmeCommand, signal: AbortSignal): Promise<NvmeResult>;
  close(): Promise<void>;
};

const NVME_IOCTL_ID = 0x4e40;
const NVME_IOCTL_ADMIN_CMD = 0xc048_4e41;
const NVME_IOCTL_IO_CMD = 0xc048_4e43;
const COMMAND_BYTES = 72;
const STATUS_MASK = 0x7ff;

export class NvmeDevice implements NvmePort {
  readonly #fd: number;
  readonly #queue = new DeviceQueue();
  #namespaceId: number | null = null;
  #closed = false;

  /** @throws HoldfastError DISK_DEVICE_INVALID when it cannot be opened. */
  constructor(path: string) {
    try {
      // Read only: passthrough asks for privileges and not for an open for writing.
      this.#fd = openSync(path, constants.O_RDONLY);
    } catch (cause) {
      throw new HoldfastError('DISK_DEVICE_INVALID', { device: path }, { cause });
    }
  }

  submit(command: NvmeCommand, signal: AbortSignal): Promise<NvmeResult> {
    return this.#queue.next(async () => {
      if (this.#closed || signal.aborted) return { kind: 'transport' };
      this.#namespaceId ??= await ioctl(this.#fd, NVME_IOCTL_ID, null);
      if (this.#namespaceId <= 0) return { kind: 'transport' };
      const data = Buffer.from(command.out ?? Buffer.alloc(command.inLength));
      const request = layOut(command, { namespaceId: this.#namespaceId, data });
      const admin = command.queue === 'admin';
      const code = admin ? NVME_IOCTL_ADMIN_CMD : NVME_IOCTL_IO_CMD;
      // `data` is used below, so it is alive while the kernel writes to it.
      const answer = await ioctl(this.#fd, code, request);
      if (answer < 0) return { kind: 'transport' };
      return { kind: 'completed', status: answer & STATUS_MASK, data };
    });
  }

  /** After the command that is at work. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.next(async () => closeSync(this.#fd));
  }
}

/** struct nvme_passthru_cmd of a command. */
export function layOut(
  { opcode, cdw10, cdw11, timeoutMs }: NvmeCommand,
  { namespaceId, data }: { readonly namespaceId: number; readonly data: Buffer },
): Buffer {
  const request = Buffer.alloc(COMMAND_BYTES);
  request.writeUInt8(opcode, 0);
  request.writeUInt32LE(namespaceId, 4);
  request.writeBigUInt64LE(data.length === 0 ? 0n : addressOf(data), 24);
  request.writeUInt32LE(data.length, 36);
  request.writeUInt32LE(cdw10 >>> 0, 40);
  request.writeUInt32LE(cdw11 >>> 0, 44);
  request.writeUInt32LE(timeoutMs, 64);
  return request;
}
