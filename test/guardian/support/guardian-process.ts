/** A real guardian process, a victim for its teardown, and an ear for its proof. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { guardianArgv } from '../../../src/guardian/argv.ts';
import type { FromGuardian, GuardianEvidence, ToGuardian } from '../../../src/guardian/messages.ts';
import { monotonicClock } from '../../../src/system/clock.ts';
import type { Ending } from '../../../src/system/launch.ts';
import { lines } from '../../../src/system/lines.ts';
import { type LongLived, startLongLived } from '../../../src/system/long-lived.ts';
import { killGroup } from '../../../src/system/process.ts';
import type { Teardown } from '../../../src/system/teardown.ts';
import { until } from '../../system/support/until.ts';

export type GuardianOptions = {
  readonly ownNetwork?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
};

export class GuardianProcess {
  readonly heard: FromGuardian[] = [];
  errors = '';
  readonly ended: Promise<Ending>;
  readonly pid: number;
  readonly #process: LongLived;

  constructor(process: LongLived) {
    this.#process = process;
    this.pid = process.mark.pid;
    this.ended = process.ended;
    process.pipes?.input.on('error', () => {});
    process.pipes?.errors.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
  }

  /** In a network namespace of its own when asked. */
  static async start(options: GuardianOptions = {}): Promise<GuardianProcess> {
    const argv = guardianArgv({ clusterId: 'test-cluster' });
    const process = await startLongLived({
      argv: options.ownNetwork === true ? ['unshare', '-n', ...argv] : argv,
      output: { kind: 'pipes' },
      environment: options.environment ?? {},
    });
    const guardian = new GuardianProcess(process);
    void guardian.#listen();
    await until('the guardian is ready', () => guardian.has({ kind: 'ready' }));
    return guardian;
  }

  send(message: ToGuardian): void {
    this.write(`${JSON.stringify(message)}\n`);
  }

  write(text: string): void {
    this.#process.pipes?.input.write(text);
  }

  closePipe(): void {
    this.#process.pipes?.input.end();
  }

  has(part: Partial<Record<string, unknown>>): boolean {
    return this.heard.some((message) => {
      const fields = new Map<string, unknown>(Object.entries(message));
      return Object.entries(part).every(([name, value]) => fields.get(name) === value);
    });
  }

  async armed(requestId: number): Promise<void> {
    await until(`request ${requestId} is armed`, () => this.has({ kind: 'armed', requestId }));
  }

  async destroy(): Promise<void> {
    await destroy(this.#process);
  }

  async #listen(): Promise<void> {
    const output = this.#process.pipes?.output as AsyncIterable<Buffer> | undefined;
    if (output === undefined) return;
    for await (const line of lines(output, 100_000)) this.heard.push(JSON.parse(line));
  }
}

/** A process of its own session, to be killed by a teardown. */
export async function startVictim(): Promise<LongLived> {
  return await startLongLived({
    argv: ['sleep', '600'],
    output: { kind: 'file', path: '/dev/null' },
  });
}

export function killing({ mark }: LongLived): Teardown {
  return { kind: 'kill-process-group', ...mark };
}

export async function destroy({ mark }: LongLived): Promise<void> {
  const signal = new AbortController().signal;
  await killGroup(mark, { clock: monotonicClock, timeoutMs: 20_000, signal });
}

/** Hears what guardians publish on the loopback device. */
export class Ear {
  readonly heard: GuardianEvidence[] = [];
  readonly #socket: Socket = createSocket('udp4');
  address = '';

  async open(): Promise<void> {
    this.#socket.on('message', (datagram) => this.heard.push(JSON.parse(datagram.toString())));
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    this.address = `127.0.0.1:${this.#socket.address().port}`;
  }

  close(): void {
    this.#socket.close();
  }
}

export function arm(fields: Partial<Extract<ToGuardian, { kind: 'arm' }>>): ToGuardian {
  const now = monotonicClock.now();
  return {
    kind: 'arm',
    requestId: 1,
    group: 'db',
    epoch: 7,
    serveUntilMs: now + 60_000,
    downByMs: now + 60_000,
    addresses: [],
    teardown: [],
    secret: 's3cret',
    publishTo: [],
    ...fields,
  };
}
