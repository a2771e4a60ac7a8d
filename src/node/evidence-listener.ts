/**
 * Hears the last words of other nodes' guardians: a datagram that carries the secret of a torn-down
 * epoch. Whoever sends it is no peer any more, so nothing of it is believed but the secret, whose
 * hash was committed while its daemon lived (DESIGN §7). Anything else is dropped unread.
 */
import { createSocket, type Socket } from 'node:dgram';
import type { GuardianEvidence } from '../guardian/messages.ts';
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';
import type { EvidenceListener } from './world.ts';

const MAX_DATAGRAM_BYTES = 1_024;
const PROBLEM_OF: Readonly<Record<string, ProblemCode>> = {
  EADDRINUSE: 'PORT_IN_USE',
  EADDRNOTAVAIL: 'ADDRESS_NOT_LOCAL',
  ENOTFOUND: 'ADDRESS_NOT_LOCAL',
};

export class UdpEvidenceListener implements EvidenceListener {
  readonly #addresses: readonly string[];
  readonly #sockets: Socket[] = [];

  /** `host:port` of this node on each interconnect: the mesh's own addresses, but UDP. */
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  /**
   * Listens on every address, or on none.
   * @throws HoldfastError PORT_IN_USE, ADDRESS_NOT_LOCAL, LISTEN_FAILED
   */
  async start(handler: (evidence: GuardianEvidence) => void): Promise<void> {
    try {
      for (const address of this.#addresses) this.#sockets.push(await listen(address, handler));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#sockets
        .splice(0)
        .map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))),
    );
  }
}

function listen(address: string, handler: (evidence: GuardianEvidence) => void): Promise<Socket> {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator).replace(/^\[|\]$/g, '');
  const port = Number(address.slice(separator + 1));
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      const code = PROBLEM_OF[cause.code ?? ''] ?? 'LISTEN_FAILED';
      reject(
        new HoldfastError(code, { address: `${address}/udp`, reason: cause.message }, { cause }),
      );
    });
    socket.bind({ address: host, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined); // a lost datagram costs a lease, never the daemon
      socket.on('message', (bytes) => {
        const evidence = parse(bytes);
        if (evidence !== null) handler(evidence);
      });
      resolve(socket);
    });
  });
}

function parse(bytes: Uint8Array): GuardianEvidence | null {
  if (bytes.length > MAX_DATAGRAM_BYTES) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isEvidence(value) ? value : null;
  } catch {
    return null; // not JSON: a stranger's datagram
  }
}

function isEvidence(value: unknown): value is GuardianEvidence {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, clusterId, group, epoch, secret } = value as Record<string, unknown>;
  return (
    kind === 'torn-down' &&
    typeof clusterId === 'string' &&
    typeof group === 'string' &&
    typeof secret === 'string' &&
    Number.isSafeInteger(epoch)
  );
}
