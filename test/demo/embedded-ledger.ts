/**
 * `node embedded-ledger.ts HOST:PORT DISK INITIATOR`: the ledger of the embedded demonstration. It
 * writes through the emulated disk as its node's initiator, so that the node's reservation decides
 * whether a write lands. It ends with status 1 when a write is refused, and says why.
 */
import { parseEmulated } from '../../src/fencing/devices/emulated/address.ts';
import { EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import { Ledger } from '../ledger/ledger.ts';
import { LedgerServer } from '../ledger/ledger-server.ts';
import { BlockStore } from './block-store.ts';

const DISK_TIMEOUT_MS = 5_000;

function fail(status: number, text: string): never {
  process.stderr.write(`ledger: ${text}\n`);
  process.exit(status);
}

const [endpoint, device, initiator] = process.argv.slice(2);
const [, host, port] = /^(.+):(\d+)$/.exec(endpoint ?? '') ?? [];
if (host === undefined || device === undefined || initiator === undefined) {
  fail(2, 'usage: embedded-ledger.ts HOST:PORT DISK INITIATOR');
}

const env = (name: string): string => process.env[`HOLDFAST_${name}`] ?? '';
const disk = new EmulatedDisk({
  ...parseEmulated(device),
  initiator,
  path: 'a',
  timeoutMs: DISK_TIMEOUT_MS,
});
const ledger = new Ledger(new BlockStore(disk, DISK_TIMEOUT_MS));
try {
  await ledger.start();
  const server = new LedgerServer({
    ledger,
    owner: {
      group: env('GROUP'),
      node: env('NODE'),
      epoch: Number(env('EPOCH')),
      reason: env('REASON'),
      previousOwner: env('PREVIOUS_OWNER'),
    },
    host,
    port: Number(port),
    onFailure: (error) => fail(1, `a write is not durable: ${String(error)}`),
  });
  await server.start();
  console.log(JSON.stringify({ listening: endpoint, records: ledger.count }));
} catch (error) {
  fail(1, String(error));
}
