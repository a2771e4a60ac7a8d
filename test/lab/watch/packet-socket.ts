/**
 * A packet socket (packet(7)) by koffi: every frame that enters an interface of this namespace,
 * with the interface it came in by and the kernel's own time of arrival, so that a late reader
 * measures nothing wrong.
 */

import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const socket = libc.func('int socket(int domain, int type, int protocol)');
const recvfrom = libc.func(
  'long recvfrom(int fd, _Out_ uint8_t *buffer, size_t length, int flags, ' +
    '_Out_ uint8_t *address, _Inout_ uint32_t *size)',
);
const sendto = libc.func(
  'long sendto(int fd, const uint8_t *buffer, size_t length, int flags, const uint8_t *address, uint32_t size)',
);
const ioctl = libc.func('int ioctl(int fd, ulong request, _Out_ int64_t *argument)');
const closeDescriptor = libc.func('int close(int fd)');

const AF_PACKET = 17;
const SOCK_RAW_NONBLOCK = 3 | 0o4000;
const ETH_P_ALL_BIG_ENDIAN = 0x0300;
const SIOCGSTAMPNS = 0x8907;
const PACKET_OUTGOING = 4;

export type Arrival = {
  readonly interfaceIndex: number;
  /** Wall clock of the arrival in ms, from the kernel. */
  readonly at: number;
  readonly frame: Uint8Array;
};

export class PacketSocket {
  readonly #descriptor: number;
  readonly #buffer = new Uint8Array(2048);
  readonly #address = new Uint8Array(20);

  constructor() {
    this.#descriptor = socket(AF_PACKET, SOCK_RAW_NONBLOCK, ETH_P_ALL_BIG_ENDIAN);
    if (this.#descriptor < 0) throw new Error('PACKET_SOCKET: needs root');
    ioctl(this.#descriptor, SIOCGSTAMPNS, [0, 0]); // The first call only turns the time stamps on.
  }

  /** The next frame that has come in, undefined when there is none; what this machine sends is left out. */
  read(): Arrival | undefined {
    for (;;) {
      const { length } = this.#buffer;
      const size = recvfrom(this.#descriptor, this.#buffer, length, 0, this.#address, [20]);
      if (size < 0) return undefined;
      if (this.#address[10] === PACKET_OUTGOING) continue;
      const time: [number, number] = [0, 0];
      ioctl(this.#descriptor, SIOCGSTAMPNS, time);
      return {
        interfaceIndex: new DataView(this.#address.buffer).getInt32(4, true),
        at: Number(time[0]) * 1000 + Number(time[1]) / 1e6,
        frame: this.#buffer.slice(0, Math.min(size, length)),
      };
    }
  }

  send(interfaceIndex: number, frame: Uint8Array): void {
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setInt32(4, interfaceIndex, true);
    view.setUint8(11, 6);
    sendto(this.#descriptor, frame, frame.length, 0, address, address.length);
  }

  close(): void {
    closeDescriptor(this.#descriptor);
  }
}
