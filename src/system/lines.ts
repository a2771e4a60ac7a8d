/**
 * Cuts a byte stream into lines of text, one at a time: the next one is read when the last one was
 * dealt with. A line without end is an error and not a memory that grows.
 */
import { HoldfastError } from '../lib/error.ts';

/**
 * Complete lines without their newline; an unfinished last line is dropped.
 *
 * @throws HoldfastError PIPE_GARBLED when a line is longer than `longest` characters.
 */
export async function* lines(
  stream: AsyncIterable<Buffer | string>,
  longest: number,
): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      yield line;
    }
    if (rest.length > longest) throw new HoldfastError('PIPE_GARBLED', { longest });
  }
}
