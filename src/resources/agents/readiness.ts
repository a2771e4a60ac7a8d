/**
 * Whether an application answers. A process that runs is not yet a service, so a start ends only when
 * the probe succeeds, and the monitor asks again.
 *
 * The definition says how: `['tcp', 'host:port']`, `['http', URL]` (2xx or 3xx), `['command', …words]`
 * (status 0), or nothing at all. A single text `tcp:host:port`, `command:words` or a URL means the
 * same.
 */
import { createConnection } from 'node:net';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import type { Millis } from '../../lib/ids.ts';
import { run } from '../../system/run.ts';
import { misconfigured, words } from '../parameters.ts';

export type Probe =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

type Bound = { readonly timeoutMs: Millis; readonly signal: AbortSignal };

/** @throws HoldfastError RESOURCE_MISCONFIGURED */
export function readProbe(definition: ResourceDefinition): Probe {
  const [kind, ...rest] = split(words(definition, 'readiness'));
  const [first = ''] = rest;
  if (kind === undefined || kind === 'none') return { kind: 'none' };
  if (kind === 'http') return { kind: 'http', url: first };
  if (kind === 'command' && first !== '') return { kind: 'command', argv: rest };
  const endpoint = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(first);
  const host = endpoint?.[1] ?? endpoint?.[2];
  if (kind !== 'tcp' || host === undefined) {
    throw misconfigured(definition, 'readiness', 'expected tcp, http or command');
  }
  return { kind: 'tcp', host, port: Number(endpoint?.[3]) };
}

/** Asks once. Null when it answered, else why not. */
export async function ask(probe: Probe, bound: Bound): Promise<string | null> {
  switch (probe.kind) {
    case 'none':
      return null;
    case 'tcp':
      return await askTcp(probe.host, probe.port, bound);
    case 'http':
      return await askHttp(probe.url, bound);
    case 'command':
      return await askCommand(probe.argv, bound);
  }
}

function split(list: readonly string[]): readonly string[] {
  const [only = ''] = list;
  if (list.length !== 1) return list;
  if (/^https?:/.test(only)) return ['http', only];
  if (only.startsWith('command:')) return ['command', ...only.slice(8).trim().split(/\s+/)];
  return only.startsWith('tcp:') ? ['tcp', only.slice(4)] : list;
}

function askTcp(host: string, port: number, { timeoutMs, signal }: Bound): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, signal });
    const conclude = (answer: string | null) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => conclude(`${host}:${port} is silent`));
    socket.once('connect', () => conclude(null));
    socket.once('error', (error) => conclude(error.message));
  });
}

async function askHttp(url: string, { timeoutMs, signal }: Bound): Promise<string | null> {
  try {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const answer = await fetch(url, { signal: bounded, redirect: 'manual' });
    await answer.body?.cancel();
    return answer.status < 400 ? null : `${url} answered ${answer.status}`;
  } catch (error) {
    // A refused connection and a late answer are answers to this question.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `${url}: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}

async function askCommand(argv: readonly string[], bound: Bound): Promise<string | null> {
  try {
    const { status, stderr } = await run(argv, bound);
    return status === 0 ? null : `status ${status}: ${stderr.trim().slice(-200)}`;
  } catch (error) {
    bound.signal.throwIfAborted();
    return String(error);
  }
}
