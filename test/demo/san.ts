/**
 * `node san.ts DIRECTORY HOST:PORT IDENTITY`: what the three daemons of the embedded demonstration share,
 * as a process of its own: a disk that enforces persistent reservations, and the network segment on
 * which an address belongs to whoever announced it last. Prints one line when both listen.
 */
import { join } from 'node:path';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../src/fencing/devices/emulated/server.ts';
import { Segment } from '../../src/resources/emulated/segment.ts';
import { monotonicClock } from '../../src/system/clock.ts';

const BLOCKS = 65_536;
const [directory = '', floating = '', identity = ''] = process.argv.slice(2);
const [host = '', port = ''] = floating.split(':');

const disk = new DiskServer({
  address: join(directory, 'disk.sock'),
  disks: { '0': { ...DEFAULT_TARGET, identity } },
  file: null,
  blocks: BLOCKS,
  writeDelayMs: 0,
  clock: monotonicClock,
});
const segment = new Segment({
  socketPath: join(directory, 'segment.sock'),
  endpoints: [{ address: 'ledger', host, port: Number(port) }],
  log: (line) => process.stderr.write(`${line}\n`),
});
await disk.start();
await segment.start();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
