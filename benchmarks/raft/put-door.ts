/**
 * The door by which a member of ours is asked in etcd's words: HTTP/2 over TCP, one `Put` a stream. It
 * stands in the member's own process, as etcd's does, and turns each put into a command.
 */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import { EMPTY_FRAME, PUT_PATH, valueOfPut } from './put-wire.ts';

const OK = 0;
const INVALID_ARGUMENT = 3;
const UNAVAILABLE = 14;
const MAX_FRAME_BYTES = 4096;

export class PutDoor {
  readonly #put: (value: string) => Promise<void>;
  readonly #server: Http2Server;

  constructor(put: (value: string) => Promise<void>) {
    this.#put = put;
    this.#server = createServer();
    this.#server.on('stream', (stream, headers) => this.#take(stream, headers[':path'] ?? ''));
    // A client that went away has nobody to be told.
    this.#server.on('sessionError', () => undefined);
  }

  async start(door: string): Promise<void> {
    const [host = '', port = ''] = door.split(':');
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(Number(port), host, () => resolve());
    });
  }

  stop(): void {
    this.#server.close();
  }

  #take(stream: ServerHttp2Stream, path: string): void {
    const chunks: Buffer[] = [];
    let bytes = 0;
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > MAX_FRAME_BYTES) stream.destroy();
      else chunks.push(chunk);
    });
    stream.on('end', () => {
      const value = path === PUT_PATH ? valueOfPut(Buffer.concat(chunks)) : null;
      if (value === null) answer(stream, INVALID_ARGUMENT);
      else {
        this.#put(value).then(
          () => answer(stream, OK),
          () => answer(stream, UNAVAILABLE),
        );
      }
    });
  }
}

function answer(stream: ServerHttp2Stream, status: number): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
  stream.end(EMPTY_FRAME);
}
