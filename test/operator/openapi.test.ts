/** The description of the interface against the server that it describes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openApiDocument } from '../../src/operator/openapi.ts';
import { ROUTES } from '../../src/operator/routes.ts';
import { dataSchema, SCHEMAS } from '../../src/operator/schemas.ts';
import { createOperatorServer, type OperatorServer } from '../../src/operator/server.ts';
import { FakeDaemon, INQUORATE, QUORATE } from './fake-daemon.ts';
import { HISTORY } from './fake-history.ts';
import { ask } from './unix-client.ts';

let directory = '';
let socketPath = '';
let server: OperatorServer | null = null;
const daemon = new FakeDaemon();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-openapi-'));
  socketPath = join(directory, 'holdfast.sock');
  server = createOperatorServer({ daemon, socketPath });
  await server.start();
});

afterAll(async () => {
  await server?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const BODIES: Readonly<Record<string, unknown>> = {
  '/v1/groups/{group}/move': { to: 'node1' },
  '/v1/members/{node}/role': { role: 'leaving' },
  '/v1/mode': { subject: { kind: 'cluster' }, mode: 'standby' },
  '/v1/invitations': { node: 'node4' },
};
const described = ROUTES.filter(({ data }) => dataSchema(data) !== null);

describe('every answer', () => {
  it.each(described.map((route) => [route.method, route.path, route.data] as const))(
    '%s %s is %s, with no key more and none less',
    async (method, path, data) => {
      const real = path.replace('{group}', 'ledger').replace('{node}', 'node1');
      const body = method === 'POST' ? BODIES[path] : undefined;
      const options = body === undefined ? {} : { body: JSON.stringify(body) };
      for (const status of [QUORATE, INQUORATE]) {
        daemon.clusterStatus = status;
        const reply = await ask(socketPath, method, real.replace('{peer}', '12D3'), options);
        expect(reply.status).toBe(200);
        expect(dataSchema(data)?.safeParse(reply.json['data']).error?.issues ?? []).toEqual([]);
      }
    },
  );

  it('that is known today has a schema', () => {
    const known = new Set(described.map(({ path }) => path));
    for (const path of ['/v1/status', '/v1/members', '/v1/groups', '/v1/timeline', '/v1/history']) {
      expect(known).toContain(path);
    }
    expect(known.size).toBeGreaterThanOrEqual(12);
  });

  it('control: a key too many, one too few and a wrong kind are found', () => {
    const [group] = QUORATE.groups;
    const { epoch: _, ...without } = { ...group };
    const schema = SCHEMAS.GroupStatus;
    expect(schema.safeParse(group).success).toBe(true);
    expect(schema.safeParse({ ...group, surprise: 1 }).success).toBe(false);
    expect(schema.safeParse(without).success).toBe(false);
    expect(schema.safeParse({ ...group, owner: 7 }).success).toBe(false);
    expect(dataSchema('list of Nonsense')).toBeNull();
  });

  it('of the events is described as well', () => {
    const event = { kind: 'history', entry: HISTORY[1] };
    expect(SCHEMAS.ClusterEvent.safeParse(event).success).toBe(true);
    expect(SCHEMAS.ClusterEvent.safeParse({ kind: 'moon' }).success).toBe(false);
  });
});

describe('the document', () => {
  const document = openApiDocument('1.2.3') as Readonly<Record<string, unknown>>;

  it('is OpenAPI 3.1, and every reference in it leads somewhere', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(20);
    for (const [, path = ''] of references) {
      const target = path
        .split('/')
        .reduce<unknown>((at, key) => (at as Readonly<Record<string, unknown>>)?.[key], document);
      expect(target, path).toBeTypeOf('object');
    }
  });

  it('says what each answer holds', () => {
    const paths = document['paths'] as Record<string, Record<string, unknown>>;
    expect(JSON.stringify(paths['/v1/timeline']?.['get'])).toContain(
      '"data":{"type":"array","items":{"$ref":"#/components/schemas/Timeline"}}',
    );
    expect(JSON.stringify(paths['/v1/events']?.['get'])).toContain('last-event-id');
  });
});
