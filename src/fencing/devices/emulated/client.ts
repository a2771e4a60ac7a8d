/**
 * The two sides of an initiator of an emulated disk: `EmulatedDevice` fences, `EmulatedDisk` reads
 * and writes.
 *
 * The fencing of a node and the application on it share one I_T nexus per path, as they do on a
 * real machine, where the kernel owns it: the application may write exactly when its node holds the
 * disk. That is why both are given the same `initiator`.
 *
 * Reference: port `fence-device.ts`; DESIGN §8.
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import type {
  FenceCapabilities,
  FenceDevice,
  PathId,
  PrCommand,
  PrReply,
} from '../../fence-device.ts';
import { DiskConnection, type Exchange } from './connection.ts';
import { BLOCK_BYTES, type Operation } from './wire.ts';

export type InitiatorOptions = {
  /** `/PATH` or `HOST:PORT` of the disk's server. */
  readonly address: string;
  readonly lun: string;
  /** Name of the node: the initiator port. */
  readonly initiator: string;
  /** Target ports: one path, and one nexus, each. */
  readonly paths: readonly PathId[];
  readonly timeoutMs: Millis;
};

/** As often as the sd driver of Linux and more: each unit attention is told once. */
const MAX_ATTENTIONS = 8;

export class EmulatedDevice implements FenceDevice {
  readonly #options: InitiatorOptions;
  readonly #connection: DiskConnection;

  constructor(options: InitiatorOptions) {
    this.#options = options;
    this.#connection = new DiskConnection(options);
  }

  /** @throws HoldfastError DISK_IDENTITY_MISMATCH, DISK_PATHS_LOST, DISK_NOT_FOUND */
  async identity(signal: AbortSignal): Promise<string> {
    const found = new Set<string>();
    for (const path of this.#options.paths) {
      const answer = await this.#ask(path, { kind: 'identity' }, signal);
      if (answer.kind !== 'identity') throw lost(answer, this.#options);
      found.add(answer.identity);
    }
    const [identity] = found;
    if (identity === undefined || found.size > 1) {
      throw new HoldfastError('DISK_IDENTITY_MISMATCH', { found: [...found] });
    }
    return identity;
  }

  async paths(): Promise<readonly PathId[]> {
    return this.#options.paths;
  }

  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const answer = await this.#ask(command.path, { kind: 'reserve', command }, signal);
    if (answer.kind === 'reply') return answer.reply;
    return { kind: answer.kind === 'timeout' ? 'timeout' : 'path-lost', path: command.path };
  }

  /** @throws HoldfastError DISK_PATHS_LOST, DISK_NOT_FOUND */
  async capabilities(signal: AbortSignal): Promise<FenceCapabilities> {
    for (const path of this.#options.paths) {
      const answer = await this.#ask(path, { kind: 'capabilities' }, signal);
      if (answer.kind === 'capabilities') return answer.capabilities;
    }
    throw new HoldfastError('DISK_PATHS_LOST', { device: this.#options.address });
  }

  /** @throws HoldfastError DISK_PATHS_LOST, DISK_NOT_FOUND */
  async probe(signal: AbortSignal): Promise<{ readonly durationMs: Millis }> {
    const begunMs = performance.now();
    for (const path of this.#options.paths) {
      const answer = await this.#ask(path, { kind: 'read', block: 0 }, signal);
      // Refused by a reservation or told of an attention: the path brought an answer of the disk.
      const reached = answer.kind === 'data' || answer.kind === 'failed';
      if (!reached || (answer.kind === 'failed' && answer.reason === 'no-such-lun')) {
        throw lost(answer, this.#options);
      }
    }
    return { durationMs: performance.now() - begunMs };
  }

  close(): void {
    this.#connection.close();
  }

  #ask(path: PathId, operation: Operation, signal: AbortSignal): Promise<Exchange> {
    const { initiator, timeoutMs } = this.#options;
    const bound = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    return this.#connection.request(nexusOf(initiator, path), operation, bound);
  }
}

export type EmulatedDiskOptions = Omit<InitiatorOptions, 'paths'> & {
  /** The path that data takes. */
  readonly path: PathId;
};

/**
 * What an application sees of the disk: blocks of `BLOCK_BYTES`, and a flush that makes them
 * durable.
 */
export class EmulatedDisk {
  readonly #options: EmulatedDiskOptions;
  readonly #connection: DiskConnection;

  constructor(options: EmulatedDiskOptions) {
    this.#options = options;
    this.#connection = new DiskConnection(options);
  }

  /** A block that was never written is empty (length 0). @throws HoldfastError as `writeBlock` */
  async readBlock(block: number, signal: AbortSignal): Promise<Buffer> {
    const answer = await this.#ask({ kind: 'read', block }, signal);
    if (answer.kind !== 'data') throw refused(answer, this.#options, block);
    return answer.data;
  }

  /**
   * Accepted and carried out, but durable only after `flush`. Shorter data is padded with zeros.
   *
   * @throws HoldfastError RESERVATION_CONFLICT (nothing was written), DISK_WRITE_ABORTED (nothing was
   *   written), DISK_PATHS_LOST (unknown whether it was)
   */
  async writeBlock(block: number, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (bytes.length > BLOCK_BYTES) throw new RangeError(`a block has ${BLOCK_BYTES} bytes`);
    const data = Buffer.alloc(BLOCK_BYTES);
    data.set(bytes);
    const answer = await this.#ask({ kind: 'write', block, data }, signal);
    if (answer.kind !== 'done') throw refused(answer, this.#options, block);
  }

  /** Everything that was written before is durable. @throws HoldfastError as `writeBlock` */
  async flush(signal: AbortSignal): Promise<void> {
    const answer = await this.#ask({ kind: 'flush' }, signal);
    if (answer.kind !== 'done') throw refused(answer, this.#options, null);
  }

  close(): void {
    this.#connection.close();
  }

  /**
   * A unit attention means "not executed": the driver repeats the command, as the kernel's does.
   */
  async #ask(operation: Operation, signal: AbortSignal): Promise<Exchange> {
    const { initiator, path, timeoutMs } = this.#options;
    const bound = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let answer: Exchange = { kind: 'timeout' };
    for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
      answer = await this.#connection.request(nexusOf(initiator, path), operation, bound);
      if (answer.kind !== 'failed' || answer.reason !== 'unit-attention') return answer;
    }
    return answer;
  }
}

function nexusOf(initiator: string, path: PathId): string {
  return `${initiator}:${path}`;
}

function lost(answer: Exchange, { address, lun }: ConnectionFacts): HoldfastError {
  const missing = answer.kind === 'failed' && answer.reason === 'no-such-lun';
  return new HoldfastError(missing ? 'DISK_NOT_FOUND' : 'DISK_PATHS_LOST', { address, lun });
}

function refused(answer: Exchange, facts: ConnectionFacts, block: number | null): HoldfastError {
  if (answer.kind !== 'failed') return lost(answer, facts);
  const { address, lun } = facts;
  switch (answer.reason) {
    case 'reservation-conflict':
      return new HoldfastError('RESERVATION_CONFLICT', { address, lun, block });
    case 'aborted':
      return new HoldfastError('DISK_WRITE_ABORTED', { address, lun, block });
    default:
      return lost(answer, facts);
  }
}

type ConnectionFacts = { readonly address: string; readonly lun: string };
