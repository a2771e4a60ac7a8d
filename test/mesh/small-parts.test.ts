import { describe, expect, test } from 'vitest';
import { parseAddress, sourceAddress, toMultiaddr } from '../../src/mesh/address.ts';
import { encodeValue } from '../../src/mesh/codec.ts';
import { encodeHello, judgeHello } from '../../src/mesh/hello.ts';
import { RefusalLog } from '../../src/mesh/refusal-log.ts';
import { SendQueue } from '../../src/mesh/send-queue.ts';

describe('address', () => {
  test.each([
    ['192.0.2.1:7400', '/ip4/192.0.2.1/tcp/7400'],
    ['[2001:db8::1]:7400', '/ip6/2001:db8::1/tcp/7400'],
    ['node1.example.org:1', '/dns/node1.example.org/tcp/1'],
  ])('%s is dialled as %s', (text, expected) => {
    expect(toMultiaddr(parseAddress(text)).toString()).toBe(expected);
  });

  test.each([
    '',
    '192.0.2.1',
    '192.0.2.1:',
    '192.0.2.1:0',
    '192.0.2.1:65536',
    ':7400',
    '2001:db8::1:7400',
    '[192.0.2.1]:7400',
    'a b:1',
    'http://a:1',
  ])('%j is no address', (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'ADDRESS_INVALID' }));
  });

  test('dials leave from the own address, unless it is a name', () => {
    expect(sourceAddress({ host: '192.0.2.1', port: 1 })).toEqual({ localAddress: '192.0.2.1' });
    expect(sourceAddress({ host: 'node1', port: 1 })).toEqual({});
  });
});

describe('greeting', () => {
  const hello = { clusterId: 'c', node: 'a', interconnect: 'red', incarnation: 5 };
  const expected = { clusterId: 'c', node: 'a', interconnect: 'red' };

  test('what is expected is accepted', () => {
    expect(judgeHello(encodeHello(hello), expected)).toEqual({
      ok: true,
      value: { ...hello, version: 1 },
    });
  });

  test('leases are compared where both sides tell theirs', () => {
    const ok = { ok: true };
    expect(judgeHello(encodeHello({ ...hello, leaseMs: 360 }), expected)).toMatchObject(ok);
    const here = { ...expected, leaseMs: 360 };
    expect(judgeHello(encodeHello(hello), here)).toMatchObject(ok);
    expect(judgeHello(encodeHello({ ...hello, leaseMs: 360 }), here)).toMatchObject(ok);
  });

  test.each([
    ['WRONG_CLUSTER', encodeHello({ ...hello, clusterId: 'd' })],
    ['WRONG_NODE', encodeHello({ ...hello, node: 'b' })],
    ['WRONG_INTERCONNECT', encodeHello({ ...hello, interconnect: 'blue' })],
    ['LEASE_DIFFERS', encodeHello({ ...hello, leaseMs: 380 })],
    ['WRONG_VERSION', encodeValue({ holdfast: 2, whatever: 'came later' })],
    ['FRAME_GARBLED', encodeValue({ holdfast: 1 })],
    ['FRAME_GARBLED', encodeValue({ holdfast: 1, ...hello, incarnation: -1 })],
    ['FRAME_GARBLED', encodeValue('hello')],
    ['FRAME_GARBLED', Uint8Array.of(0xc1)],
  ])('%s is told', (code, frame) => {
    const here = { ...expected, leaseMs: 360 };
    expect(judgeHello(frame, here)).toMatchObject({ ok: false, error: { code } });
  });
});

describe('refusal log', () => {
  test('the first is told, the next ones are counted', () => {
    const log = new RefusalLog();
    expect(log.tell('X', 'peer', 'why', 0)).toBe('peer: why');
    expect(log.tell('X', 'peer', 'why', 1)).toBeNull();
    expect(log.tell('X', 'peer', 'why', 9_999)).toBeNull();
    expect(log.tell('X', 'peer', 'why', 10_000)).toBe('peer: why (2 more like this)');
  });

  test('another code and another subject are told on their own', () => {
    const log = new RefusalLog();
    expect(log.tell('X', 'peer', 'why', 0)).not.toBeNull();
    expect(log.tell('Y', 'peer', 'why', 0)).not.toBeNull();
    expect(log.tell('X', 'other', 'why', 0)).not.toBeNull();
  });

  test('it remembers a bounded number of subjects', () => {
    const log = new RefusalLog();
    for (let index = 0; index <= 256; index += 1) log.tell('X', `peer ${index}`, 'why', 0);
    expect(log.tell('X', 'peer 256', 'why', 1)).toBeNull();
    expect(log.tell('X', 'peer 0', 'why', 1)).not.toBeNull();
  });
});

describe('send queue', () => {
  const bounds = { maxBytes: 10, maxFrames: 3, maxBatchBytes: 6 };
  const bytes = (length: number) => new Uint8Array(length);

  async function drained(queue: SendQueue): Promise<readonly number[][]> {
    queue.end();
    const batches: number[][] = [];
    for await (const batch of queue) batches.push(batch.map(({ byteLength }) => byteLength));
    return batches;
  }

  test('what has gathered leaves in batches', async () => {
    const queue = new SendQueue(bounds);
    for (const length of [3, 3, 4]) expect(queue.push(bytes(length))).toBe(true);
    expect(await drained(queue)).toEqual([[3, 3], [4]]);
  });

  test('beyond its bytes or its frames it drops', async () => {
    const queue = new SendQueue(bounds);
    expect([4, 4, 4].map((length) => queue.push(bytes(length)))).toEqual([true, true, false]);
    expect([1, 1].map((length) => queue.push(bytes(length)))).toEqual([true, false]);
    expect(await drained(queue)).toEqual([[4], [4, 1]]);
  });

  test('one frame larger than the queue still leaves', async () => {
    const queue = new SendQueue(bounds);
    expect(queue.push(bytes(100))).toBe(true);
    expect(queue.push(bytes(1))).toBe(false);
    expect(await drained(queue)).toEqual([[100]]);
  });

  test('a frame that is pushed while the reader waits wakes it', async () => {
    const queue = new SendQueue(bounds);
    const reading = queue[Symbol.asyncIterator]().next();
    queue.push(bytes(2));
    expect(await reading).toEqual({ done: false, value: [bytes(2)] });
  });

  test('after its end it takes nothing', () => {
    const queue = new SendQueue(bounds);
    queue.end();
    expect(queue.push(bytes(1))).toBe(false);
  });
});
