/**
 * The end of a connection, at once, in any state. libp2p's own `abort` first ends the streams, then
 * says goodbye, and throws when somebody who listened to the end of a stream was quicker, before it
 * comes to the socket. The second call finds the streams ended and goes for the socket.
 */
import type { Connection } from '@libp2p/interface';

/** RST: the peer sees it at once; what waits is lost. Never throws. */
export function abortConnection(connection: Connection, reason: string): void {
  const error = new Error(reason);
  try {
    connection.abort(error);
  } catch {
    try {
      connection.abort(error);
    } catch {
      // The socket had been closed before: nothing is left to end.
    }
  }
}
