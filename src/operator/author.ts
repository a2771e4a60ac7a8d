/**
 * Who ordered something and why, as the history keeps it: `alice (uid 1000), because the fan is loud`.
 * The uid is the kernel's word. The name and the reason are the client's, kept to what is harmless in
 * a log and bounded.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Both in percent-encoded UTF-8: a header holds ASCII only. */
export const REASON_HEADER = 'x-holdfast-reason';
export const OPERATOR_HEADER = 'x-holdfast-operator';

const MAX_NAME = 64;
const MAX_REASON = 200;

export function authorOf(headers: IncomingHttpHeaders, uid: number): string {
  const name = clean(decoded(headers[OPERATOR_HEADER]), MAX_NAME) || 'operator';
  const reason = clean(decoded(headers[REASON_HEADER]), MAX_REASON);
  return `${name} (uid ${uid})${reason === '' ? '' : `, because ${reason}`}`;
}

function decoded(header: string | readonly string[] | undefined): string {
  if (typeof header !== 'string') return '';
  try {
    return decodeURIComponent(header);
  } catch {
    // Not encoded, or cut in the middle: what it says is kept as it is.
    return header;
  }
}

/** No control characters: a history is printed on terminals. */
function clean(said: string | readonly string[] | undefined, limit: number): string {
  if (typeof said !== 'string') return '';
  return said.replace(/\p{C}/gu, '').trim().slice(0, limit);
}
