/** Noise with fewer writes: the same bytes come out, also at the other end of a node without it. */
import { noise } from '@chainsafe/libp2p-noise';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { ConnectionEncrypter, MessageStream, StreamMuxerFactory } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { multiaddrConnectionPair } from '@libp2p/utils';
import { Uint8ArrayList } from 'uint8arraylist';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../src/mesh/silent-logger.ts';
import { thriftyNoise } from '../../src/mesh/thrifty-noise.ts';

const WINDOW = 400;
type Encrypter = ReturnType<typeof noise>;

async function encrypter(make: Encrypter): Promise<ConnectionEncrypter> {
  const privateKey = await generateKeyPair('Ed25519');
  const upgrader = { getStreamMuxers: () => new Map<string, StreamMuxerFactory>() };
  const peerId = peerIdFromPrivateKey(privateKey);
  return make({ privateKey, peerId, logger: silentLogger, upgrader } as Parameters<Encrypter>[0]);
}

/** Both ends of an encrypted connection, and what the first one writes to its socket. */
async function connected(here: Encrypter, there: Encrypter) {
  const [outbound, inbound] = multiaddrConnectionPair();
  const writes: number[] = [];
  const send = outbound.send.bind(outbound);
  outbound.send = (data) => {
    writes.push(data instanceof Uint8Array ? 1 : [...data].length);
    return send(data);
  };
  const [one, other] = await Promise.all([encrypter(here), encrypter(there)]);
  const [a, b] = await Promise.all([one.secureOutbound(outbound), other.secureInbound(inbound)]);
  writes.length = 0;
  return { a: a.connection, b: b.connection, writes, socket: outbound };
}

/** Resolves with all that came, when it is so much. */
function received(stream: MessageStream, bytes: number): Promise<Uint8Array> {
  const all = new Uint8ArrayList();
  return new Promise((resolve) => {
    stream.addEventListener('message', ({ data }) => {
      all.append(data);
      if (all.byteLength >= bytes) resolve(all.subarray());
    });
  });
}

const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);

/** A window update of Yamux without a flag, or with one. */
function update(stream: number, length: number, flags = 0): Uint8Array {
  const frame = new Uint8Array(12);
  const view = new DataView(frame.buffer);
  view.setUint8(1, 1);
  view.setUint16(2, flags);
  view.setUint32(4, stream);
  view.setUint32(8, length);
  return frame;
}

const THRIFTY = thriftyNoise(WINDOW);
const PLAIN = noise();

describe.each([
  ['both thrifty', THRIFTY, THRIFTY],
  ['the other end without it', THRIFTY, PLAIN],
  ['this end without it', PLAIN, THRIFTY],
] as const)('%s', (_name, here, there) => {
  test('what is said arrives, in order, in any size', async () => {
    const { a, b } = await connected(here, there);
    const sizes = [1, 100, 2, 70_000, 1300, 140_000, 5];
    const sent = new Uint8ArrayList(...sizes.map((size, i) => bytes(size, i)));
    const there_ = received(b, sent.byteLength);
    const here_ = received(a, 3);
    for (const [i, size] of sizes.entries()) a.send(bytes(size, i));
    b.send(Uint8Array.of(7, 8, 9));
    expect(Buffer.compare(await there_, sent.subarray())).toBe(0);
    expect([...(await here_)]).toEqual([7, 8, 9]);
  });
});

test('what is said in one turn is one write, where libp2p alone makes two of each', async () => {
  for (const [make, expected] of [
    [THRIFTY, [1]],
    [PLAIN, [2, 2, 2]],
  ] as const) {
    const { a, b, writes } = await connected(make, PLAIN);
    const all = received(b, 30);
    for (let i = 0; i < 3; i += 1) a.send(bytes(10, i));
    await all;
    expect(writes).toEqual(expected);
  }
});

test('window updates wait until a quarter of the window is used up, for each stream by itself', async () => {
  const { a, b } = await connected(THRIFTY, PLAIN);
  const all = received(b, 3 * 12 + 1);
  a.send(update(1, 60));
  a.send(update(3, 60));
  a.send(update(1, 50));
  // A stream that begins or ends.
  a.send(update(5, 0, 1));
  a.send(update(3, 40));
  a.send(Uint8Array.of(9));
  const expected = new Uint8ArrayList(update(1, 110), update(5, 0, 1), update(3, 100));
  expect([...(await all)]).toEqual([...expected.subarray(), 9]);
});

test.each(['a', 'socket'] as const)(
  'what was said before %s is closed leaves before',
  async (which) => {
    const ends = await connected(THRIFTY, PLAIN);
    const all = received(ends.b, 10);
    ends.a.send(bytes(10, 1));
    await ends[which].close();
    expect(await all).toEqual(bytes(10, 1));
  },
);
