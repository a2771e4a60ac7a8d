/**
 * A namespace of NVMe, spoken to by its own commands. It repeats nothing that changes something.
 *
 * There is no LOGICAL UNIT RESET: where a takeover needs one (the predecessor's was not committed,
 * or nobody was there to abort), it ends with LATE_WRITES_POSSIBLE unless the operator accepts that.
 *
 * Reference: `commands.ts`; NVM Express Base Specification 2.0, §8.19.
 */
import type { Millis } from '../../../lib/ids.ts';
import type { NvmeCommand, NvmePort, NvmeResult } from '../../../system/nvme.ts';
import type { FenceCapabilities, PathId, PrCommand, PrReply } from '../../fence-device.ts';
import type { PathCommands } from '../real-disk.ts';
import {
  HOST_IDENTIFIER_INCONSISTENT,
  IDENTIFY_DESCRIPTORS,
  IDENTIFY_NAMESPACE,
  outcomeOf,
  parseCapabilities,
  parseIdentity,
  parseReport,
  type Report,
  report,
  toNvme,
} from './commands.ts';

export type NvmePathOptions = {
  readonly path: PathId;
  readonly port: NvmePort;
  readonly timeoutMs: Millis;
};

export class NvmePath implements PathCommands {
  readonly #options: NvmePathOptions;
  /** Host identifiers of 128 bits, until the controller says that they have 64. */
  #extended = true;

  constructor(options: NvmePathOptions) {
    this.#options = options;
  }

  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const { path } = this.#options;
    const bytes = toNvme(command);
    if (bytes === null) return { kind: 'not-supported', path };
    if (bytes === 'nothing') return { kind: 'good', path };
    switch (command.kind) {
      case 'read-keys':
      case 'read-reservation':
      case 'test-unit-ready':
        return await this.#look(command.kind, signal);
      default:
        return { kind: outcomeOf(await this.#send(bytes, signal)), path };
    }
  }

  async identity(signal: AbortSignal): Promise<string | null> {
    const result = await this.#send(IDENTIFY_DESCRIPTORS, signal);
    return outcomeOf(result) === 'good' ? parseIdentity(dataOf(result)) : null;
  }

  async capabilities(signal: AbortSignal): Promise<FenceCapabilities | null> {
    const result = await this.#send(IDENTIFY_NAMESPACE, signal);
    if (outcomeOf(result) !== 'good') return null;
    const found = await this.#report(signal);
    return parseCapabilities(dataOf(result), typeof found === 'object' && found.persists);
  }

  close(): Promise<void> {
    return this.#options.port.close();
  }

  async #look(
    kind: 'read-keys' | 'read-reservation' | 'test-unit-ready',
    signal: AbortSignal,
  ): Promise<PrReply> {
    const { path } = this.#options;
    const found = await this.#report(signal);
    if (typeof found === 'string') return { kind: found, path };
    const { generation, keys, holder, type } = found;
    if (kind === 'test-unit-ready') return { kind: 'good', path };
    if (kind === 'read-keys') return { kind: 'keys', path, generation, keys };
    return { kind: 'reservation', path, generation, holder, type };
  }

  async #report(signal: AbortSignal): Promise<Report | ReturnType<typeof outcomeOf>> {
    let result = await this.#send(report(this.#extended), signal);
    if (result.kind === 'completed' && result.status === HOST_IDENTIFIER_INCONSISTENT) {
      this.#extended = !this.#extended;
      result = await this.#send(report(this.#extended), signal);
    }
    const outcome = outcomeOf(result);
    return outcome === 'good' ? parseReport(dataOf(result), this.#extended) : outcome;
  }

  #send(bytes: Omit<NvmeCommand, 'timeoutMs'>, signal: AbortSignal): Promise<NvmeResult> {
    const { port, timeoutMs } = this.#options;
    return port.submit({ ...bytes, timeoutMs }, signal);
  }
}

function dataOf(result: NvmeResult): Buffer {
  return result.kind === 'completed' ? result.data : Buffer.alloc(0);
}
