/**
 * One path of a real disk, spoken to by SG_IO: no process is started, and the target's status and
 * sense come back as they are. It repeats nothing that changes something; a unit attention on the
 * way to the identity or the capabilities (which change nothing) is read past.
 */
import type { Millis } from '../../../lib/ids.ts';
import { identityOf } from '../../../system/block-device.ts';
import { type ScsiCommand, type ScsiResult, SgDevice } from '../../../system/sg-io.ts';
import type { FenceCapabilities, PathId, PrCommand, PrReply } from '../../fence-device.ts';
import type { PathCommands } from '../real-disk.ts';
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
} from './commands.ts';

const MAX_ATTENTIONS = 8;

export class ScsiPath implements PathCommands {
  readonly #path: PathId;
  readonly #device: SgDevice;
  readonly #timeoutMs: Millis;

  /** @throws HoldfastError DISK_DEVICE_INVALID */
  constructor(options: { path: PathId; node: string; timeoutMs: Millis }) {
    this.#path = options.path;
    this.#device = new SgDevice(options.node);
    this.#timeoutMs = options.timeoutMs;
  }

  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const path = this.#path;
    const bytes = toBytes(command);
    if (bytes === null) {
      const done = await this.#device.resetLogicalUnit(signal);
      return { kind: done ? 'good' : 'not-supported', path };
    }
    const result = await this.#send(bytes, signal);
    const kind = withoutQuirk(command.kind, isNotReady(result), outcomeOf(result));
    if (kind !== 'good' || result.kind !== 'completed') return { kind, path };
    if (command.kind === 'read-keys') return { kind: 'keys', path, ...parseKeys(result.data) };
    if (command.kind !== 'read-reservation') return { kind, path };
    return { kind: 'reservation', path, ...parseReservation(result.data) };
  }

  async identity(signal: AbortSignal): Promise<string | null> {
    const page = await this.#read(INQUIRY_IDENTITY, signal);
    return page === null ? null : identityOf(page);
  }

  async capabilities(signal: AbortSignal): Promise<FenceCapabilities | null> {
    const data = await this.#read(REPORT_CAPABILITIES, signal);
    return data === null || data.length < 8 ? null : parseCapabilities(data);
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  async #read(bytes: Omit<ScsiCommand, 'timeoutMs'>, signal: AbortSignal): Promise<Buffer | null> {
    for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
      const result = await this.#send(bytes, signal);
      const kind = outcomeOf(result);
      if (kind === 'good' && result.kind === 'completed') return result.data;
      if (kind !== 'unit-attention') return null;
    }
    return null;
  }

  #send(bytes: Omit<ScsiCommand, 'timeoutMs'>, signal: AbortSignal): Promise<ScsiResult> {
    return this.#device.execute({ ...bytes, timeoutMs: this.#timeoutMs }, signal);
  }
}
