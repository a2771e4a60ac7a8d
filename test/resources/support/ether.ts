/** A protocol that is not IP: one frame asks, one frame answers. Ethertype 0x88b5 is for experiments (IEEE 802). */
import type { Clock } from '../../../src/lib/clock.ts';
import { cLibrary } from '../../../src/system/native.ts';
import { type Link, macBytes } from '../../../src/system/network.ts';

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const EXPERIMENT = 0x88b5;
const QUESTION = 1;
const ANSWER = 2;
const LOOK_EVERY_MS = 5;

function open(through: Link): number {
  const fd = cLibrary().socket(AF_PACKET, SOCK_RAW_NONBLOCK, 0);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(EXPERIMENT, 2);
  address.writeInt32LE(through.index, 4);
  if (fd < 0 || cLibrary().bind(fd, address, address.length) < 0) throw new Error('no raw socket');
  return fd;
}

function send(fd: number, from: Link, to: Uint8Array, word: number): void {
  const frame = Buffer.alloc(60);
  frame.set(to, 0);
  frame.set(macBytes(from.mac), 6);
  frame.writeUInt16BE(EXPERIMENT, 12);
  frame.writeUInt8(word, 14);
  cLibrary().send(fd, frame, frame.length, 0);
}

/** Who sent the next frame with this word, and is it for `own`? Null when there is none. */
function received(fd: number, own: Link, word: number): Uint8Array | null {
  const frame = Buffer.alloc(2048);
  while (cLibrary().recv(fd, frame, frame.length, 0) >= 15) {
    const isOurs = frame.subarray(0, 6).equals(macBytes(own.mac));
    if (isOurs && frame.readUInt8(14) === word) return Uint8Array.from(frame.subarray(6, 12));
  }
  return null;
}

/** Answers for as long as the process lives. */
export function answerFrames(own: Link, clock: Clock): void {
  const fd = open(own);
  const signal = new AbortController().signal;
  const serve = async () => {
    for (;;) {
      const asking = received(fd, own, QUESTION);
      if (asking !== null) send(fd, own, asking, ANSWER);
      await clock.after(LOOK_EVERY_MS, signal);
    }
  };
  void serve();
}

/** Whether somebody with this MAC address answers within the time. */
export async function asksFrame(
  own: Link,
  mac: string,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
): Promise<boolean> {
  const fd = open(own);
  const untilMs = clock.now() + timeoutMs;
  send(fd, own, macBytes(mac), QUESTION);
  try {
    while (clock.now() < untilMs) {
      if (received(fd, own, ANSWER) !== null) return true;
      await clock.after(LOOK_EVERY_MS, new AbortController().signal);
    }
    return false;
  } finally {
    cLibrary().close(fd);
  }
}
