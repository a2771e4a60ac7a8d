import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assetAt } from '../../src/dashboard/assets.ts';
import { Dashboard } from '../../src/dashboard/server.ts';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon } from '../operator/fake-daemon.ts';
import { until } from '../operator/unix-client.ts';

let directory = '';
let daemon = new FakeDaemon();
let server: OperatorServer | null = null;
let dashboard: Dashboard | null = null;
let link = new URL('http://127.0.0.1');

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-dashboard-'));
  const socketPath = join(directory, 'holdfast.sock');
  daemon = new FakeDaemon();
  server = createOperatorServer({ daemon, socketPath });
  await server.start();
  dashboard = new Dashboard({ socketPath, port: 0, operator: 'ada' });
  link = new URL(await dashboard.start());
});

afterEach(async () => {
  await dashboard?.stop();
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
};

function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Reply> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: link.port, path, method, headers, agent: false },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function cookie(): Promise<string> {
  const { headers } = await ask(`${link.pathname}${link.search}`);
  return String(headers['set-cookie']).split(';')[0] ?? '';
}

describe('whoever has the link', () => {
  it('is let in, and the token leaves the address line', async () => {
    const { status, headers } = await ask(`${link.pathname}${link.search}`);
    expect(status).toBe(303);
    expect(headers['location']).toBe('/');
    expect(String(headers['set-cookie'])).toMatch(/HttpOnly; SameSite=Strict/);
    const page = await ask('/', { headers: { cookie: await cookie() } });
    expect(page).toMatchObject({ status: 200 });
    expect(page.text).toContain('<h1>Holdfast</h1>');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  });

  it('asks the daemon, and orders with name and reason', async () => {
    const headers = { cookie: await cookie() };
    expect((await ask('/v1/status', { headers })).text).toContain('"clusterId":"lab"');
    const order = {
      ...headers,
      origin: `http://127.0.0.1:${link.port}`,
      'content-type': 'application/json',
      'x-holdfast-reason': 'a%20fan',
    };
    const path = '/v1/groups/ledger/move';
    const moved = await ask(path, { method: 'POST', headers: order, body: '{"to":"node1"}' });
    expect(moved.status).toBe(200);
    const uid = process.getuid?.();
    expect(daemon.asked.at(-1)).toEqual([
      'move',
      { group: 'ledger', to: 'node1', wishMs: 8 * 3_600_000 },
      `ada (uid ${uid}), because a fan`,
    ]);
  });

  it('follows the events', async () => {
    const options = { host: '127.0.0.1', port: link.port, path: '/v1/events', agent: false };
    let text = '';
    const outgoing = request({ ...options, headers: { cookie: await cookie() } }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => undefined);
    });
    outgoing.on('error', () => undefined).end();
    await until(() => text.includes(': holdfast events'));
    daemon.emit({ kind: 'leader', leader: 'node1', term: 9 });
    await until(() => text.includes('"term":9'));
    outgoing.destroy();
  });

  it('is told when no daemon answers', async () => {
    const headers = { cookie: await cookie() };
    await server?.stop();
    const { status, text } = await ask('/v1/status', { headers });
    expect(status).toBe(502);
    expect(text).toContain('DAEMON_UNREACHABLE');
  });
});

describe('is turned away, and nothing is done:', () => {
  const path = '/v1/groups/ledger/move';

  it.each<readonly [string, () => Promise<Reply>]>([
    ['nobody in particular', () => ask('/')],
    ['a wrong token', () => ask('/?token=wrong')],
    ['a wrong cookie', () => ask('/', { headers: { cookie: `holdfast-${link.port}=wrong` } })],
    [
      'a name of a stranger that leads here',
      async () => ask('/v1/status', { headers: { cookie: await cookie(), host: 'evil.example' } }),
    ],
    ['an order without a cookie', () => ask(path, { method: 'POST', body: '{}' })],
    [
      'an order of another page',
      async () => {
        const headers = { cookie: await cookie(), origin: 'http://evil.example' };
        return ask(path, { method: 'POST', headers, body: '{}' });
      },
    ],
    [
      'an order of no page',
      async () => ask(path, { method: 'POST', headers: { cookie: await cookie() }, body: '{}' }),
    ],
  ])('%s', async (_who, attempt) => {
    const { status, text } = await attempt();
    expect(status).toBe(403);
    expect(text).toContain('DASHBOARD_LINK');
    expect(daemon.asked).toEqual([]);
  });
});

describe('the files', () => {
  it('of the page are given out without their types', () => {
    expect(assetAt('/')?.type).toContain('text/html');
    const main = assetAt('/dashboard/page/main.ts');
    expect(main?.type).toContain('text/javascript');
    expect(main?.body).not.toContain('import type');
    expect(() => new Function(main?.body.replace(/^import .*$/gm, '') ?? '')).not.toThrow();
  });

  it('that it imports are all there', () => {
    const seen = new Set<string>();
    const follow = (path: string): void => {
      if (seen.has(path)) return;
      seen.add(path);
      const asset = assetAt(path);
      expect(asset, path).not.toBeNull();
      for (const [, target = ''] of asset?.body.matchAll(/from '(\.[^']+)'/g) ?? []) {
        follow(new URL(target, `http://x${path}`).pathname);
      }
    };
    follow('/dashboard/page/main.ts');
    expect(seen.size).toBeGreaterThan(10);
  });

  it.each([
    '/dashboard/server.ts',
    '/dashboard/page/../server.ts',
    '/dashboard/page/%2e%2e/server.ts',
    '/operator/server.ts',
    '/main.ts',
    '/../package.json',
    '/dashboard/page/tsconfig.json',
    '/dashboard/page/missing.ts',
  ])('%s is nobody’s business', (path) => {
    expect(assetAt(path)).toBeNull();
  });

  it('name nothing from elsewhere', () => {
    for (const name of ['index.html', 'style.css']) {
      const file = new URL(`../../src/dashboard/page/${name}`, import.meta.url);
      expect(readFileSync(file, 'utf8')).not.toMatch(/https?:\/\/|url\(/);
    }
  });
});
