/**
 * Talks to the daemon of this node over its Unix socket: plain HTTP, nothing else to install, and
 * quick to load. Each request has a deadline, each answer a bound.
 */
import { type IncomingMessage, request } from 'node:http';
import { userInfo } from 'node:os';
import { HoldfastError, isProblemCode } from '../lib/error.ts';
import type { Answer, ClusterEvent } from '../operator/api.ts';

export const DEFAULT_SOCKET = '/run/holdfast/holdfast.sock';

/** Longer than the daemon's own bound of a request. */
const ANSWER_LIMIT_MS = 20_000;
const MAX_ANSWER_BYTES = 32 << 20;
/** The daemon sends a sign of life every ten seconds. */
const SILENCE_LIMIT_MS = 35_000;

export type WatchedEvent = ClusterEvent | { readonly kind: 'lost'; readonly lost: number | null };

export class Client {
  readonly socketPath: string;

  readonly #reason: string;

  /** `reason`: why something is ordered, for the history; empty: not said. */
  constructor(socketPath: string, reason = '') {
    this.socketPath = socketPath;
    this.#reason = reason;
  }

  /** @throws {HoldfastError} the daemon's own refusal, DAEMON_UNREACHABLE or BAD_ANSWER. */
  async get<T>(path: string): Promise<Answer<T>> {
    return await this.#exchange('GET', path, null);
  }

  /** @throws {HoldfastError} as `get`. */
  async post<T>(path: string, body: object): Promise<Answer<T>> {
    return await this.#exchange('POST', path, JSON.stringify(body));
  }

  /**
   * Calls `seen` for each event until the signal aborts (resolves) or the daemon goes away.
   * @throws {HoldfastError} DAEMON_UNREACHABLE
   */
  async watch(
    seen: (event: WatchedEvent) => void,
    { signal, after = null }: { readonly signal: AbortSignal; readonly after?: number | null },
  ): Promise<void> {
    let response: IncomingMessage | null = null;
    try {
      const headers = after === null ? {} : { 'last-event-id': String(after) };
      const limits = { limitMs: SILENCE_LIMIT_MS, signal, headers };
      response = await this.#send('GET', '/v1/events', null, limits);
      if (response.statusCode !== 200) throw refusal(await textOf(response));
      let rest = '';
      response.setEncoding('utf8');
      for await (const chunk of response) {
        const frames = (rest + String(chunk)).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          const data = /^data: (.*)$/m.exec(frame)?.[1];
          if (data !== undefined) seen(parse(data) as WatchedEvent);
        }
        if (rest.length > MAX_ANSWER_BYTES) throw new HoldfastError('BAD_ANSWER');
      }
    } catch (error) {
      if (signal.aborted) return;
      throw this.#unreachable(error);
    }
    throw this.#unreachable(new Error('the daemon ended the stream of events'));
  }

  async #exchange<T>(method: string, path: string, body: string | null): Promise<Answer<T>> {
    try {
      const response = await this.#send(method, path, body, { limitMs: ANSWER_LIMIT_MS });
      const text = await textOf(response);
      if (response.statusCode !== 200) throw refusal(text);
      const answer = parse(text);
      if (typeof answer !== 'object' || answer === null || !('data' in answer)) {
        throw new HoldfastError('BAD_ANSWER', { path });
      }
      return answer as Answer<T>;
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  #send(
    method: string,
    path: string,
    body: string | null,
    { limitMs, signal, headers: more = {} }: SendOptions,
  ): Promise<IncomingMessage> {
    const headers = {
      ...more,
      'x-holdfast-operator': encodeURIComponent(operatorName()),
      ...(this.#reason === '' ? {} : { 'x-holdfast-reason': encodeURIComponent(this.#reason) }),
      ...(body === null ? {} : { 'content-type': 'application/json' }),
    };
    const options = { socketPath: this.socketPath, method, path, headers, agent: false as const };
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { ...options, ...(signal === undefined ? {} : { signal }) },
        resolve,
      );
      outgoing.setTimeout(limitMs, () => {
        outgoing.destroy(new HoldfastError('REQUEST_TIMED_OUT', { limitMs }));
      });
      outgoing.on('error', reject);
      outgoing.end(body ?? undefined);
    });
  }

  #unreachable(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error;
    const detail = error instanceof Error ? error.message : String(error);
    const context = { socket: this.socketPath, detail };
    return new HoldfastError('DAEMON_UNREACHABLE', context, { cause: error });
  }
}

type SendOptions = {
  readonly limitMs: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
};

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) {
    text += String(chunk);
    if (text.length > MAX_ANSWER_BYTES) throw new HoldfastError('BAD_ANSWER');
  }
  return text;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HoldfastError('BAD_ANSWER', { begins: text.slice(0, 80) }, { cause: error });
  }
}

/** The daemon's problem document as the error that it was there. */
function refusal(text: string): HoldfastError {
  const problem = parse(text);
  const code: unknown = isRecord(problem) ? problem['code'] : undefined;
  if (!isRecord(problem) || typeof code !== 'string' || !isProblemCode(code)) {
    return new HoldfastError('BAD_ANSWER', { begins: text.slice(0, 80) });
  }
  const context = problem['context'];
  return new HoldfastError(code, isRecord(context) ? context : {});
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** For the history, beside the uid that the kernel knows. */
export function operatorName(): string {
  try {
    return process.env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // A user without an entry in the password file has no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
