/**
 * The verbs of the port as NVMe commands, and the answers' bytes as facts. No IO.
 *
 * NVMe registers a host, not a nexus: all controllers of one host share its registration, so that
 * several paths need nothing more. It numbers the types in another way than SPC-4, writes its
 * numbers with the lowest byte first, has no unit attentions, and no reset of a namespace.
 *
 * Reference: NVM Express Base Specification 2.0, §7.2 (Reservation Acquire), §7.3 (Register), §7.4
 * (Release), §7.5 (Report), §8.19 (reservations), §5.17.2 (Identify); NVM Command Set 1.0 §4.1.5.1.
 */
import type { NvmeCommand, NvmeResult } from '../../../system/nvme.ts';
import type {
  FenceCapabilities,
  PrCommand,
  PrReply,
  ReservationKey,
  ReservationType,
} from '../../fence-device.ts';

type Bytes = Omit<NvmeCommand, 'timeoutMs'>;

const OPCODE = { flush: 0x00, register: 0x0d, report: 0x0e, acquire: 0x11 } as const;
const IDENTIFY = 0x06;
const REGISTER_ACTION = { register: 0, unregister: 1, replace: 2 } as const;
const ACQUIRE_ACTION = { reserve: 0, preempt: 1, 'preempt-and-abort': 2 } as const;
/** CPTPL: the state persists through a power loss; 0 leaves it as it is. */
const PERSIST = 3 << 30;
const EXTENDED = 1;

/** In the order of NVMe's numbers, from 1 on. */
const TYPES: readonly ReservationType[] = [1, 3, 5, 6, 7, 8];

/** Room for 500 controllers, in dwords. */
const REPORT_BYTES = 64 + 64 * 500;

/**
 * Null for what NVMe does not have (LOGICAL UNIT RESET), and `nothing` for what it does by itself.
 */
export function toNvme(command: PrCommand): Bytes | 'nothing' | null {
  switch (command.kind) {
    case 'read-keys':
    case 'read-reservation':
    case 'test-unit-ready':
      return report(true);
    case 'synchronize-cache':
      return { ...IO, opcode: OPCODE.flush };
    case 'logical-unit-reset':
      return null;
    case 'register':
      return register(command.current, command.key, command.aptpl);
    case 'reserve':
      return acquire(command.kind, command.type, [command.key, 0n]);
    default:
      return acquire(command.kind, command.type, [command.key, command.victim]);
  }
}

const IO = { queue: 'io', cdw10: 0, cdw11: 0, out: null, inLength: 0 } as const;

/** `extended`: with host identifiers of 128 bits, as Linux has them. */
export function report(extended: boolean): Bytes {
  const cdw10 = REPORT_BYTES / 4 - 1;
  const cdw11 = extended ? EXTENDED : 0;
  return { ...IO, opcode: OPCODE.report, cdw10, cdw11, inLength: REPORT_BYTES };
}

function register(current: ReservationKey, key: ReservationKey, persist: boolean) {
  if (current === 0n && key === 0n) return 'nothing';
  const action = current === 0n ? 'register' : key === 0n ? 'unregister' : 'replace';
  const cdw10 = REGISTER_ACTION[action] | (persist ? PERSIST : 0);
  return { ...IO, opcode: OPCODE.register, cdw10, out: keys(current, key) };
}

function acquire(
  kind: keyof typeof ACQUIRE_ACTION,
  type: ReservationType,
  [own, victim]: readonly [ReservationKey, ReservationKey],
): Bytes {
  const cdw10 = ACQUIRE_ACTION[kind] | ((TYPES.indexOf(type) + 1) << 8);
  return { ...IO, opcode: OPCODE.acquire, cdw10, out: keys(own, victim) };
}

function keys(first: ReservationKey, second: ReservationKey): Buffer {
  const data = Buffer.alloc(16);
  data.writeBigUInt64LE(first, 0);
  data.writeBigUInt64LE(second, 8);
  return data;
}

export type Report = {
  readonly generation: number;
  readonly keys: readonly ReservationKey[];
  readonly holder: ReservationKey | null;
  readonly type: ReservationType | null;
  /** PTPLS. */
  readonly persists: boolean;
};

/** A host with several controllers is listed once for each; its key counts once. */
export function parseReport(data: Buffer, extended: boolean): Report {
  const header = extended ? 64 : 24;
  const entry = extended ? 64 : 24;
  if (data.length < header) throw new RangeError('a reservation report without a header');
  const type = TYPES[data.readUInt8(4) - 1] ?? null;
  const hosts = new Map<string, { key: ReservationKey; holds: boolean }>();
  const count = data.readUInt16LE(5);
  for (let at = header; at + entry <= data.length && (at - header) / entry < count; at += entry) {
    const host = data.toString('hex', at + (extended ? 16 : 8), at + (extended ? 32 : 16));
    const key = data.readBigUInt64LE(at + (extended ? 8 : 16));
    const holds = (data.readUInt8(at + 2) & 1) === 1;
    hosts.set(host, { key, holds: holds || hosts.get(host)?.holds === true });
  }
  const all = [...hosts.values()];
  const shared = type === 7 || type === 8;
  const holder = shared ? 0n : (all.find(({ holds }) => holds)?.key ?? null);
  return {
    generation: data.readUInt32LE(0),
    keys: all.map(({ key }) => key),
    holder: type === null ? null : holder,
    type,
    persists: (data.readUInt8(9) & 1) === 1,
  };
}

/** Identify Namespace; its byte 31 says which reservations there are. */
export const IDENTIFY_NAMESPACE: Bytes = identify(0x00);
/** Namespace Identification Descriptor list. */
export const IDENTIFY_DESCRIPTORS: Bytes = identify(0x03);

function identify(structure: number): Bytes {
  return { ...IO, queue: 'admin', opcode: IDENTIFY, cdw10: structure, inLength: 4096 };
}

/** RESCAP. 0: the namespace has no reservations. */
export function parseCapabilities(namespace: Buffer, persists: boolean): FenceCapabilities | null {
  const bits = namespace[31] ?? 0;
  const types = TYPES.filter((_, index) => (bits & (2 << index)) !== 0);
  if (types.length === 0) return null;
  return { abort: true, reset: false, aptpl: (bits & 1) !== 0, aptplActive: persists, types };
}

/** As Linux' `wwid` writes it: `uuid.…`, else `eui.…` of the NGUID, else of the EUI-64. */
export function parseIdentity(descriptors: Buffer): string | null {
  const found = new Map<number, string>();
  for (let at = 0; at + 4 <= descriptors.length; ) {
    const [type = 0, length = 0] = descriptors.subarray(at, at + 2);
    if (length === 0) break;
    found.set(type, descriptors.toString('hex', at + 4, at + 4 + length));
    at += 4 + length;
  }
  const uuid = found.get(3);
  if (uuid !== undefined && /[1-9a-f]/.test(uuid)) {
    return `uuid.${uuid.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`;
  }
  const other = [found.get(2), found.get(1)].find((id) => id !== undefined && /[1-9a-f]/.test(id));
  return other === undefined ? null : `eui.${other}`;
}

type Refusal = Exclude<PrReply['kind'], 'keys' | 'reservation'>;

/** The hosts' identifiers have the other length: ask for the report in its other form. */
export const HOST_IDENTIFIER_INCONSISTENT = 0x018;

export function outcomeOf(result: NvmeResult): Refusal {
  if (result.kind === 'transport') return 'path-lost';
  switch (result.status) {
    case 0x000:
      return 'good';
    case 0x083:
      return 'reservation-conflict';
    case 0x001: // Invalid Command Opcode
    case 0x002: // Invalid Field in Command
      return 'not-supported';
    case 0x082: // Namespace Not Ready
    case 0x084: // Format In Progress
      return 'busy';
    case 0x007: // Command Abort Requested
    case 0x371: // Command Aborted By Host: the kernel's timeout
      return 'timeout';
    default:
      return 'path-lost';
  }
}
