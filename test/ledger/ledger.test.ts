/**
 * The ledger judged as everything else is judged by it: by what survives, and by what is noticed
 * when it does not.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { decode, encode, FileStore } from './file-store.ts';
import { Ledger } from './ledger.ts';
import { LedgerServer } from './ledger-server.ts';
import { LineConnection } from './line-connection.ts';
import { LoadGenerator } from './load-generator.ts';
import { Prober } from './prober.ts';
import type { LedgerRecord, RecordStore } from './record-store.ts';

const record = (seq: number, client = 'c'): LedgerRecord => ({
  client,
  seq,
  payload: `${client}-${seq}`,
  node: 'node1',
  epoch: 1,
});
const until = (condition: () => boolean): Promise<void> =>
  vi.waitUntil(condition, { timeout: 10_000, interval: 5 }).then(() => {});

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ledger-test-'));
});
afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  rmSync(directory, { recursive: true, force: true });
});

/** A store in the test's directory, closed with it: a power-off closes nothing in order either. */
const stores: FileStore[] = [];
function fileStore(onTorn?: (bytes: number) => void): FileStore {
  const store = new FileStore({ directory, ...(onTorn === undefined ? {} : { onTorn }) });
  stores.push(store);
  return store;
}

const owner = (node: string, epoch: number) => ({
  group: 'g',
  node,
  epoch,
  reason: 'boot',
  previousOwner: '',
});

async function serve(
  store: RecordStore,
  { port = 0, node = 'node1', epoch = 1, onFailure = (_: unknown): void => {} } = {},
): Promise<{ readonly server: LedgerServer; readonly port: number }> {
  const ledger = new Ledger(store);
  await ledger.start();
  const server = new LedgerServer({
    ledger,
    owner: owner(node, epoch),
    host: '127.0.0.1',
    port,
    onFailure,
  });
  return { server, port: await server.start() };
}

describe('the file store', () => {
  it('reads back what it appended, in order', async () => {
    const store = fileStore();
    await store.readAll();
    await store.append([record(1), record(2)]);
    await store.append([record(3)]);
    expect(await fileStore().readAll()).toEqual([record(1), record(2), record(3)]);
  });

  it('cuts off a torn last line and appends behind the last whole one', async () => {
    const path = join(directory, 'ledger');
    writeFileSync(path, Buffer.concat([encode(record(1)), encode(record(2))]));
    truncateSync(path, readFileSync(path).length - 3);
    const torn = vi.fn();
    const store = fileStore(torn);
    expect(await store.readAll()).toEqual([record(1)]);
    expect(torn).toHaveBeenCalledOnce();
    await store.append([record(3)]);
    expect(decode(readFileSync(path)).records).toEqual([record(1), record(3)]);
  });

  it('does not take a whole line for a record when its checksum does not fit', () => {
    const bytes = Buffer.concat([encode(record(1)), encode(record(2))]);
    bytes.write('X', bytes.length - 5);
    expect(decode(bytes).records).toEqual([record(1)]);
    expect(decode(Buffer.concat([encode(record(1)), Buffer.alloc(4096)])).records).toHaveLength(1);
  });
});

describe('the ledger', () => {
  it('acknowledges nothing before the store said that it is durable', async () => {
    const gate = Promise.withResolvers<void>();
    const batches: number[] = [];
    const ledger = new Ledger({
      readAll: async () => [],
      append: async (records) => {
        batches.push(records.length);
        await gate.promise;
      },
      close: async () => {},
    });
    await ledger.start();
    const done = vi.fn();
    const appended = [1, 2, 3].map((seq) => ledger.append(record(seq)).then(done));
    await until(() => batches.length === 1);
    expect(done).not.toHaveBeenCalled();
    expect(ledger.count).toBe(0);
    gate.resolve();
    await Promise.all(appended);
    expect(batches).toEqual([1, 2]); // What came while the disk was busy went down together.
    expect(ledger.count).toBe(3);
  });

  it('stores a record that is asked for twice once, also while it is on its way', async () => {
    const store = fileStore();
    const ledger = new Ledger(store);
    await ledger.start();
    await Promise.all([ledger.append(record(1)), ledger.append(record(1))]);
    await ledger.append(record(1));
    expect(ledger.count).toBe(1);
    expect(decode(readFileSync(join(directory, 'ledger'))).records).toHaveLength(1);
  });

  it('answers nobody after a failed write, and says so once and for all', async () => {
    const failing: RecordStore = {
      readAll: async () => [],
      append: () => Promise.reject(new Error('EIO')),
      close: async () => {},
    };
    const onFailure = vi.fn();
    const { server, port } = await serve(failing, { onFailure });
    const connection = await LineConnection.open({ host: '127.0.0.1', port }, 1_000);
    const asked = connection.ask({ op: 'append', client: 'c', seq: 1, payload: 'p' }, 5_000);
    await expect(asked).rejects.toMatchObject({ name: 'NoAnswer' });
    expect(onFailure).toHaveBeenCalled();
    await server.stop();
  });
});

describe('the load generator', () => {
  it('finds every acknowledged record after the server died and came back as another node', async () => {
    const first = await serve(fileStore());
    const load = new LoadGenerator({ host: '127.0.0.1', port: first.port, client: 'c' });
    load.start();
    await until(() => load.acknowledged > 20);
    await first.server.stop();
    const second = await serve(fileStore(), {
      port: first.port,
      node: 'node2',
      epoch: 2,
    });
    await until(() => load.outages.length === 1);
    await load.stop();
    expect(load.outages[0]).toMatchObject({ before: 'node1#1', after: 'node2#2' });
    expect(await load.verify()).toMatchObject({ ok: true, lost: 0, phantom: 0 });
    await second.server.stop();
  });

  it('reports a lost record: an acknowledged line is taken out of the file', async () => {
    const first = await serve(fileStore());
    const load = new LoadGenerator({ host: '127.0.0.1', port: first.port, client: 'c' });
    load.start();
    await until(() => load.acknowledged >= 5);
    await load.stop();
    await first.server.stop();
    const path = join(directory, 'ledger');
    const { records } = decode(readFileSync(path));
    writeFileSync(path, Buffer.concat(records.filter((r) => r.seq !== 3).map(encode)));
    const second = await serve(fileStore(), { port: first.port });
    expect(await load.verify()).toMatchObject({
      ok: false,
      lost: 1,
      phantom: 0,
      examples: ['lost c/3'],
    });
    await second.server.stop();
  });

  it('reports a phantom: a record that nobody sent, or that is there twice', async () => {
    const first = await serve(fileStore());
    const load = new LoadGenerator({ host: '127.0.0.1', port: first.port, client: 'c' });
    load.start();
    await until(() => load.acknowledged >= 5);
    await load.stop();
    await first.server.stop();
    appendFileSync(
      join(directory, 'ledger'),
      Buffer.concat([encode(record(1)), encode(record(9e9))]),
    );
    const second = await serve(fileStore(), { port: first.port });
    expect(await load.verify()).toMatchObject({ ok: false, lost: 0, phantom: 2 });
    await second.server.stop();
  });

  it('measures an outage even when the server accepts and never answers', async () => {
    let silent = false;
    const store = fileStore();
    const { server, port } = await serve({
      readAll: () => store.readAll(),
      append: (records) => (silent ? new Promise(() => {}) : store.append(records)),
      close: () => store.close(),
    });
    const load = new LoadGenerator({ host: '127.0.0.1', port, client: 'c', answerTimeoutMs: 50 });
    load.start();
    await until(() => load.acknowledged > 3);
    silent = true;
    await until(() => 'ANSWER_TIMEOUT' in load.failures);
    await server.stop();
    const second = await serve(fileStore(), { port });
    await until(() => load.outages.length > 0);
    expect(load.outages[0]?.failures).toHaveProperty('ANSWER_TIMEOUT');
    await load.stop();
    expect(await load.verify()).toMatchObject({ ok: true });
    await second.server.stop();
  });
});

describe('the prober', () => {
  it('tells which node answers, over a takeover', async () => {
    const first = await serve(fileStore(), { node: 'node1', epoch: 4 });
    const prober = new Prober({ host: '127.0.0.1', port: first.port, intervalMs: 1 });
    prober.start();
    await until(() => prober.answers.count > 2);
    await first.server.stop();
    const second = await serve(fileStore(), {
      port: first.port,
      node: 'node2',
      epoch: 5,
    });
    await until(() => prober.answers.owners.length === 2);
    await prober.stop();
    expect(prober.answers.owners.map((a) => a.node)).toEqual(['node1', 'node2']);
    expect(prober.answers.violations).toEqual([]);
    await second.server.stop();
  });
});

describe('the program', () => {
  const start = (sabotage: string, endpoint = '127.0.0.1:0') =>
    spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), endpoint, directory], {
      env: {
        ...process.env,
        LEDGER_SABOTAGE: sabotage,
        HOLDFAST_NODE: 'node7',
        HOLDFAST_EPOCH: '9',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const listening = async (child: ReturnType<typeof start>): Promise<number> => {
    for await (const line of createInterface({ input: child.stdout })) {
      return Number(String((JSON.parse(line) as { listening: string }).listening).split(':')[1]);
    }
    throw new Error('the ledger ended before it listened');
  };

  it.each([
    ['', 0],
    ['no-fsync', 1],
  ])('killed at once with sabotage "%s", it loses records: %i', async (sabotage, loses) => {
    const child = start(sabotage);
    const port = await listening(child);
    const load = new LoadGenerator({ host: '127.0.0.1', port, client: 'c' });
    load.start();
    await until(() => load.acknowledged > 5);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await load.stop();
    const again = start('', `127.0.0.1:${port}`);
    await listening(again);
    const verdict = await load.verify();
    expect(verdict.lost > 0 ? 1 : 0).toBe(loses);
    expect(verdict.phantom).toBe(0);
    again.kill('SIGKILL');
    await once(again, 'exit');
  });

  it('ends with status 1 when its directory cannot be written', async () => {
    rmSync(directory, { recursive: true });
    const child = start('');
    expect(await once(child, 'exit')).toEqual([1, null]);
  });

  it('answers who it is from its environment', async () => {
    const child = start('');
    const connection = await LineConnection.open(
      { host: '127.0.0.1', port: await listening(child) },
      1_000,
    );
    expect(await connection.ask({ op: 'who' }, 1_000)).toMatchObject({ node: 'node7', epoch: 9 });
    connection.close();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});
