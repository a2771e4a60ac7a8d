/**
 * Cuts a byte stream into lines, within a bound: a peer that never ends a line is not waited for.
 */
import { StringDecoder } from 'node:string_decoder';

export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #limit: number;
  #rest = '';

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** The lines that are complete now; null when the peer broke the bound. */
  push(chunk: Buffer): readonly string[] | null {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    const tooLong = [...lines, this.#rest].some((line) => line.length > this.#limit);
    return tooLong ? null : lines;
  }
}
