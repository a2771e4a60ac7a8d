/**
 * The client of both contenders: puts over one HTTP/2 connection, as many at once as it is asked for.
 * Built on Node's own HTTP/2, so that no contender is measured through a library of its own.
 */
import { type ClientHttp2Session, connect } from 'node:http2';
import { PUT_PATH, putFrame } from './put-wire.ts';

const KEY = 'benchmark';

export class PutClient {
  readonly #session: ClientHttp2Session;

  private constructor(session: ClientHttp2Session) {
    this.#session = session;
  }

  /** @param door `host:port` */
  static async open(door: string): Promise<PutClient> {
    const session = connect(`http://${door}`);
    // The end of a session is told to each put that waits.
    session.on('error', () => undefined);
    const client = new PutClient(session);
    await new Promise<void>((resolve, reject) => {
      // The settings say how many streams the other side allows at once.
      session.once('remoteSettings', () => resolve());
      session.once('error', reject);
      session.once('close', () => reject(new Error('closed')));
    });
    return client;
  }

  /** Resolves when it was acknowledged as committed; rejects when it was not, or nobody knows. */
  put(value: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ':method': 'POST',
        ':path': PUT_PATH,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      let status: unknown;
      stream.on('response', (headers) => {
        status = headers['grpc-status'];
      });
      stream.on('trailers', (trailers) => {
        status = trailers['grpc-status'];
      });
      stream.on('error', reject);
      stream.on('close', () => {
        if (status === '0' || status === 0) resolve();
        else reject(new Error(`grpc-status ${String(status)}`));
      });
      stream.resume();
      stream.end(putFrame(KEY, value));
    });
  }

  close(): void {
    this.#session.destroy();
  }
}
