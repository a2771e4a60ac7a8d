/**
 * Tells the neighbours of a device where an address is now, and asks whether somebody else has it.
 * Frames go straight to the device (AF_PACKET): microseconds each, where `arping` is a process that
 * waits. The socket for sending stays open, since closing one makes the kernel wait until all processors
 * have let go of it (10 ms); the probe's sockets are closed by another thread for the same reason.
 *
 * Such frames pass below the packet filter, so whoever calls this has asked the filter first.
 *
 * Reference: packet(7); the frames are in `announcement-frames.ts`.
 */
import type { Clock } from '../lib/clock.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type Address, parseAddress } from './address.ts';
import {
  announcements,
  claimant,
  duplicateProbe,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV6,
  neighbourQuestion,
  presence,
} from './announcement-frames.ts';
import { cLibrary, lastError } from './native.ts';
import { type Link, link, macBytes } from './network.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const MSG_DONTWAIT = 0x40;
const LOOK_EVERY_MS: Millis = 5;
/** Frames looked at in one turn, so that a flood on the wire cannot hold the event loop. */
const FRAMES_A_TURN = 64;

/**
 * Sends the announcement once, from the device's own MAC address.
 *
 * @throws HoldfastError DEVICE_NOT_FOUND, NETWORK_CHANGE_REFUSED, FLOATING_ADDRESS_INVALID
 */
export function announce(device: string, address: string): void {
  const parsed = parseAddress(address);
  const through = link(device);
  const fd = sender();
  for (const frame of announcements(macBytes(through.mac), parsed)) transmit(fd, frame, through);
}

/**
 * Tells switches that the device's MAC address is here now; says nothing of addresses.
 *
 * @throws HoldfastError DEVICE_NOT_FOUND, NETWORK_CHANGE_REFUSED
 */
export function announcePresence(device: string): void {
  const through = link(device);
  transmit(sender(), presence(macBytes(through.mac)), through);
}

type Asking = { readonly clock: Clock; readonly timeoutMs: Millis; readonly signal: AbortSignal };

/**
 * Asks the wire who has the address; answers the MAC address of the first that claims it within
 * `timeoutMs`, or null. This node's own answer is not counted.
 *
 * @throws HoldfastError DEVICE_NOT_FOUND, NETWORK_CHANGE_REFUSED, FLOATING_ADDRESS_INVALID; the
 *   signal's reason when it aborts.
 */
export async function probeDuplicate(
  device: string,
  address: string,
  options: Asking,
): Promise<string | null> {
  const parsed = parseAddress(address);
  const through = link(device);
  const question = duplicateProbe(macBytes(through.mac), parsed);
  return await askWire(through, question, parsed, options);
}

/**
 * Asks a neighbour, in the name of `own`, for its MAC address; null when it does not answer within
 * `timeoutMs`. Whoever answers is alive and can be reached.
 *
 * @throws HoldfastError as `probeDuplicate`
 */
export async function probeNeighbour(
  device: string,
  { own, neighbour }: { readonly own: string; readonly neighbour: string },
  options: Asking,
): Promise<string | null> {
  const [from, to] = [parseAddress(own), parseAddress(neighbour)];
  const through = link(device);
  const question = neighbourQuestion(macBytes(through.mac), from, to);
  return await askWire(through, question, to, options);
}

/** Sends the question, and reads what comes until somebody else speaks for the address. */
async function askWire(
  through: Link,
  question: Buffer,
  wanted: Address,
  options: Asking,
): Promise<string | null> {
  const mac = macBytes(through.mac);
  const fd = open(through, wanted.family === 4 ? ETHERTYPE_ARP : ETHERTYPE_IPV6);
  const untilMs = options.clock.now() + options.timeoutMs;
  try {
    transmit(fd, question, through);
    while (options.clock.now() < untilMs) {
      await options.clock.after(LOOK_EVERY_MS, options.signal);
      for (const frame of received(fd)) {
        const claiming = claimant(frame, wanted);
        if (claiming !== null && !claiming.equals(mac)) {
          return claiming.toString('hex').replace(/(..)(?=.)/g, '$1:');
        }
      }
    }
    return null;
  } finally {
    cLibrary().close.async(fd, () => {});
  }
}

let sending: number | null = null;

/** A socket that hears nothing, for any device. */
function sender(): number {
  if (sending !== null) return sending;
  const fd = cLibrary().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) throw refused('socket', 'any');
  sending = fd;
  return fd;
}

/** A socket that hears this protocol on this device. */
function open(through: Link, protocol: number): number {
  const libc = cLibrary();
  const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
  // Created deaf and made to listen by bind, or it would hear every device in between.
  const fd = libc.socket(AF_PACKET, type, 0);
  if (fd < 0) throw refused('socket', through.name);
  const address = deviceAddress(through, protocol);
  if (libc.bind(fd, address, address.length) < 0) {
    const error = refused('bind', through.name);
    libc.close(fd);
    throw error;
  }
  return fd;
}

function transmit(fd: number, frame: Buffer, through: Link): void {
  const address = deviceAddress(through, 0);
  const { sendto } = cLibrary();
  const sent = sendto(fd, frame, frame.length, MSG_DONTWAIT, address, address.length);
  if (sent < 0) throw refused('sendto', through.name);
}

/** struct sockaddr_ll */
function deviceAddress(through: Link, protocol: number): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(protocol, 2);
  address.writeInt32LE(through.index, 4);
  return address;
}

function* received(fd: number): Generator<Buffer> {
  const frame = Buffer.alloc(2048);
  for (let i = 0; i < FRAMES_A_TURN; i += 1) {
    const count = cLibrary().recv(fd, frame, frame.length, MSG_DONTWAIT);
    if (count < 0) return;
    yield frame.subarray(0, count);
  }
}

function refused(call: string, device: string): HoldfastError {
  return new HoldfastError('NETWORK_CHANGE_REFUSED', { call, device, reason: lastError() });
}
