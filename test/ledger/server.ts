/**
 * `node server.ts HOST:PORT DIRECTORY`: the ledger as a program, the application of every
 * laboratory. It says on its standard output, as JSON, when it listens. It ends with status 1 when
 * a write or an fsync failed, 2 on misuse.
 *
 * `LEDGER_SABOTAGE=no-fsync` is the negative control: it acknowledges out of memory and writes
 * late, so that a laboratory which then reports no loss is known to be blind.
 */

import { flushCompileCache } from 'node:module';
import { FileStore } from './file-store.ts';
import { Ledger } from './ledger.ts';
import { LedgerServer } from './ledger-server.ts';
import type { Owner } from './protocol.ts';

const lateWriteMs = 2_000;

function fail(status: number, text: string): never {
  process.stderr.write(`ledger: ${text}\n`);
  process.exit(status);
}

const [endpoint, directory] = process.argv.slice(2);
const [, host, port] = /^\[?(.+?)\]?:(\d+)$/.exec(endpoint ?? '') ?? [];
if (host === undefined || directory === undefined) fail(2, 'usage: server.ts HOST:PORT DIRECTORY');

const sabotage = process.env['LEDGER_SABOTAGE'];
if (sabotage !== undefined && sabotage !== '' && sabotage !== 'no-fsync') {
  fail(2, `LEDGER_SABOTAGE=${sabotage} is not known (no-fsync)`);
}

const owner: Owner = {
  group: process.env['HOLDFAST_GROUP'] ?? '',
  node: process.env['HOLDFAST_NODE'] ?? '',
  epoch: Number(process.env['HOLDFAST_EPOCH'] ?? 0),
  reason: process.env['HOLDFAST_REASON'] ?? '',
  previousOwner: process.env['HOLDFAST_PREVIOUS_OWNER'] ?? '',
};

try {
  const store = new FileStore({
    directory,
    ...(sabotage === 'no-fsync' ? { lateWriteMs } : {}),
    onTorn: (bytes) => process.stderr.write(`ledger: cut off a torn end of ${bytes} bytes\n`),
  });
  const ledger = new Ledger(store);
  await ledger.start();
  const server = new LedgerServer({
    ledger,
    owner,
    host,
    port: Number(port),
    onFailure: (error) => fail(1, `a write is not durable: ${error}`),
  });
  const listening = await server.start();
  const startMs = Math.round(performance.now());
  flushCompileCache(); // it will be killed: this is its only chance
  console.log(
    JSON.stringify({ listening: `${host}:${listening}`, records: ledger.count, startMs }),
  );
} catch (error) {
  fail(1, String(error));
}
