/**
 * An initiator of a verification on an emulated disk: for demonstrations and tests of the command
 * as a whole. It has the opcodes that the emulated target has, and loses its path by closing its
 * connection.
 */
import type { Millis } from '../../../lib/ids.ts';
import { DiskConnection } from '../../devices/emulated/connection.ts';
import { BLOCK_BYTES, type Operation } from '../../devices/emulated/wire.ts';
import type { WriteOpcode } from '../../devices/scsi/media-commands.ts';
import type { PrCommand } from '../../fence-device.ts';
import type { Answer, Initiator, Verb } from '../words.ts';
import { WriteStream } from '../write-stream.ts';

export type EmulatedInitiatorOptions = {
  readonly name: string;
  readonly address: string;
  readonly lun: string;
  readonly initiator: string;
  readonly timeoutMs: Millis;
};

const BLOCK = 1;
const PATH = 'a';
const WRITES: readonly WriteOpcode[] = ['WRITE (10)', 'WRITE (16)'];

export class EmulatedInitiator implements Initiator {
  readonly name: string;
  readonly #options: EmulatedInitiatorOptions;
  #connection: DiskConnection | null;
  #stream: WriteStream | null = null;

  constructor(options: EmulatedInitiatorOptions) {
    this.name = options.name;
    this.#options = options;
    this.#connection = new DiskConnection(options);
  }

  async ask(verb: Verb, signal: AbortSignal): Promise<Answer> {
    switch (verb.kind) {
      case 'regain-path':
        this.#connection ??= new DiskConnection(this.#options);
        return { kind: 'good' };
      case 'lose-path':
        this.#connection?.close();
        this.#connection = null;
        return { kind: 'good' };
      case 'end-writes':
        return (await this.#stream?.end()) ?? { kind: 'writes', good: 0, last: 'good' };
      case 'begin-writes': {
        await this.#stream?.end();
        const write = () => this.#send(writeOf(verb.data), signal);
        this.#stream = new WriteStream([write, write], async () => {});
        return await this.#stream.begun();
      }
      case 'write': {
        if (verb.opcode === 'SYNCHRONIZE CACHE (10)') return this.#send({ kind: 'flush' }, signal);
        if (!WRITES.includes(verb.opcode)) return { kind: 'not-supported' };
        return await this.#send(writeOf(verb.data), signal);
      }
      case 'read':
        return await this.#send({ kind: 'read', block: BLOCK }, signal);
      case 'identity':
      case 'capabilities':
        return await this.#send({ kind: verb.kind }, signal);
      default:
        return await this.#send(
          { kind: 'reserve', command: { ...verb, path: PATH } as PrCommand },
          signal,
        );
    }
  }

  async close(): Promise<void> {
    await this.#stream?.end();
    this.#connection?.close();
  }

  async #send(operation: Operation, signal: AbortSignal): Promise<Answer> {
    if (this.#connection === null) return { kind: 'path-lost' };
    const bound = AbortSignal.any([signal, AbortSignal.timeout(this.#options.timeoutMs)]);
    const nexus = `${this.#options.initiator}:${PATH}`;
    const answer = await this.#connection.request(nexus, operation, bound);
    switch (answer.kind) {
      case 'reply': {
        const { path: _, ...reply } = answer.reply;
        return reply as Answer;
      }
      case 'data':
        return { kind: 'data', data: whole(answer.data) };
      case 'done':
        return { kind: 'good' };
      case 'failed': {
        const { reason } = answer;
        const missing = reason === 'no-such-lun' || reason === 'out-of-range';
        return { kind: missing ? 'path-lost' : reason };
      }
      default:
        return answer;
    }
  }
}

function writeOf(data: string): Operation {
  return { kind: 'write', block: BLOCK, data: Buffer.from(data, 'base64') };
}

/** A block that nobody wrote is empty; written back it is zeros. */
function whole(data: Buffer): string {
  return (data.length === 0 ? Buffer.alloc(BLOCK_BYTES) : data).toString('base64');
}
