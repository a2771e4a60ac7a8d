/**
 * SCSI commands of the port as bytes, and the answers' bytes as facts. No IO, so that each layout
 * is tested against bytes that a real target sent.
 *
 * Reference: SPC-4 §6.15 (PERSISTENT RESERVE IN), §6.16 (PERSISTENT RESERVE OUT), §6.6 (INQUIRY),
 * §4.5; SAM-5 §5.3 (status); SBC-3 §5.26 (SYNCHRONIZE CACHE).
 */
import type { ScsiCommand, ScsiResult } from '../../../system/sg-io.ts';
import type {
  FenceCapabilities,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../../fence-device.ts';

type Bytes = Pick<ScsiCommand, 'cdb' | 'out' | 'inLength'>;

const SERVICE_ACTION = {
  register: 0,
  reserve: 1,
  preempt: 4,
  'preempt-and-abort': 5,
} as const;

const APTPL = 0x01;
/** Room for 2000 registered nexuses. */
const KEYS_LENGTH = 8 + 8 * 2000;

/** Null for LOGICAL UNIT RESET, which is no command but a task management function. */
export function toBytes(command: PrCommand): Bytes | null {
  switch (command.kind) {
    case 'read-keys':
      return persistentReserveIn(0, KEYS_LENGTH);
    case 'read-reservation':
      return persistentReserveIn(1, 24);
    case 'test-unit-ready':
      return { cdb: [0, 0, 0, 0, 0, 0], out: null, inLength: 0 };
    case 'synchronize-cache':
      // Block 0 and length 0: the whole medium.
      return { cdb: [0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0], out: null, inLength: 0 };
    case 'logical-unit-reset':
      return null;
    case 'register':
      return reserveOut(command.kind, 0, command.current, command.key, command.aptpl);
    case 'reserve':
      return reserveOut(command.kind, command.type, command.key, 0n, false);
    default:
      return reserveOut(command.kind, command.type, command.key, command.victim, false);
  }
}

export const REPORT_CAPABILITIES: Bytes = persistentReserveIn(2, 8);

/** INQUIRY of VPD page 83h. */
export const INQUIRY_IDENTITY: Bytes = {
  cdb: [0x12, 1, 0x83, 0x10, 0, 0],
  out: null,
  inLength: 0x1000,
};

export function parseKeys(data: Buffer): { generation: number; keys: ReservationKey[] } {
  if (data.length < 8) return { generation: 0, keys: [] };
  const end = Math.min(data.length, 8 + data.readUInt32BE(4));
  const keys: ReservationKey[] = [];
  for (let at = 8; at + 8 <= end; at += 8) keys.push(data.readBigUInt64BE(at));
  return { generation: data.readUInt32BE(0), keys };
}

export function parseReservation(data: Buffer): {
  generation: number;
  holder: ReservationKey | null;
  type: ReservationType | null;
} {
  const generation = data.length < 4 ? 0 : data.readUInt32BE(0);
  if (data.length < 24 || data.readUInt32BE(4) < 16)
    return { generation, holder: null, type: null };
  const code = data.readUInt8(21) & 0x0f;
  const type = TYPES.find((candidate) => candidate === code) ?? null;
  return { generation, holder: data.readBigUInt64BE(8), type };
}

const TYPES: readonly ReservationType[] = [1, 3, 5, 6, 7, 8];

/**
 * `abort` and `reset` are not in the data (few targets answer REPORT SUPPORTED OPERATION CODES):
 * they count as there until a command is refused, which the takeover notices and acts on.
 */
export function parseCapabilities(data: Buffer): FenceCapabilities {
  const flags = data[2] ?? 0;
  const more = data[3] ?? 0;
  const mask = ((data[4] ?? 0) << 8) | (data[5] ?? 0);
  const listed = TYPES.filter((type) => (mask & TYPE_BITS[type]) !== 0);
  return {
    abort: true,
    reset: true,
    aptpl: (flags & 0x01) !== 0,
    aptplActive: (more & 0x01) !== 0,
    // Without TMV the mask says nothing: then what every target has to have.
    types: (more & 0x80) === 0 ? [1, 3, 5, 6] : listed,
  };
}

/** Bytes 4 and 5 of REPORT CAPABILITIES. */
const TYPE_BITS: Readonly<Record<ReservationType, number>> = {
  7: 0x8000,
  6: 0x4000,
  5: 0x2000,
  3: 0x0800,
  1: 0x0200,
  8: 0x0001,
};

type Refusal = Exclude<PrReply['kind'], 'keys' | 'reservation'>;

/**
 * LIO answers RESERVE of a nexus that is not registered with NOT READY (08h/00h) where SPC-4
 * §5.13.9 says RESERVATION CONFLICT. Both mean: nothing was done, read again; a path that is truly
 * not ready says so to the read.
 */
export function withoutQuirk(
  kind: PrCommand['kind'],
  notReady: boolean,
  outcome: Refusal,
): Refusal {
  return kind === 'reserve' && notReady ? 'reservation-conflict' : outcome;
}

export function isNotReady(result: ScsiResult): boolean {
  return result.kind === 'completed' && result.sense?.key === 0x2;
}

/** Status and sense in the words of the port; `good` when the command was carried out. */
export function outcomeOf(result: ScsiResult): Refusal {
  if (result.kind === 'transport') return result.timedOut ? 'timeout' : 'path-lost';
  switch (result.status) {
    case 0x00:
      return 'good';
    case 0x02:
      return outcomeOfSense(
        result.sense?.key ?? -1,
        result.sense?.asc ?? 0,
        result.sense?.ascq ?? 0,
      );
    case 0x08: // BUSY
    case 0x28: // TASK SET FULL
      return 'busy';
    case 0x18:
      return 'reservation-conflict';
    case 0x40: // TASK ABORTED: by somebody else's abort or reset, perhaps half way.
      return 'timeout';
    default:
      return 'path-lost';
  }
}

function outcomeOfSense(key: number, asc: number, ascq: number): Refusal {
  switch (key) {
    case 0x1: // RECOVERED ERROR
      return 'good';
    case 0x2: // NOT READY: becoming ready, or changing its ALUA state
      return asc === 0x04 && (ascq === 0x01 || ascq === 0x0a) ? 'busy' : 'path-lost';
    case 0x5:
      return 'not-supported';
    case 0x6:
      return 'unit-attention';
    case 0xb: // ABORTED COMMAND
      return 'busy';
    default:
      return 'path-lost';
  }
}

function persistentReserveIn(serviceAction: number, length: number): Bytes {
  const cdb = [0x5e, serviceAction, 0, 0, 0, 0, 0, length >> 8, length & 0xff, 0];
  return { cdb, out: null, inLength: length };
}

function reserveOut(
  kind: keyof typeof SERVICE_ACTION,
  type: number,
  key: ReservationKey,
  serviceActionKey: ReservationKey,
  aptpl: boolean,
): Bytes {
  const parameters = Buffer.alloc(24);
  parameters.writeBigUInt64BE(key, 0);
  parameters.writeBigUInt64BE(serviceActionKey, 8);
  parameters.writeUInt8(aptpl ? APTPL : 0, 20);
  const cdb = [0x5f, SERVICE_ACTION[kind], type, 0, 0, 0, 0, 0, parameters.length, 0];
  return { cdb, out: parameters, inLength: 0 };
}
