/**
 * Knocks at a closed port of an address a hundred times a second, until it is killed, and prints the
 * monotonic time (ms, of this host) of each answer: `node knock.ts ADDRESS`.
 */
import { createConnection } from 'node:net';
import { monotonicClock } from '../../../src/system/clock.ts';

const [host = ''] = process.argv.slice(2);
setInterval(() => {
  const socket = createConnection({ host, port: 9 });
  socket.setTimeout(5_000, () => socket.destroy());
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') process.stdout.write(`${monotonicClock.now()}\n`);
  });
}, 10);
