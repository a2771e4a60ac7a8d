import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon } from './fake-daemon.ts';
import { ask, sendBytes } from './unix-client.ts';

let directory = '';
let socketPath = '';
const daemon = new FakeDaemon();
let server: OperatorServer | null = null;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-garbage-'));
  socketPath = join(directory, 'holdfast.sock');
  server = createOperatorServer({ daemon, socketPath });
  await server.start();
});

afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('garbage on the socket', () => {
  it('in a body is refused with 400 and asks nothing of the daemon', async () => {
    const paths = fc.constantFrom('/v1/groups/ledger/move', '/v1/members/node1/role', '/v1/mode');
    const body = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.json().filter((text) => text !== '{}'),
    );
    await fc.assert(
      fc.asyncProperty(paths, body, async (path, text) => {
        const { status, json } = await ask(socketPath, 'POST', path, { body: text });
        expect(status).toBe(400);
        expect(json['code']).toBe('BAD_REQUEST');
      }),
      { numRuns: 200 },
    );
    expect(daemon.asked).toEqual([]);
  });

  it('in place of HTTP ends that connection and no other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        await sendBytes(socketPath, Buffer.concat([Buffer.from(bytes), Buffer.from('\r\n\r\n')]));
      }),
      { numRuns: 50 },
    );
    expect(daemon.asked).toEqual([]);
    expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
  });
});
