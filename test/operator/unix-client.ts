/** A client that sends exactly the bytes that a test means, over a Unix socket. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';

export type Reply = {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly json: Record<string, unknown>;
};

export function ask(
  socketPath: string,
  method: string,
  path: string,
  options: {
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<Reply> {
  const { body, headers } = options;
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const outgoing = request(
      { socketPath, method, path, headers: { ...type, ...headers }, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const contentType = response.headers['content-type'] ?? '';
          const json = /json/.test(contentType) ? JSON.parse(text) : {};
          resolve({
            status: response.statusCode ?? 0,
            type: contentType,
            headers: response.headers,
            text,
            json,
          });
        });
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Sends raw bytes and answers what comes back until the other side closes. */
export async function sendBytes(socketPath: string, bytes: string | Buffer): Promise<string> {
  const socket: Socket = connect(socketPath);
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

/** Resolves when `condition` holds; the bound is generous, since it is only there to end a failure. */
export async function until(condition: () => boolean, limitMs = 15_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
