/**
 * An NVMe namespace with reservations, reached by the bytes of its commands: what the adapter would
 * send to real hardware, which is not here. Registrations belong to hosts, as NVMe has it; each host
 * may have several controllers.
 *
 * Reference: NVM Express Base Specification 2.0, §7.2–§7.5, §8.19; NVM Command Set 1.0 §4.1.5.1.
 */
import type { NvmeCommand, NvmePort, NvmeResult } from '../../../../src/system/nvme.ts';

type Host = { key: bigint };
/** NVMe's numbers: 1 WE, 2 EA, 3 WE-RO, 4 EA-RO, 5 WE-AR, 6 EA-AR. */
type Held = { readonly type: number; readonly holder: string | null };
type Write = { readonly host: string; readonly data: string };

export type NamespaceOptions = {
  /** RESCAP. */
  readonly capabilities?: number;
  /** Hosts have identifiers of 64 bits. */
  readonly shortHosts?: boolean;
  readonly controllersOfHost?: number;
};

const GOOD = 0;
const INVALID_OPCODE = 0x001;
const INVALID_FIELD = 0x002;
const ABORTED = 0x007;
const INCONSISTENT = 0x018;
const CONFLICT = 0x083;
const ALL_CAPABILITIES = 0x7f;
const REGISTRANTS_SHARE = [3, 4, 5, 6];
const ALL_HOLD = [5, 6];

export class EmulatedNamespace {
  readonly #options: NamespaceOptions;
  readonly #hosts = new Map<string, Host>();
  #held: Held | null = null;
  #generation = 0;
  #persists = false;
  #inFlight: Write[] = [];
  content = '';

  constructor(options: NamespaceOptions = {}) {
    this.#options = options;
  }

  port(host: string): NvmePort {
    return {
      submit: async (command, signal) => {
        if (signal.aborted) return { kind: 'transport' };
        return this.#execute(host, command);
      },
      close: async () => {},
    };
  }

  /** A write that is accepted, and lands when `land` says so. */
  write(host: string, data: string): { status: number; land: () => number } {
    if (this.#refuses(host)) return { status: CONFLICT, land: () => CONFLICT };
    const write = { host, data };
    this.#inFlight.push(write);
    const land = () => {
      if (!this.#inFlight.includes(write)) return ABORTED;
      this.#inFlight = this.#inFlight.filter((other) => other !== write);
      this.content = data;
      return GOOD;
    };
    return { status: GOOD, land };
  }

  powerLoss(): void {
    this.#inFlight = [];
    if (this.#persists) return;
    this.#hosts.clear();
    this.#held = null;
  }

  #execute(host: string, { queue, opcode, cdw10, cdw11, out, inLength }: NvmeCommand): NvmeResult {
    if (queue === 'admin') return this.#identify(opcode, cdw10, inLength);
    const data = Buffer.from(out ?? []);
    switch (opcode) {
      case 0x00:
        return completed(this.#refuses(host) ? CONFLICT : GOOD);
      case 0x0d:
        return completed(this.#register(host, cdw10, data));
      case 0x0e:
        return this.#report(cdw10, cdw11);
      case 0x11:
        return completed(this.#acquire(host, cdw10, data));
      default:
        return completed(INVALID_OPCODE);
    }
  }

  #register(host: string, cdw10: number, data: Buffer): number {
    const [current, next] = [data.readBigUInt64LE(0), data.readBigUInt64LE(8)];
    const there = this.#hosts.get(host);
    const persist = cdw10 >>> 30;
    switch (cdw10 & 7) {
      case 0:
        if (next === 0n) return INVALID_FIELD;
        if (there !== undefined && there.key !== next) return CONFLICT;
        if (there === undefined) this.#hosts.set(host, { key: next });
        break;
      case 1:
        if (there?.key !== current) return CONFLICT;
        this.#remove(host);
        break;
      case 2:
        if (there?.key !== current) return CONFLICT;
        there.key = next;
        break;
      default:
        return INVALID_FIELD;
    }
    if (persist === 3) this.#persists = true;
    if (persist === 2) this.#persists = false;
    this.#generation += 1;
    return GOOD;
  }

  #acquire(host: string, cdw10: number, data: Buffer): number {
    const [current, victim] = [data.readBigUInt64LE(0), data.readBigUInt64LE(8)];
    const type = (cdw10 >> 8) & 0xff;
    if (type < 1 || type > 6) return INVALID_FIELD;
    if (this.#hosts.get(host)?.key !== current) return CONFLICT;
    if ((cdw10 & 7) === 0) {
      if (this.#held === null) this.#take(host, type);
      else if (!this.#holds(host) || this.#held.type !== type) return CONFLICT;
      return GOOD;
    }
    const everybody = this.#held !== null && ALL_HOLD.includes(this.#held.type) && victim === 0n;
    if (victim === 0n && !everybody) return INVALID_FIELD;
    const victims = [...this.#hosts].filter(([, { key }]) => everybody || key === victim);
    if (victims.length === 0) return CONFLICT;
    const takes = everybody || victims.some(([name]) => this.#held?.holder === name);
    for (const [name] of victims) if (name !== host || !takes) this.#hosts.delete(name);
    if (takes) this.#take(host, type);
    if ((cdw10 & 7) === 2) {
      const names = victims.map(([name]) => name);
      this.#inFlight = this.#inFlight.filter((write) => !names.includes(write.host));
    }
    this.#generation += 1;
    return GOOD;
  }

  #report(cdw10: number, cdw11: number): NvmeResult {
    const extended = (cdw11 & 1) === 1;
    if (extended === (this.#options.shortHosts === true)) return completed(INCONSISTENT);
    const [header, entry] = extended ? [64, 64] : [24, 24];
    const each = this.#options.controllersOfHost ?? 1;
    const hosts = [...this.#hosts].flatMap((host) => Array.from({ length: each }, () => host));
    const data = Buffer.alloc((cdw10 + 1) * 4);
    data.writeUInt32LE(this.#generation, 0);
    data.writeUInt8(this.#held?.type ?? 0, 4);
    data.writeUInt16LE(hosts.length, 5);
    data.writeUInt8(this.#persists ? 1 : 0, 9);
    hosts.forEach(([name, { key }], index) => {
      const at = header + index * entry;
      data.writeUInt16LE(index, at);
      data.writeUInt8(this.#holds(name) ? 1 : 0, at + 2);
      data.writeBigUInt64LE(key, at + (extended ? 8 : 16));
      data.write(name.padEnd(extended ? 16 : 8), at + (extended ? 16 : 8), 'latin1');
    });
    return { kind: 'completed', status: GOOD, data };
  }

  #identify(opcode: number, structure: number, length: number): NvmeResult {
    if (opcode !== 0x06) return completed(INVALID_OPCODE);
    const data = Buffer.alloc(length);
    if (structure === 0) data.writeUInt8(this.#options.capabilities ?? ALL_CAPABILITIES, 31);
    else if (structure === 3)
      Buffer.from(`02100000${'0011223344556677'.repeat(2)}`, 'hex').copy(data);
    else return completed(INVALID_FIELD);
    return { kind: 'completed', status: GOOD, data };
  }

  #take(host: string, type: number): void {
    this.#held = { type, holder: ALL_HOLD.includes(type) ? null : host };
  }

  #remove(host: string): void {
    const held = this.#holds(host);
    this.#hosts.delete(host);
    if (this.#held === null || !held) return;
    if (this.#held.holder === host || this.#hosts.size === 0) this.#held = null;
  }

  #holds(host: string): boolean {
    if (this.#held === null) return false;
    return this.#held.holder === null ? this.#hosts.has(host) : this.#held.holder === host;
  }

  #refuses(host: string): boolean {
    if (this.#held === null || this.#holds(host)) return false;
    return !(REGISTRANTS_SHARE.includes(this.#held.type) && this.#hosts.has(host));
  }
}

function completed(status: number): NvmeResult {
  return { kind: 'completed', status, data: Buffer.alloc(0) };
}
