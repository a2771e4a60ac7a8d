/**
 * Ten thousand requests that nobody should send, over few connections: each is answered with a problem
 * document, none reaches the daemon, and memory does not grow with their number.
 *
 * They come from a seeded generator, so a request that is answered wrongly is named by its number.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { ask } from './unix-client.ts';

const REQUESTS = 10_000;
const SEED = 20_261;
const CONNECTIONS = 8;

let directory = '';
let socketPath = '';
const daemon = new FakeDaemon();
const failures: unknown[] = [];
let server: OperatorServer | null = null;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-malformed-'));
  socketPath = join(directory, 'holdfast.sock');
  server = createOperatorServer({
    daemon,
    socketPath,
    failed: (error) => failures.push(error),
  });
  await server.start();
});

afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const { below } = seededRandom(SEED);
const one = <T>(items: readonly T[]): T => {
  const item = items[below(items.length)];
  if (item === undefined) throw new Error('an empty list');
  return item;
};

const BODIES: readonly (() => string)[] = [
  () => '{"to":',
  () => `{"to":${below(1e9)}}`,
  () => '[]',
  () => 'null',
  () => `{"subject":{"kind":"node"},"mode":"standby"}`,
  () => `{"__proto__":{"to":"node${below(9)}"}}`,
  () => `{"constructor":{"prototype":{"x":1}}}`,
  () => `{"to":"${'n'.repeat(65 + below(400))}"}`,
  () => '{"a":'.repeat(500 + below(500)),
  () =>
    String.fromCharCode(...Array.from({ length: 40 }, () => 1 + below(126))).replace(/\{/g, 'x'),
  () => `{"role":"voter","force":"${below(99)}"}`,
  () => `{"lifetimeMs":${-below(1e9)}}`,
];
const PATHS: readonly (() => string)[] = [
  () => '/v1/groups/ledger/move',
  () => '/v1/members/node1/role',
  () => '/v1/mode',
  () => '/v1/invitations',
];
const STRANGE: readonly (() => string)[] = [
  () => `/v1/status?current=${below(99)}`,
  () => `/v1/history?limit=-${below(99)}`,
  () => `/v1/history?limit=5&limit=${below(9)}`,
  () => `/v1/timeline?groop=${below(9)}`,
  () => `/v1/groups/ledger/why?x=${below(9)}`,
  () => `/v1/%2e%2e/%2e%2e/etc/passwd${below(9)}`,
  () => `/v${2 + below(9)}/status`,
  () => `/v1/groups/${'g'.repeat(70 + below(90))}/why`,
  () => `/v1/members/%ff%fe${below(9)}/why`,
  () => `//v1//status${below(9)}`,
];
const METHODS = ['PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const;

/** The bytes of one request with nothing in them that may be done. */
function malformed(): string {
  const head = `host: x\r\nx-holdfast-operator: %${below(99)}zz\r\n`;
  switch (below(4)) {
    case 0:
      return `GET ${one(STRANGE)()} HTTP/1.1\r\n${head}\r\n`;
    case 1:
      return `${one(METHODS)} ${one(PATHS)()} HTTP/1.1\r\n${head}\r\n`;
    default: {
      const body = one(BODIES)();
      const type = one(['application/json', 'application/json', 'text/plain', 'x/y']);
      const length = Buffer.byteLength(body);
      const more = `content-type: ${type}\r\ncontent-length: ${length}\r\n`;
      return `POST ${one(PATHS)()} HTTP/1.1\r\n${head}${more}\r\n${body}`;
    }
  }
}

/** Resolves when something has come, or nothing more will. */
async function more(socket: Socket): Promise<void> {
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([
    once(socket, 'data', { signal }),
    socket.closed ? undefined : once(socket, 'close', { signal }),
  ]);
  settled.abort();
}

/** Connections on which answers are read one after the other. */
class Connection {
  #socket: Socket | null = null;
  #text = '';

  async ask(bytes: string): Promise<{ readonly status: number; readonly body: string }> {
    const socket = await this.#open();
    socket.write(bytes);
    for (;;) {
      const end = this.#text.indexOf('\r\n\r\n');
      const head = this.#text.slice(0, Math.max(0, end));
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
      if (end >= 0 && this.#text.length >= end + 4 + length) {
        const body = this.#text.slice(end + 4, end + 4 + length);
        this.#text = this.#text.slice(end + 4 + length);
        if (/connection: close/i.test(head)) this.close();
        return { status: Number(head.split(' ')[1]), body };
      }
      await more(socket);
      if (socket.destroyed && this.#text === '') throw new Error('closed without an answer');
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket;
    const socket = connect(socketPath);
    this.#socket = socket;
    this.#text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      this.#text += chunk;
    });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  }
}

/** A problem document with all its parts, under a status that says whose fault it is. */
function isRefusal(status: number, body: string): boolean {
  const problem = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const words = [problem['cause'], problem['remedy']].every((one) => typeof one === 'string');
  const code = /^(?!FST_)[A-Z_]+$/.test(String(problem['code']));
  return [400, 404, 405, 413, 415].includes(status) && code && words;
}

/** Node shows its collector only under a flag, which can be set while it runs. */
const collectGarbage: () => void = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

it('control: an answer of the framework, or one without words, is no refusal', () => {
  expect(isRefusal(400, '{"code":"BAD_REQUEST","cause":"c","remedy":"r"}')).toBe(true);
  expect(isRefusal(400, '{"code":"FST_ERR_BAD_URL","cause":"c","remedy":"r"}')).toBe(false);
  expect(isRefusal(400, '{"code":"BAD_REQUEST","cause":"c"}')).toBe(false);
  expect(isRefusal(200, '{"code":"BAD_REQUEST","cause":"c","remedy":"r"}')).toBe(false);
});

it('control: what is well-formed is done, and would be seen', async () => {
  await ask(socketPath, 'POST', '/v1/groups/ledger/move', { body: '{"to":"node1"}' });
  expect(daemon.asked).toHaveLength(1);
  daemon.asked.length = 0;
});

it(`${REQUESTS} malformed requests are each refused in words, and nothing is done or kept`, async () => {
  const connections = Array.from({ length: CONNECTIONS }, () => new Connection());
  const sizes: number[] = [];
  const wrong: string[] = [];
  const round = async (count: number): Promise<void> => {
    const shares = connections.map(async (connection) => {
      for (let at = 0; at < count / CONNECTIONS; at += 1) {
        const bytes = malformed();
        const { status, body } = await connection.ask(bytes);
        if (!isRefusal(status, body)) wrong.push(`${status} ${body} to ${bytes.slice(0, 200)}`);
      }
    });
    await Promise.all(shares);
    collectGarbage();
    sizes.push(process.memoryUsage().heapUsed);
  };
  for (let done = 0; done < REQUESTS; done += REQUESTS / 10) await round(REQUESTS / 10);
  for (const connection of connections) connection.close();
  expect(wrong).toEqual([]);
  expect(daemon.asked).toEqual([]);
  expect(failures).toEqual([]);
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('to');
  // The first tenth warms everything up; from then on nothing may stay of a request.
  const [, early = 0] = sizes;
  expect((sizes.at(-1) ?? 0) - early).toBeLessThan(REQUESTS * 100);
  expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
}, 120_000);
