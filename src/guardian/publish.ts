/**
 * Publishes the proof of a teardown: a datagram to every other member on every interconnect, a few
 * times over a second, since a datagram may be lost and nobody answers.
 *
 * It needs no secrecy and no signature: the cluster holds the hash of the secret, so only the guardian
 * of that epoch can have sent it, and by then it is true (DESIGN §7).
 */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import type { GuardianEvidence } from './messages.ts';

/** Pauses before each sending. */
const PAUSES_MS: readonly Millis[] = [0, 20, 50, 100, 200, 300, 400];

export type PublishOptions = {
  readonly clock: Clock;
  readonly log: (line: string) => void;
};

/** Resolves after the last repetition; what could not be sent is logged, since nobody else can act. */
export async function publish(
  evidence: GuardianEvidence,
  to: readonly string[],
  { clock, log }: PublishOptions,
): Promise<void> {
  const datagram = Buffer.from(JSON.stringify(evidence));
  const targets = to.flatMap((target) => parseTarget(target) ?? []);
  if (targets.length < to.length) log(`unreadable targets among ${to.join(' ')}`);
  const sockets = { 4: createSocket('udp4'), 6: createSocket('udp6') };
  for (const socket of Object.values(sockets)) {
    socket.on('error', (error) => log(`proof not sent: ${error.message}`));
  }
  try {
    for (const pauseMs of PAUSES_MS) {
      await clock.after(pauseMs, new AbortController().signal);
      for (const { host, port } of targets) {
        sockets[isIPv6(host) ? 6 : 4].send(datagram, port, host, (error) => {
          if (error !== null) log(`proof not sent to ${host}: ${error.message}`);
        });
      }
    }
    // The last datagrams leave before the sockets close.
    await clock.after(20, new AbortController().signal);
  } finally {
    for (const socket of Object.values(sockets)) socket.close();
  }
}

/** `192.0.2.1:7400`, `[2001:db8::1]:7400` or `name:7400`. */
function parseTarget(target: string): { readonly host: string; readonly port: number } | null {
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(target);
  const host = found?.[1] ?? found?.[2];
  return host === undefined ? null : { host, port: Number(found?.[3]) };
}
