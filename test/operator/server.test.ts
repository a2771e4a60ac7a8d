import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';
import {
  createOperatorServer,
  type OperatorServer,
  type OperatorServerOptions,
} from '../../src/operator/server.ts';
import { FakeDaemon, INQUORATE } from './fake-daemon.ts';
import { ask, sendBytes, until } from './unix-client.ts';

let directory = '';
let socketPath = '';
let daemon = new FakeDaemon();
const servers: OperatorServer[] = [];

async function serve(options: Partial<OperatorServerOptions> = {}): Promise<OperatorServer> {
  const server = createOperatorServer({ daemon, socketPath, version: '0.1.0', ...options });
  await server.start();
  servers.push(server);
  return server;
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-operator-'));
  socketPath = join(directory, 'holdfast.sock');
  daemon = new FakeDaemon();
});

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('the socket', () => {
  it('is there for owner and group only, and gone after the end', async () => {
    const server = await serve();
    expect(statSync(socketPath).isSocket()).toBe(true);
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
    await server.stop();
    expect(existsSync(socketPath)).toBe(false);
  });

  it('leaves the mask of the process as it was', async () => {
    const before = process.umask();
    await serve();
    expect(process.umask()).toBe(before);
  });

  it('of a living daemon is not taken away, and that daemon goes on answering', async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: 'SOCKET_IN_USE' });
    expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
  });

  it('of a daemon that was killed is taken over', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => console.log('up'))`;
    const killed = spawn(process.execPath, ['-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(statSync(socketPath).isSocket()).toBe(true);
    await serve();
    expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
  });

  it('is not made in place of a file, and the file stays as it was', async () => {
    writeFileSync(socketPath, 'precious');
    await expect(serve()).rejects.toMatchObject({ code: 'NOT_A_SOCKET' });
    expect(readFileSync(socketPath, 'utf8')).toBe('precious');
  });

  it('in a directory that does not exist two levels up is refused', async () => {
    socketPath = join(directory, 'a', 'b', 'holdfast.sock');
    await expect(serve()).rejects.toMatchObject({ code: 'SOCKET_UNUSABLE' });
  });

  it('in a directory that is missing alone is made with it', async () => {
    socketPath = join(directory, 'run', 'holdfast.sock');
    await serve();
    expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
  });
});

describe('answers', () => {
  it('status, members and groups come from one status of the daemon', async () => {
    await serve();
    const status = await ask(socketPath, 'GET', '/v1/status');
    expect(status.json).toMatchObject({ clusterId: 'lab', stale: false, data: { term: 7 } });
    const members = await ask(socketPath, 'GET', '/v1/members?current=true');
    expect(members.json).toMatchObject({ data: [{ node: 'node1' }, {}, { self: true }] });
    const groups = await ask(socketPath, 'GET', '/v1/groups?current=false');
    expect(groups.json).toMatchObject({ data: [{ group: 'ledger', owner: 'node2' }] });
    expect(daemon.asked).toEqual([
      ['status', { current: false }],
      ['status', { current: true }],
      ['status', { current: false }],
    ]);
  });

  it('without a majority the answer comes all the same and says that it is stale', async () => {
    daemon.stale = true;
    daemon.clusterStatus = INQUORATE;
    await serve();
    const status = await ask(socketPath, 'GET', '/v1/status?current=true');
    expect(status.status).toBe(200);
    expect(status.json).toMatchObject({ stale: true, data: { quorate: false } });
  });

  it('timeline and history take what they are asked', async () => {
    await serve();
    await ask(socketPath, 'GET', '/v1/timeline');
    await ask(socketPath, 'GET', '/v1/timeline?group=ledger');
    await ask(socketPath, 'GET', '/v1/history');
    const last = await ask(socketPath, 'GET', '/v1/history?limit=1');
    expect(last.json).toMatchObject({ data: [{ index: 1041 }] });
    expect(daemon.asked).toEqual([
      ['timelines', { group: null }],
      ['timelines', { group: 'ledger' }],
      ['history', { limit: 50 }],
      ['history', { limit: 1 }],
    ]);
  });

  it('a move and a mode reach the daemon with the name of who asked', async () => {
    await serve();
    const uid = process.getuid?.();
    const headers = {
      'x-holdfast-operator': encodeURIComponent('ada\u00e9 '),
      'x-holdfast-reason': encodeURIComponent('a fan is loud\u0007'),
    };
    await ask(socketPath, 'POST', '/v1/groups/ledger/move', { body: '{"to":"node1"}', headers });
    await ask(socketPath, 'POST', '/v1/groups/ledger/move');
    await ask(socketPath, 'POST', '/v1/members/node1/role', { body: '{"role":"leaving"}' });
    const body = JSON.stringify({ subject: { kind: 'node', node: 'node1' }, mode: 'standby' });
    await ask(socketPath, 'POST', '/v1/mode', { body });
    expect(daemon.asked).toEqual([
      ['move', { group: 'ledger', to: 'node1' }, `adaé (uid ${uid}), because a fan is loud`],
      ['move', { group: 'ledger', to: null }, `operator (uid ${uid})`],
      ['setRole', { node: 'node1', role: 'leaving', force: false }, `operator (uid ${uid})`],
      ['setMode', { kind: 'node', node: 'node1' }, 'standby', `operator (uid ${uid})`],
    ]);
  });

  it('metrics are text for Prometheus', async () => {
    await serve();
    const metrics = await ask(socketPath, 'GET', '/metrics');
    expect(metrics.type).toContain('text/plain; version=0.0.4');
    expect(metrics.text).toBe('holdfast_raft_term 7\n');
  });

  it('the OpenAPI document names every path that is answered', async () => {
    await serve();
    const { json } = await ask(socketPath, 'GET', '/v1/openapi.json');
    const paths = Object.entries(json['paths'] ?? {}).flatMap(([path, methods]) =>
      Object.keys(methods as object).map((method) => [method.toUpperCase(), path] as const),
    );
    expect(paths.map(([method, path]) => `${method} ${path}`)).toEqual([
      'GET /v1/status',
      'GET /v1/members',
      'GET /v1/groups',
      'GET /v1/timeline',
      'GET /v1/history',
      'POST /v1/groups/{group}/move',
      'GET /v1/latency',
      'GET /v1/groups/{group}/why',
      'GET /v1/members/{node}/why',
      'GET /v1/invitations',
      'POST /v1/invitations',
      'POST /v1/invitations/{peer}/revoke',
      'POST /v1/members/{node}/role',
      'POST /v1/mode',
      'GET /v1/events',
      'GET /metrics',
      'GET /v1/openapi.json',
    ]);
    for (const [method, path] of paths.filter(([, each]) => each !== '/v1/events')) {
      const real = (text: string): string =>
        text.replace('{node}', 'node1').replace(/\{\w+\}/, 'ledger');
      const { status } = await ask(socketPath, method, real(path));
      expect([200, 400]).toContain(status);
    }
  });
});

describe('a request that is refused does nothing:', () => {
  const move = '/v1/groups/ledger/move';
  it.each([
    ['a body that is no JSON', 'POST', move, '{"to": node1', 400, 'BAD_REQUEST'],
    ['garbage bytes', 'POST', move, '\u0000\u0001\ufffd', 400, 'BAD_REQUEST'],
    ['an empty body that claims to be JSON', 'POST', '/v1/mode', '', 400, 'BAD_REQUEST'],
    ['a list', 'POST', move, '[]', 400, 'BAD_REQUEST'],
    ['a key that is not known', 'POST', move, '{"to":"node1","force":true}', 400, 'BAD_REQUEST'],
    ['a number for a name', 'POST', move, '{"to":5}', 400, 'BAD_REQUEST'],
    ['an empty name', 'POST', move, '{"to":""}', 400, 'BAD_REQUEST'],
    ['a prototype', 'POST', move, '{"__proto__":{"to":"x"}}', 400, 'BAD_REQUEST'],
    [
      'a role that is none',
      'POST',
      '/v1/members/node1/role',
      '{"role":"boss"}',
      400,
      'BAD_REQUEST',
    ],
    [
      'a mode that is none',
      'POST',
      '/v1/mode',
      '{"subject":{"kind":"cluster"},"mode":"off"}',
      400,
      'BAD_REQUEST',
    ],
    [
      'a subject that is none',
      'POST',
      '/v1/mode',
      '{"subject":{"kind":"moon"},"mode":"online"}',
      400,
      'BAD_REQUEST',
    ],
    [
      'a body of a megabyte',
      'POST',
      move,
      `{"to":"${'x'.repeat(1 << 20)}"}`,
      413,
      'BODY_TOO_LARGE',
    ],
    ['a query that is not known', 'GET', '/v1/status?currant=true', undefined, 400, 'BAD_REQUEST'],
    [
      'a query value that is none',
      'GET',
      '/v1/status?current=maybe',
      undefined,
      400,
      'BAD_REQUEST',
    ],
    ['a limit that is no number', 'GET', '/v1/history?limit=all', undefined, 400, 'BAD_REQUEST'],
    ['a limit without bound', 'GET', '/v1/history?limit=99999', undefined, 400, 'BAD_REQUEST'],
    ['a query on a command', 'POST', `${move}?to=node1`, '{}', 400, 'BAD_REQUEST'],
    ['a path that is not there', 'GET', '/v2/status', undefined, 404, 'UNKNOWN_ROUTE'],
    ['a path that climbs', 'GET', '/../../etc/passwd', undefined, 404, 'UNKNOWN_ROUTE'],
    ['a GET of a command', 'GET', move, undefined, 405, 'METHOD_NOT_ALLOWED'],
    ['a DELETE of the status', 'DELETE', '/v1/status', undefined, 405, 'METHOD_NOT_ALLOWED'],
  ])('%s', async (_situation, method, path, body, status, code) => {
    await serve();
    const options = body === undefined ? {} : { body };
    const reply = await ask(socketPath, method, path, options);
    expect(reply.json).toMatchObject({
      code,
      status,
      cause: expect.stringMatching(/\w+/),
      remedy: expect.stringMatching(/\w+/),
    });
    expect(reply.status).toBe(status);
    expect(reply.type).toContain('application/problem+json');
    expect(daemon.asked).toEqual([]);
  });

  it('a body of another kind', async () => {
    await serve();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const reply = await ask(socketPath, 'POST', move, { body: 'to=node1', headers });
    expect(reply.json).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 });
    expect(daemon.asked).toEqual([]);
  });

  it('bytes that are no HTTP', async () => {
    await serve();
    const reply = await sendBytes(socketPath, Buffer.from([0x16, 3, 1, 0, 0xff, 13, 10, 13, 10]));
    expect(reply).toContain('HTTP/1.1 400');
    expect(reply).toContain('"code":"BAD_REQUEST"');
    expect((await ask(socketPath, 'GET', '/v1/status')).status).toBe(200);
  });

  it('says where it is wrong', async () => {
    await serve();
    const body = '{"subject":{"kind":"node","node":7},"mode":"off"}';
    const { json } = await ask(socketPath, 'POST', '/v1/mode', { body });
    expect(json).toMatchObject({
      context: { issues: [{ at: 'body.subject.node' }, { at: 'body.mode' }] },
    });
  });

  it('a wrong method is told the right one', async () => {
    await serve();
    expect((await ask(socketPath, 'GET', move)).headers['allow']).toBe('POST');
  });
});

describe('a refusal of the daemon', () => {
  it.each([
    ['UNKNOWN_GROUP', 404],
    ['UNKNOWN_NODE', 404],
    ['ALREADY_OWNER', 409],
    ['NODE_NOT_ELIGIBLE', 409],
    ['WOULD_LOSE_QUORUM', 409],
    ['STALE_EPOCH', 409],
    ['NO_QUORUM', 503],
    ['NOT_LEADER', 503],
    ['INTERNAL', 500],
  ] as const)(
    '%s becomes %d with cause, remedy and the facts of the case',
    async (code, status) => {
      const refusal = new HoldfastError(code, { group: 'ledger' });
      daemon.refusal = refusal;
      await serve();
      const reply = await ask(socketPath, 'POST', '/v1/groups/ledger/move', { body: '{}' });
      expect(reply.status).toBe(status);
      expect(reply.json).toMatchObject({ ...refusal.toProblem() });
    },
  );

  it('that is a bug is told as such, and is told to the log', async () => {
    const failures: unknown[] = [];
    daemon.refusal = new TypeError('x is not a function');
    await serve({ failed: (error) => failures.push(error) });
    const reply = await ask(socketPath, 'POST', '/v1/groups/ledger/move', { body: '{}' });
    expect(reply.json).toMatchObject({ code: 'INTERNAL', status: 500 });
    expect(failures).toEqual([daemon.refusal]);
  });

  it('that never comes ends with the bound', async () => {
    daemon.mute = true;
    await serve({ requestLimitMs: 50 });
    const reply = await ask(socketPath, 'GET', '/v1/status');
    expect(reply.json).toMatchObject({ code: 'REQUEST_TIMED_OUT', status: 504 });
  });
});

describe('the events', () => {
  type Watcher = { readonly text: () => string; readonly close: () => void };

  const watch = (): Promise<Watcher> =>
    new Promise((resolve, reject) => {
      let text = '';
      const outgoing = get({ socketPath, path: '/v1/events', agent: false }, (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', () => undefined);
        resolve({ text: () => text, close: () => outgoing.destroy() });
      });
      outgoing.on('error', reject);
    });

  const leader = (term: number) => ({ kind: 'leader', leader: 'node1', term }) as const;

  it('reach every client that watches, in order', async () => {
    await serve();
    const watchers = [await watch(), await watch()];
    daemon.emit(leader(8));
    daemon.emit(leader(9));
    for (const { text } of watchers) {
      await until(() => text().includes('"term":9'));
      expect(text().match(/event: leader\ndata: .*"term":\d/g)).toHaveLength(2);
    }
  });

  it('that a slow client missed are counted, and others lose nothing', async () => {
    await serve({ maxWaitingEvents: 4 });
    const slow = await new Promise<import('node:http').IncomingMessage>((resolve) => {
      get({ socketPath, path: '/v1/events', agent: false }, resolve);
    });
    slow.on('error', () => undefined);
    slow.pause();
    const detail = 'x'.repeat(100_000);
    const event = { kind: 'local', group: 'ledger', epoch: 6, state: 'serving', detail } as const;
    for (let n = 0; n < 40; n += 1) daemon.emit(event);
    const fast = await watch();
    daemon.emit(leader(9));
    await until(() => fast.text().includes('"term":9'));
    let text = '';
    slow.setEncoding('utf8');
    slow.on('data', (chunk: string) => {
      text += chunk;
    });
    slow.resume();
    await until(() => text.includes('"term":9'));
    const lost = [...text.matchAll(/"kind":"lost","lost":(\d+)/g)].map((match) => Number(match[1]));
    const received = [...text.matchAll(/event: (local|leader)\n/g)].length;
    expect(lost.length).toBeGreaterThan(0);
    expect(received + lost.reduce((sum, each) => sum + each, 0)).toBe(41);
    slow.destroy();
  });

  it('have a bound on how many watch, and a client that leaves makes room', async () => {
    await serve({ maxWatchers: 1 });
    const first = await watch();
    const refused = await ask(socketPath, 'GET', '/v1/events');
    expect(refused.json).toMatchObject({ code: 'TOO_MANY_WATCHERS', status: 503 });
    first.close();
    let second: Watcher | null = null;
    for (let attempt = 0; second === null && attempt < 200; attempt += 1) {
      const reply = await watch();
      daemon.emit(leader(attempt));
      await until(() => reply.text() !== '');
      if (reply.text().startsWith(': holdfast')) second = reply;
    }
    expect(second).not.toBeNull();
  });

  it('end with the server, which then listens to the daemon no more', async () => {
    const server = await serve();
    const watcher = await watch();
    expect(daemon.listeners).toBe(1);
    await server.stop();
    expect(daemon.listeners).toBe(0);
    watcher.close();
  });
});

describe('invitations', () => {
  it.each([
    ['a name that is too long', { node: 'n'.repeat(65) }],
    ['a role that nobody invites to', { role: 'leaving' }],
    ['a lifetime of a month', { lifetimeMs: 30 * 24 * 3_600_000 }],
    ['a lifetime of nothing', { lifetimeMs: 0 }],
    ['a word that nobody knows', { nodes: 'n4' }],
  ])('with %s are not understood, and nothing is done', async (_what, body) => {
    await serve();
    const reply = await ask(socketPath, 'POST', '/v1/invitations', { body: JSON.stringify(body) });
    expect(reply.status).toBe(400);
    expect(daemon.asked).toEqual([]);
  });

  it('that nobody knows are not there', async () => {
    daemon.refusal = new HoldfastError('INVITATION_UNKNOWN');
    await serve();
    const reply = await ask(socketPath, 'POST', '/v1/invitations/x/revoke', { body: '{}' });
    expect({ status: reply.status, code: reply.json['code'] }).toEqual({
      status: 404,
      code: 'INVITATION_UNKNOWN',
    });
  });
});
