import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmulatedAddressAgent } from '../../src/resources/agents/emulated-address.ts';
import { Segment } from '../../src/resources/emulated/segment.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { askSegment } from '../../src/system/segment-client.ts';
import { undo } from '../../src/system/undo.ts';
import { type AgentLab, RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { until } from '../system/support/until.ts';
import { contextOf, resource } from './support/definitions.ts';

const calm = new AbortController().signal;
const agent = new EmulatedAddressAgent();
let directory: string;
let segment: Segment;
let socketPath: string;
let floatingPort: number;
const servers: Server[] = [];

async function application(name: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write(name);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return `127.0.0.1:${portOf(server)}`;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** What a client reads first at the floating port; empty when it is turned away. */
async function greeting(): Promise<string> {
  const socket = connect(floatingPort, '127.0.0.1');
  const heard = await new Promise<string>((resolve) => {
    socket.once('data', (chunk) => resolve(chunk.toString()));
    socket.once('error', () => resolve(''));
    socket.once('close', () => resolve(''));
  });
  socket.destroy();
  return heard;
}

const definition = (target: string) =>
  resource('emulated-address', { segment: socketPath, address: 'db', target });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-segment-'));
  socketPath = join(directory, 'segment.sock');
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  floatingPort = portOf(probe);
  probe.close();
  await once(probe, 'close');
  const endpoints = [{ address: 'db', host: '127.0.0.1', port: floatingPort }];
  segment = new Segment({ socketPath, endpoints, log: () => {} });
  await segment.start();
});

afterEach(async () => {
  await segment.stop();
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('an address on the emulated segment', () => {
  it.each(RESOURCE_AGENT_CONTRACT)('$name', async (clause) => {
    const filter = new PacketFilter({ clusterId: 'none', clock });
    const lab: AgentLab = {
      agent,
      definition: definition('127.0.0.1:1'),
      context: contextOf(),
      lease: async () => {},
      undo: (item) => undo(item, { filter, clock, timeoutMs: 20_000, signal: calm }),
      holds: false,
    };
    await reset(lab);
    await clause.run(lab);
  });

  it('nobody announced turns clients away', async () => {
    expect(await greeting()).toBe('');
  });

  it('brings clients to the node that announced it last, and cuts those of the other', async () => {
    const first = definition(await application('one'));
    const second = definition(await application('two'));
    await agent.start(first, contextOf({ node: 'node1' }));
    expect(await greeting()).toBe('one');
    const client = connect(floatingPort, '127.0.0.1');
    client.on('error', () => {});
    await once(client, 'data');
    await agent.start(second, contextOf({ node: 'node2' }));
    await until('the old connection is cut', () => client.destroyed);
    expect(await greeting()).toBe('two');
    expect(await agent.monitor(first, contextOf({ node: 'node1' }))).toMatchObject({ status: 7 });
    expect(await agent.monitor(second, contextOf({ node: 'node2' }))).toMatchObject({ status: 0 });
  });

  it('is not withdrawn by a node that has lost it', async () => {
    const first = definition(await application('one'));
    const second = definition(await application('two'));
    await agent.start(first, contextOf({ node: 'node1' }));
    await agent.start(second, contextOf({ node: 'node2' }));
    await agent.stop(first, contextOf({ node: 'node1' }));
    expect(await greeting()).toBe('two');
  });

  it('without a segment cannot start, but is down all the same', async () => {
    await segment.stop();
    const lost = definition('127.0.0.1:1');
    expect(await agent.start(lost, contextOf())).toMatchObject({ code: 'SEGMENT_UNREACHABLE' });
    const filter = new PacketFilter({ clusterId: 'none', clock });
    for (const item of agent.teardown(lost, contextOf())) {
      await undo(item, { filter, clock, timeoutMs: 20_000, signal: calm });
    }
    await segment.start();
  });

  it('refuses words that it does not know, and names that it does not have', async () => {
    const options = { timeoutMs: 20_000, signal: calm };
    const request = { kind: 'announce', address: 'web', node: 'a', target: 'b:1' } as const;
    expect(await askSegment(socketPath, request, options)).toMatchObject({ ok: false });
    const words = { kind: 'bribe' } as unknown as typeof request;
    expect(await askSegment(socketPath, words, options)).toMatchObject({ ok: false });
  });
});
