/**
 * One path of a real disk, spoken to by the programs of sg3-utils: the reference that the SG_IO
 * adapter is compared with, and what works where native calls do not. A process per command: tens
 * of milliseconds where SG_IO takes one.
 *
 * The traps: exit status 24 is a reservation conflict and also what misuse looks like; 6 is a unit
 * attention and means "not executed"; without `--readonly` a PR IN opens the disk for writing, and
 * closing it makes udev look at the disk again; and on a dead path the status is 0 beside an empty
 * answer, so that only the words `Host_status=` tell an empty disk from one that was never asked.
 *
 * Reference: sg3_utils(8) "EXIT STATUS", sg_persist(8), sg_vpd(8), sg_reset(8).
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import { identityOf } from '../../../system/block-device.ts';
import { type Completion, run } from '../../../system/run.ts';
import type { FenceCapabilities, PathId, PrCommand, PrReply } from '../../fence-device.ts';
import { formatKey } from '../../protocol/key.ts';
import type { PathCommands } from '../real-disk.ts';
import { parseCapabilities, parseKeys, parseReservation, withoutQuirk } from '../scsi/commands.ts';

type Refusal = Exclude<PrReply['kind'], 'keys' | 'reservation'>;

const MAX_ATTENTIONS = 8;
const NOT_READY = 2;
const TIMED_OUT = 33;
/** linux/include/scsi/scsi_status.h */
const DID_TIME_OUT = 3;
const IN = ['sg_persist', '--in', '--no-inquiry', '--readonly', '--hex'];
const OUT = ['sg_persist', '--out', '--no-inquiry'];

export class SgPersistPath implements PathCommands {
  readonly #path: PathId;
  readonly #timeoutMs: Millis;

  constructor(options: { path: PathId; timeoutMs: Millis }) {
    this.#path = options.path;
    this.#timeoutMs = options.timeoutMs;
  }

  async execute(command: PrCommand, signal: AbortSignal): Promise<PrReply> {
    const path = this.#path;
    const ended = await this.#run(toArguments(command), signal);
    const notReady = ended?.status === NOT_READY;
    const kind = withoutQuirk(command.kind, notReady, outcomeOfCompletion(ended));
    if (kind !== 'good' || ended === null) return { kind, path };
    if (command.kind === 'read-keys') {
      return { kind: 'keys', path, ...parseKeys(answer(ended.stdout)) };
    }
    if (command.kind !== 'read-reservation') return { kind, path };
    return { kind: 'reservation', path, ...parseReservation(answer(ended.stdout)) };
  }

  async identity(signal: AbortSignal): Promise<string | null> {
    const text = await this.#read(['sg_vpd', '--page=0x83', '-HHHH'], signal);
    return text === null ? null : identityOf(hexBytes(text));
  }

  async capabilities(signal: AbortSignal): Promise<FenceCapabilities | null> {
    const text = await this.#read([...IN, '--report-capabilities'], signal);
    const data = text === null ? null : dumpBytes(text);
    return data === null || data.length < 8 ? null : parseCapabilities(data);
  }

  async close(): Promise<void> {
    // Nothing is open between two commands.
  }

  async #read(argv: readonly string[], signal: AbortSignal): Promise<string | null> {
    for (let attempt = 0; attempt <= MAX_ATTENTIONS; attempt += 1) {
      const ended = await this.#run(argv, signal);
      const outcome = outcomeOfCompletion(ended);
      if (outcome === 'good' && ended !== null) return ended.stdout;
      if (outcome !== 'unit-attention') return null;
    }
    return null;
  }

  /** Null: no answer within the deadline. @throws HoldfastError COMMAND_NOT_FOUND */
  async #run(argv: readonly string[], signal: AbortSignal): Promise<Completion | null> {
    try {
      return await run([...argv, this.#path], { signal, timeoutMs: this.#timeoutMs });
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof HoldfastError && error.code === 'COMMAND_TIMED_OUT') return null;
      throw error;
    }
  }
}

export function toArguments(command: PrCommand): readonly string[] {
  switch (command.kind) {
    case 'read-keys':
      return [...IN, '--read-keys'];
    case 'read-reservation':
      return [...IN, '--read-reservation'];
    case 'test-unit-ready':
      return ['sg_turs'];
    case 'synchronize-cache':
      return ['sg_sync'];
    case 'logical-unit-reset':
      return ['sg_reset', '--device', '--no-escalate'];
    case 'register':
      return [
        ...OUT,
        '--register',
        `--param-rk=${formatKey(command.current)}`,
        `--param-sark=${formatKey(command.key)}`,
        ...(command.aptpl ? ['--param-aptpl'] : []),
      ];
    case 'reserve':
      return [
        ...OUT,
        '--reserve',
        `--param-rk=${formatKey(command.key)}`,
        `--prout-type=${command.type}`,
      ];
    default:
      return [
        ...OUT,
        command.kind === 'preempt' ? '--preempt' : '--preempt-abort',
        `--param-rk=${formatKey(command.key)}`,
        `--param-sark=${formatKey(command.victim)}`,
        `--prout-type=${command.type}`,
      ];
  }
}

/** What became of the command; null: the program did not end in time. */
export function outcomeOfCompletion(ended: Completion | null): Refusal {
  if (ended === null) return 'timeout';
  const host = /Host_status=0x([0-9a-f]+)/.exec(ended.stderr + ended.stdout)?.[1];
  if (host === undefined) return outcomeOfStatus(ended.status);
  return Number.parseInt(host, 16) === DID_TIME_OUT ? 'timeout' : 'path-lost';
}

/** sg3_utils(8), "EXIT STATUS". */
export function outcomeOfStatus(status: number): Refusal {
  switch (status) {
    case 0:
    case 21: // recovered error
      return 'good';
    case 5: // illegal request
    case 9: // invalid operation code
      return 'not-supported';
    case 6:
      return 'unit-attention';
    case 11: // aborted command
    case 26: // busy
    case 27: // task set full
      return 'busy';
    case 24:
      return 'reservation-conflict';
    case 29: // task aborted
    case TIMED_OUT:
      return 'timeout';
    default:
      return 'path-lost';
  }
}

/**
 * Generation and length stand in words before the dump: put together again as SPC-4 lays them out.
 */
function answer(text: string): Buffer {
  const body = dumpBytes(text);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(Number.parseInt(/PR generation=0x([0-9a-f]+)/.exec(text)?.[1] ?? '0', 16));
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

/** Lines such as ` 10     ff f1 00 02 00 00 00 03  00 00 …`: an offset, then bytes. */
function dumpBytes(text: string): Buffer {
  const lines = [...text.matchAll(/^ ?[0-9a-f]{2,} {3,}((?:[0-9a-f]{2}\s*)+)$/gm)];
  return hexBytes(lines.map((line) => line[1]).join(' '));
}

function hexBytes(text: string): Buffer {
  return Buffer.from(text.replace(/[^0-9a-f]/g, ''), 'hex');
}
