/**
 * Is there a process behind an address? A plain TCP connect, answered by the kernel of the other
 * host: `refused` proves that nobody listens there any more while the host is up, which is the
 * quickest proof that a daemon died. It says nothing about the process behind an accepted connection:
 * the kernel accepts for a frozen one, too.
 */
import { connect } from 'node:net';
import type { Millis } from '../lib/ids.ts';
import type { Address } from './address.ts';

export type ProbeResult = 'connected' | 'refused' | 'silent';

export type ProbeOptions = {
  readonly address: Address;
  /** `sourceAddress`: keeps the probe on its interconnect. */
  readonly source: { readonly localAddress?: string };
  readonly timeoutMs: Millis;
  readonly signal: AbortSignal;
};

/** `silent` also stands for a network or host that is unreachable, a time-out and an abort. */
export function probeTcp(options: ProbeOptions): Promise<ProbeResult> {
  const { address, source, timeoutMs } = options;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve('silent');
      return;
    }
    const socket = connect({ host: address.host, port: address.port, ...source });
    const end = (result: ProbeResult): void => {
      signal.removeEventListener('abort', onAbort);
      // RST: the port is free again at once, on both sides.
      socket.resetAndDestroy();
      resolve(result);
    };
    const onAbort = (): void => end('silent');
    signal.addEventListener('abort', onAbort);
    socket.once('connect', () => end('connected'));
    socket.on('error', (error) => end(isRefusal(error) ? 'refused' : 'silent'));
  });
}

/** An abort by RST after the connect is no refusal: only a connect that was refused counts. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
