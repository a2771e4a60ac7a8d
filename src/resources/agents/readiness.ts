/**
 * Whether an application answers. A process that runs is not yet a service, so a start ends only when
 * the probe succeeds, and the monitor asks again.
 *
 * The definition says how: `['tcp', 'host:port']`, `['http', URL]` (2xx or 3xx), `['command', …words]`
 * (status 0; 190 is "degraded", as in OCF 1.1), or nothing at all. A single text `tcp:host:port`,
 * `command:words` or a URL means the same.
 *
 * A refusal and silence are two answers: the first is believed at once, the second may only mean that
 * this host is busy.
 */
import { createConnection } from 'node:net';
import type { ResourceDefinition } from '../../cluster/definition.ts';
import { HoldfastError } from '../../lib/error.ts';
import type { Millis } from '../../lib/ids.ts';
import { run } from '../../system/run.ts';
import { OK, type Outcome } from '../agent.ts';
import { failed } from '../outcome.ts';
import { misconfigured, words } from '../parameters.ts';

export type Probe =
  | { readonly kind: 'none' }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'command'; readonly argv: readonly string[] };

export type Answer =
  | { readonly kind: 'answers' }
  | { readonly kind: 'degraded' | 'refuses' | 'silent'; readonly reason: string };

type Bound = {
  readonly timeoutMs: Millis;
  readonly signal: AbortSignal;
  /** Of a command: what it is told, and in whose name it runs. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly prefix?: readonly string[];
};

const ANSWERS: Answer = { kind: 'answers' };
/** OCF_DEGRADED and OCF_DEGRADED_PROMOTED. */
const DEGRADED: readonly number[] = [190, 191];

/** @throws HoldfastError RESOURCE_MISCONFIGURED */
export function readProbe(
  definition: ResourceDefinition,
  parameter: 'readiness' | 'monitor',
): Probe {
  const [kind, ...rest] = split(words(definition, parameter));
  const [first = ''] = rest;
  if (kind === undefined || kind === 'none') return { kind: 'none' };
  if (kind === 'http') return { kind: 'http', url: first };
  if (kind === 'command' && first !== '') return { kind: 'command', argv: rest };
  const endpoint = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(first);
  const host = endpoint?.[1] ?? endpoint?.[2];
  if (kind !== 'tcp' || host === undefined) {
    throw misconfigured(definition, parameter, 'expected tcp, http or command');
  }
  return { kind: 'tcp', host, port: Number(endpoint?.[3]) };
}

/** Asks once. */
export async function ask(probe: Probe, bound: Bound): Promise<Answer> {
  switch (probe.kind) {
    case 'none':
      return ANSWERS;
    case 'tcp':
      return await askTcp(probe.host, probe.port, bound);
    case 'http':
      return await askHttp(probe.url, bound);
    case 'command':
      return await askCommand(probe.argv, bound);
  }
}

/** What a monitor answers for it. Silence is a code of its own: it may be this host that is slow. */
export function outcomeOfAnswer(answer: Answer): Outcome {
  switch (answer.kind) {
    case 'answers':
      return OK;
    case 'degraded':
      return { status: 190, code: 'APPLICATION_DEGRADED', detail: answer.reason };
    case 'refuses':
      return failed('APPLICATION_NOT_ANSWERING', answer.reason);
    case 'silent':
      return failed('MONITOR_TIMED_OUT', answer.reason);
  }
}

function split(list: readonly string[]): readonly string[] {
  const [only = ''] = list;
  if (list.length !== 1) return list;
  if (/^https?:/.test(only)) return ['http', only];
  if (only.startsWith('command:')) return ['command', ...only.slice(8).trim().split(/\s+/)];
  return only.startsWith('tcp:') ? ['tcp', only.slice(4)] : list;
}

function askTcp(host: string, port: number, { timeoutMs, signal }: Bound): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port, signal });
    const conclude = (answer: Answer) => {
      socket.destroy();
      resolve(answer);
    };
    const silent: Answer = { kind: 'silent', reason: `${host}:${port} is silent` };
    socket.setTimeout(timeoutMs, () => conclude(silent));
    socket.once('connect', () => conclude(ANSWERS));
    socket.once('error', ({ message }) => conclude({ kind: 'refuses', reason: message }));
  });
}

async function askHttp(url: string, { timeoutMs, signal }: Bound): Promise<Answer> {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const bounded = AbortSignal.any([signal, late]);
    const answer = await fetch(url, { signal: bounded, redirect: 'manual' });
    await answer.body?.cancel();
    if (answer.status < 400) return ANSWERS;
    return { kind: 'refuses', reason: `${url} answered ${answer.status}` };
  } catch (error) {
    // A refused connection and a late answer are answers to this question.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const reason = `${url}: ${cause instanceof Error ? cause.message : String(cause)}`;
    return { kind: late.aborted ? 'silent' : 'refuses', reason };
  }
}

async function askCommand(argv: readonly string[], bound: Bound): Promise<Answer> {
  const { prefix = [] } = bound;
  try {
    const { status, stdout, stderr } = await run([...prefix, ...argv], bound);
    if (status === 0) return ANSWERS;
    const said = (stderr.trim() || stdout.trim()).slice(-200);
    const kind = DEGRADED.includes(status) ? 'degraded' : 'refuses';
    return { kind, reason: `status ${status}: ${said}` };
  } catch (error) {
    bound.signal.throwIfAborted();
    const late = error instanceof HoldfastError && error.code === 'COMMAND_TIMED_OUT';
    return { kind: late ? 'silent' : 'refuses', reason: String(error) };
  }
}
