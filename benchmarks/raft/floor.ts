/**
 * What no commit can be faster than, measured in the same run: a round trip over raw TCP between two
 * processes, and a synced write of the same size. Beside it what the log store makes of such a write.
 */
import { once } from 'node:events';
import { closeSync, fdatasyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LevelLogStore } from '../../src/storage/index.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { PAYLOAD_BYTES } from './load.ts';
import { end, startModule } from './processes.ts';

const HERE = fileURLToPath(import.meta.url);
const ROUND_TRIPS = 500;
const WRITES = 200;
const WARM_UP = 50;

export type FloorTimes = {
  readonly roundTripsMs: readonly number[];
  readonly writesMs: readonly number[];
  readonly storeMs: readonly number[];
};

export async function measureFloor(directory: string): Promise<FloorTimes> {
  mkdirSync(directory, { recursive: true });
  return {
    roundTripsMs: await roundTrips(directory),
    writesMs: syncedWrites(join(directory, 'file')),
    storeMs: await storeWrites(join(directory, 'store')),
  };
}

async function roundTrips(directory: string): Promise<readonly number[]> {
  const child = startModule({ argv: [HERE], log: join(directory, 'echo.output') });
  const [port] = (await once(child, 'message')) as [number];
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  const data = Buffer.alloc(PAYLOAD_BYTES);
  const timesMs: number[] = [];
  for (let i = 0; i < WARM_UP + ROUND_TRIPS; i += 1) {
    const beganMs = monotonicClock.now();
    const answered = answer(socket);
    socket.write(data);
    await answered;
    if (i >= WARM_UP) timesMs.push(monotonicClock.now() - beganMs);
  }
  socket.destroy();
  await end(child, () => child.disconnect());
  return timesMs;
}

function answer(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.byteLength;
      if (bytes < PAYLOAD_BYTES) return;
      socket.off('data', take);
      resolve();
    };
    socket.on('data', take);
  });
}

/** At the end of a file that grows, as a log does. */
function syncedWrites(path: string): readonly number[] {
  const file = openSync(path, 'a');
  const data = Buffer.alloc(PAYLOAD_BYTES);
  const timesMs: number[] = [];
  for (let i = 0; i < WARM_UP + WRITES; i += 1) {
    const beganMs = monotonicClock.now();
    writeSync(file, data);
    fdatasyncSync(file);
    if (i >= WARM_UP) timesMs.push(monotonicClock.now() - beganMs);
  }
  closeSync(file);
  return timesMs;
}

async function storeWrites(directory: string): Promise<readonly number[]> {
  const store = await LevelLogStore.open({ directory, clusterId: 'floor', node: 'node1' });
  const data = new Uint8Array(PAYLOAD_BYTES);
  const timesMs: number[] = [];
  for (let index = 1; index <= WARM_UP + WRITES; index += 1) {
    const beganMs = monotonicClock.now();
    const entries = [{ kind: 'command', index, term: 1, data }] as const;
    await store.append({ mark: index, hardState: null, entries, snapshot: null });
    if (index > WARM_UP) timesMs.push(monotonicClock.now() - beganMs);
  }
  await store.close();
  return timesMs;
}

/** The other process: sends back what it gets. */
function echo(): void {
  const server = createServer({ noDelay: true }, (socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' ? address?.port : 0);
  });
  process.on('disconnect', () => process.exit(0));
}

if (process.argv[1] === HERE) echo();
