/** Strangers with bytes: what they can send to the doors of a daemon, and nothing that they may. */
import { createSocket } from 'node:dgram';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type Random, seededRandom } from '../../../src/lib/random.ts';

const ANSWER_LIMIT_MS = 10_000;

/** The same bytes each time. */
export function garbage(seed: number, length: number): Buffer {
  const random: Random = seededRandom(seed);
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** Sends `bytes` on a connection of its own and waits, bounded, until the other side closes it. */
export async function throwAt(where: NetConnectOpts, bytes: Buffer | string): Promise<string> {
  const socket = connect(where);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk;
  });
  socket.on('error', () => undefined); // a reset is an answer, too
  socket.write(bytes);
  const limit = setTimeout(() => socket.destroy(), ANSWER_LIMIT_MS);
  await new Promise((resolve) => socket.once('close', resolve));
  clearTimeout(limit);
  return text;
}

/** Opens `count` connections and says nothing on them. Those that are refused count as well. */
export async function occupy(where: NetConnectOpts, count: number): Promise<readonly Socket[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect(where);
      socket.on('error', () => undefined);
      await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
      return socket;
    }),
  );
}

/** Sends datagrams, one after the other, and resolves when the kernel has taken the last one. */
export async function datagrams(
  { host, port }: { readonly host: string; readonly port: number },
  messages: readonly (Buffer | string)[],
): Promise<void> {
  const socket = createSocket('udp4');
  for (const message of messages) {
    await new Promise((resolve) => socket.send(message, port, host, resolve));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}
