/**
 * An initiator of a verification on a real disk of this machine: one path, SG_IO, no block layer
 * in between, so that what the target answers is what is seen.
 *
 * A path is lost by setting the SCSI device offline in sysfs, which only this machine notices.
 * Whoever opens it has proven before that nobody uses the disk (`subject.ts`).
 *
 * Reference: Linux Documentation/ABI/testing/sysfs-block-device (device/state); SBC-3 §5.
 */
import { writeFile } from 'node:fs/promises';
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import { type BlockDevice, identityOf } from '../../../system/block-device.ts';
import { type ScsiCommand, type ScsiResult, SgDevice } from '../../../system/sg-io.ts';
import {
  INQUIRY_IDENTITY,
  isNotReady,
  outcomeOf,
  parseCapabilities,
  parseKeys,
  parseReservation,
  REPORT_CAPABILITIES,
  toBytes,
  withoutQuirk,
} from '../../devices/scsi/commands.ts';
import {
  parseCapacity,
  READ_CAPACITY,
  type Region,
  readBytes,
  writeBytes,
} from '../../devices/scsi/media-commands.ts';
import type { PrCommand } from '../../fence-device.ts';
import type { Answer, Initiator, Refusal, Verb } from '../words.ts';
import { WriteStream } from '../write-stream.ts';

type Bytes = Pick<ScsiCommand, 'cdb' | 'out' | 'inLength'>;

export type ScsiInitiatorOptions = {
  readonly name: string;
  readonly disk: BlockDevice;
  /** `/dev/sgN`, or the disk itself without the sg module. */
  readonly node: string;
  readonly timeoutMs: Millis;
};

const REGION_BYTES = 16 * 1024;
const REGION_AT_BYTES = 1024 * 1024;
/** Each has a thread of the pool while it is in the kernel; one is left for the rest. */
const WRITERS = 2;
const TASK_ABORTED = 0x40;
const MAX_ATTENTIONS = 8;

export class ScsiInitiator implements Initiator {
  readonly name: string;
  readonly #options: ScsiInitiatorOptions;
  readonly #device: SgDevice;
  #region: Region | null = null;
  #stream: WriteStream | null = null;
  #offline = false;

  /** @throws HoldfastError DISK_DEVICE_INVALID */
  constructor(options: ScsiInitiatorOptions) {
    this.name = options.name;
    this.#options = options;
    this.#device = new SgDevice(options.node);
  }

  async ask(verb: Verb, signal: AbortSignal): Promise<Answer> {
    switch (verb.kind) {
      case 'identity':
        return await this.#identity(signal);
      case 'capabilities': {
        const result = await this.#send(this.#device, REPORT_CAPABILITIES, signal);
        const refused = refusalOf(result);
        if (refused !== null) return refused;
        return { kind: 'capabilities', capabilities: parseCapabilities(dataOf(result)) };
      }
      case 'read': {
        const result = await this.#send(this.#device, readBytes(await this.#place(signal)), signal);
        return refusalOf(result) ?? { kind: 'data', data: dataOf(result).toString('base64') };
      }
      case 'write':
        return await this.#write(this.#device, verb, signal);
      case 'begin-writes':
        return await this.#begin(verb.data, signal);
      case 'end-writes':
        return (await this.#stream?.end()) ?? { kind: 'writes', good: 0, last: 'good' };
      case 'lose-path':
        return await this.#setState('offline');
      case 'regain-path':
        return this.#offline ? await this.#setState('running') : { kind: 'good' };
      default:
        return await this.#reservation(verb, signal);
    }
  }

  async close(): Promise<void> {
    if (this.#offline) await this.#setState('running');
    await this.#stream?.end();
    await this.#device.close();
  }

  async #reservation(verb: Exclude<Verb, { kind: 'write' }>, signal: AbortSignal): Promise<Answer> {
    const command = { ...verb, path: '' } as PrCommand;
    const bytes = toBytes(command);
    if (bytes === null) {
      const done = await this.#device.resetLogicalUnit(signal);
      return { kind: done ? 'good' : 'not-supported' };
    }
    const result = await this.#send(this.#device, bytes, signal);
    if (withoutQuirk(command.kind, isNotReady(result), 'good') !== 'good') {
      return { kind: 'reservation-conflict' };
    }
    const refused = refusalOf(result);
    if (refused !== null) return refused;
    if (command.kind === 'read-keys') return { kind: 'keys', ...parseKeys(dataOf(result)) };
    if (command.kind !== 'read-reservation') return { kind: 'good' };
    return { kind: 'reservation', ...parseReservation(dataOf(result)) };
  }

  async #identity(signal: AbortSignal): Promise<Answer> {
    const result = await this.#send(this.#device, INQUIRY_IDENTITY, signal);
    const refused = refusalOf(result);
    if (refused !== null) return refused;
    const identity = identityOf(dataOf(result));
    return identity === null ? { kind: 'not-supported' } : { kind: 'identity', identity };
  }

  async #write(
    device: SgDevice,
    verb: Pick<Extract<Verb, { kind: 'write' }>, 'opcode' | 'data'>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const data = Buffer.from(verb.data, 'base64');
    const bytes = writeBytes(verb.opcode, await this.#place(signal), data);
    return refusalOf(await this.#send(device, bytes, signal)) ?? { kind: 'good' };
  }

  async #begin(data: string, signal: AbortSignal): Promise<Answer> {
    await this.#stream?.end();
    const devices = Array.from({ length: WRITERS }, () => new SgDevice(this.#options.node));
    const verb = { opcode: 'WRITE (10)', data } as const;
    this.#stream = new WriteStream(
      devices.map((device) => () => this.#write(device, verb, signal)),
      () => Promise.all(devices.map((device) => device.close())),
    );
    return await this.#stream.begun();
  }

  /** @throws HoldfastError DISK_DEVICE_INVALID when the disk is too small to have the place. */
  async #place(signal: AbortSignal): Promise<Region> {
    if (this.#region !== null) return this.#region;
    for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
      const result = await this.#send(this.#device, READ_CAPACITY, signal);
      if (refusalOf(result) !== null) continue;
      const found = parseCapacity(dataOf(result));
      if (found === null) break;
      const { blockBytes } = found;
      const block = REGION_AT_BYTES / blockBytes;
      const blocks = REGION_BYTES / blockBytes;
      if (blocks < 1 || found.blocks < BigInt(block + blocks)) break;
      this.#region = { block, blocks, blockBytes };
      return this.#region;
    }
    throw new HoldfastError('DISK_DEVICE_INVALID', { device: this.name, read: 'no capacity' });
  }

  async #setState(state: 'offline' | 'running'): Promise<Answer> {
    const file = `/sys/block/${this.#options.disk.name}/device/state`;
    try {
      // The kernel wants the newline.
      await writeFile(file, `${state}\n`);
      this.#offline = state === 'offline';
      return { kind: 'good' };
    } catch {
      return { kind: 'not-supported' }; // not root, or no SCSI device: the check says unproven
    }
  }

  #send(device: SgDevice, bytes: Bytes, signal: AbortSignal): Promise<ScsiResult> {
    return device.execute({ ...bytes, timeoutMs: this.#options.timeoutMs }, signal);
  }
}

/** Null: it was carried out. What the target refused is told from what never reached it. */
function refusalOf(result: ScsiResult): Refusal | null {
  if (result.kind === 'completed' && result.status === TASK_ABORTED) return { kind: 'aborted' };
  const outcome = outcomeOf(result);
  if (outcome === 'good') return null;
  if (result.kind === 'transport') return { kind: outcome };
  const code = [result.sense?.asc ?? 0, result.sense?.ascq ?? 0]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('/');
  if (outcome === 'unit-attention') return { kind: outcome, code };
  return outcome === 'path-lost' ? { kind: 'failed', code } : { kind: outcome };
}

function dataOf(result: ScsiResult): Buffer {
  return result.kind === 'completed' ? result.data : Buffer.alloc(0);
}
