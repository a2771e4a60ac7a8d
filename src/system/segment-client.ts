/**
 * Speaks to the emulated network segment of the embedded demonstration: one line of JSON there, one
 * line back. It lives here, below the resources, because the guardian withdraws what a dead daemon
 * announced.
 */
import { createConnection, type Socket } from 'node:net';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';

export type SegmentRequest =
  /** Like a gratuitous ARP: from now on the address's traffic goes to `target` (`host:port`). */
  | {
      readonly kind: 'announce';
      readonly address: string;
      readonly node: string;
      readonly target: string;
    }
  /** Without effect when another node has announced the address since. */
  | { readonly kind: 'withdraw'; readonly address: string; readonly node: string }
  | { readonly kind: 'who-has'; readonly address: string };

export type SegmentReply =
  | { readonly ok: true; readonly node: string | null; readonly target: string | null }
  | { readonly ok: false; readonly reason: string };

const LONGEST_REPLY = 4_096;

/**
 * Asks the segment at `segment`, the path of a Unix socket or `host:port`.
 *
 * @throws HoldfastError SEGMENT_UNREACHABLE; the signal's reason when it aborts.
 */
export function askSegment(
  segment: string,
  request: SegmentRequest,
  options: { readonly timeoutMs: Millis; readonly signal: AbortSignal },
): Promise<SegmentReply> {
  return new Promise((resolve, reject) => {
    const connection = connect(segment);
    let reply = '';
    const conclude = (act: () => void) => {
      options.signal.removeEventListener('abort', aborted);
      connection.destroy();
      act();
    };
    const fail = (reason: string, errno = '') =>
      conclude(() => reject(new HoldfastError('SEGMENT_UNREACHABLE', { segment, reason, errno })));
    const aborted = () => conclude(() => reject(options.signal.reason));
    if (options.signal.aborted) return aborted();
    options.signal.addEventListener('abort', aborted, { once: true });
    connection.setTimeout(options.timeoutMs, () => fail('no answer in time'));
    connection.on('error', (error: NodeJS.ErrnoException) => fail(error.message, error.code));
    connection.on('close', () => fail('closed without an answer'));
    connection.on('data', (chunk) => {
      reply += chunk.toString('utf8');
      if (reply.includes('\n')) {
        const answer = parseReply(reply);
        if (answer === null) fail('an answer that cannot be read');
        else conclude(() => resolve(answer));
      } else if (reply.length > LONGEST_REPLY) fail('an answer without end');
    });
    connection.write(`${JSON.stringify(request)}\n`);
  });
}

function connect(segment: string): Socket {
  const endpoint = /^(?:\[([^\]]+)\]|([^:/]+)):(\d{1,5})$/.exec(segment);
  if (endpoint === null) return createConnection(segment);
  const host = endpoint[1] ?? endpoint[2] ?? '';
  return createConnection({ host, port: Number(endpoint[3]) });
}

function parseReply(line: string): SegmentReply | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'ok' in value
      ? (value as SegmentReply)
      : null;
  } catch {
    // Not JSON: the caller says so.
    return null;
  }
}
