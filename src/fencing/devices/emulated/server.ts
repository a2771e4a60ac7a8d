/**
 * A process' worth of emulated disks on a socket: several initiators, the same reservations for
 * all, enforced where real ones are enforced, outside of every node that could be wrong about
 * itself.
 *
 * The intuition: a write of a frozen client sits in a socket buffer until it thaws, is read here
 * then, and meets whatever reservation is in force by then. A write that was accepted waits
 * `writeDelayMs` before it lands, so that there is something in flight to abort.
 *
 * It authenticates nobody: it is for the demo and for tests, on one machine. Reference: DESIGN §8.
 */
import { open, readFile, rename } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../lib/clock.ts';
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import { toSocket } from './address.ts';
import type { Status, TargetImage, TargetOptions } from './commands.ts';
import { Lines } from './lines.ts';
import { EmulatedTarget } from './target.ts';
import { execute, word } from './verbs.ts';
import { type Answer, decodeRequest, encode, MAX_LINE_BYTES, type Request } from './wire.ts';

export type DiskServerOptions = {
  /** `/PATH` of a Unix socket or `HOST:PORT`; port 0 takes a free one. */
  readonly address: string;
  readonly disks: Readonly<Record<string, TargetOptions>>;
  /** What a power loss leaves is kept in this file; null keeps it in memory only. */
  readonly file: string | null;
  /** Blocks of 4096 bytes of each disk. */
  readonly blocks: number;
  /** From a write's acceptance to its landing. */
  readonly writeDelayMs: Millis;
  readonly clock: Clock;
};

/** Commands of one connection that may be at work at once; more are read when these are done. */
const MAX_AT_WORK = 256;
const MAX_UNREAD_BYTES = 4 * 1024 * 1024;

export class DiskServer {
  readonly #options: DiskServerOptions;
  readonly #targets = new Map<string, EmulatedTarget>();
  readonly #sockets = new Set<Socket>();
  readonly #stopped = new AbortController();
  #server: Server | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: DiskServerOptions) {
    this.#options = options;
  }

  /** Listens; answers the address, with the port that was taken. */
  async start(): Promise<string> {
    const images = await this.#load();
    for (const [lun, options] of Object.entries(this.#options.disks)) {
      this.#targets.set(lun, new EmulatedTarget(options, images[lun]));
    }
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(toSocket(this.#options.address), resolve);
    });
    const at = server.address();
    return at === null || typeof at === 'string'
      ? this.#options.address
      : `${at.family === 'IPv6' ? `[${at.address}]` : at.address}:${at.port}`;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const socket of this.#sockets) socket.destroy();
    const server = this.#server;
    if (server !== null) await new Promise((resolve) => server.close(resolve));
    await this.#saving;
  }

  /** For checkers and for faults: the disk itself. */
  target(lun: string): EmulatedTarget | null {
    return this.#targets.get(lun) ?? null;
  }

  #serve(socket: Socket): void {
    const lines = new Lines(MAX_LINE_BYTES);
    let atWork = 0;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const answer = async (line: string): Promise<void> => {
      try {
        const request = decodeRequest(line);
        const response = encode({ id: request.id, answer: await this.#perform(request) });
        if (!socket.destroyed) socket.write(response);
        // It asks and never reads the answers: it is cut off before they fill the memory.
        if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      } catch (error) {
        // A garbled frame, or a disk that cannot be saved: either way no answer may be trusted.
        socket.destroy(error instanceof Error ? error : undefined);
      }
      atWork -= 1;
      if (atWork < MAX_AT_WORK) socket.resume();
    };
    socket.on('data', (chunk: Buffer) => {
      const complete = lines.push(chunk);
      if (complete === null) {
        socket.destroy();
        return;
      }
      for (const line of complete) {
        atWork += 1;
        void answer(line);
      }
      if (atWork >= MAX_AT_WORK) socket.pause();
    });
  }

  async #perform({ lun, nexus, operation }: Request): Promise<Answer> {
    const target = this.#targets.get(lun);
    if (target === undefined) return { kind: 'failed', reason: 'no-such-lun' };
    switch (operation.kind) {
      case 'identity':
        return { kind: 'identity', identity: target.options.identity };
      case 'capabilities':
        return { kind: 'capabilities', capabilities: target.capabilities() };
      case 'reserve': {
        const reply = execute(target, nexus, operation.command);
        if (reply.kind === 'good') await this.#save();
        return { kind: 'reply', reply };
      }
      case 'flush': {
        const status = target.synchronizeCache(nexus);
        if (status !== 'good') return failed(status);
        await this.#save();
        return { kind: 'done' };
      }
      case 'read': {
        if (operation.block >= this.#options.blocks) return OUT_OF_RANGE;
        const read = target.read(nexus, operation.block);
        if (typeof read === 'string' || 'check' in read) return failed(read);
        return { kind: 'data', data: Buffer.from(read.data ?? '', 'base64') };
      }
      case 'write': {
        if (operation.block >= this.#options.blocks) return OUT_OF_RANGE;
        const data = operation.data.toString('base64');
        const task = target.submitWrite(nexus, operation.block, data);
        if (typeof task === 'string' || 'check' in task) return failed(task);
        const { writeDelayMs, clock } = this.#options;
        if (writeDelayMs > 0) await clock.after(writeDelayMs, this.#stopped.signal);
        const landed = target.completeWrite(task.id);
        return landed ? { kind: 'done' } : { kind: 'failed', reason: 'aborted' };
      }
      default:
        return { kind: 'failed', reason: 'not-supported' };
    }
  }

  async #load(): Promise<Readonly<Record<string, TargetImage>>> {
    const { file } = this.#options;
    if (file === null) return {};
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch {
      return {}; // A disk that was never written: it is blank.
    }
    try {
      return JSON.parse(text) as Record<string, TargetImage>;
    } catch (cause) {
      throw new HoldfastError('DISK_IMAGE_CORRUPT', { file }, { cause });
    }
  }

  /**
   * Durable before the answer, one after the other; writes that arrive meanwhile share the next
   * one.
   */
  #save(): Promise<void> {
    const { file } = this.#options;
    if (file === null) return Promise.resolve();
    this.#saving = this.#saving.then(async () => {
      const images = [...this.#targets].map(([lun, target]) => [lun, target.image()]);
      const temporary = `${file}.new`;
      const handle = await open(temporary, 'w', 0o600);
      await handle.writeFile(JSON.stringify(Object.fromEntries(images)));
      await handle.sync();
      await handle.close();
      await rename(temporary, file);
    });
    return this.#saving;
  }
}

const OUT_OF_RANGE: Answer = { kind: 'failed', reason: 'out-of-range' };

function failed(status: Status): Answer {
  const reason = word(status);
  return { kind: 'failed', reason: reason === 'good' ? 'not-supported' : reason };
}
