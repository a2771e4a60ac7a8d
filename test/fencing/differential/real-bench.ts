/** A real disk, one device node for each I_T nexus, by SG_IO. */
import type { ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';
import {
  parseCapabilities,
  parseKeys,
  parseReservation,
  REPORT_CAPABILITIES,
  toBytes,
} from '../../../src/fencing/devices/scsi/commands.ts';
import type { Millis } from '../../../src/lib/ids.ts';
import { type ScsiCommand, type ScsiResult, SgDevice } from '../../../src/system/sg-io.ts';
import { type Answer, type Bench, drain, type State, sorted } from './bench.ts';

/** SPC-4 §6.16 table 201. */
const SERVICE_ACTION: Readonly<Record<ReserveOut['action'], number>> = {
  register: 0,
  reserve: 1,
  release: 2,
  clear: 3,
  preempt: 4,
  'preempt-and-abort': 5,
  'register-and-ignore': 6,
};
const STATUS: Readonly<Record<number, string>> = { 0: 'good', 8: 'busy', 24: 'conflict' };
const CHECK_CONDITION = 2;
const TIMEOUT_MS: Millis = 10_000;
const BLOCK_BYTES = 512;
/** READ(10) and WRITE(10) of one block, away from any label. */
const READ = [0x28, 0, 0, 0, 0x10, 0, 0, 0, 1, 0];
const WRITE = [0x2a, 0, 0, 0, 0x10, 0, 0, 0, 1, 0];
const ZEROS = new Uint8Array(BLOCK_BYTES);
const NEVER = new AbortController().signal;

type Bytes = Omit<ScsiCommand, 'timeoutMs'>;

export class RealBench implements Bench {
  readonly #devices: readonly SgDevice[];
  /** Commands sent, and how many of them were answered only after unit attentions were told. */
  sent = 0;

  /** @param nodes `/dev/sgN` or `/dev/sdX`, all of one logical unit */
  constructor(nodes: readonly string[]) {
    this.#devices = nodes.map((node) => new SgDevice(node));
  }

  async out(nexus: number, command: ReserveOut): Promise<Answer> {
    return word(await this.#send(nexus, reserveOutBytes(command)));
  }

  async attentions(nexus: number): Promise<readonly string[]> {
    return await drain(async () =>
      word(await this.#send(nexus, { cdb: [0, 0, 0, 0, 0, 0], out: null, inLength: 0 })),
    );
  }

  async state(nexus: number): Promise<State> {
    const { keys, generation } = parseKeys(await this.#read(nexus, known('read-keys')));
    const { holder, type } = parseReservation(await this.#read(nexus, known('read-reservation')));
    const { aptplActive } = parseCapabilities(await this.#read(nexus, REPORT_CAPABILITIES));
    return { keys: sorted(keys), generation, holder, type, aptplActive };
  }

  async may(nexus: number, access: 'read' | 'write'): Promise<boolean> {
    const bytes: Bytes =
      access === 'read'
        ? { cdb: READ, out: null, inLength: BLOCK_BYTES }
        : { cdb: WRITE, out: ZEROS, inLength: 0 };
    const answer = word(await this.#send(nexus, bytes));
    if (answer !== 'good' && answer !== 'conflict') throw new Error(`${access}: ${answer}`);
    return answer === 'good';
  }

  async close(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.close()));
  }

  async #read(nexus: number, bytes: Bytes): Promise<Buffer> {
    const result = await this.#send(nexus, bytes);
    if (result.kind !== 'completed' || result.status !== 0)
      throw new Error(`${bytes.cdb.join(' ')}: ${word(result)}`);
    return result.data;
  }

  async #send(nexus: number, bytes: Bytes): Promise<ScsiResult> {
    const device = this.#devices[nexus];
    if (device === undefined) throw new RangeError(`there is no nexus ${nexus}`);
    this.sent += 1;
    return await device.execute({ ...bytes, timeoutMs: TIMEOUT_MS }, NEVER);
  }
}

function known(kind: 'read-keys' | 'read-reservation'): Bytes {
  const bytes = toBytes({ kind, path: '' });
  if (bytes === null) throw new RangeError(kind);
  return bytes;
}

function reserveOutBytes(command: ReserveOut): Bytes {
  const parameters = Buffer.alloc(24);
  parameters.writeBigUInt64BE(command.key, 0);
  if ('serviceKey' in command) parameters.writeBigUInt64BE(command.serviceKey, 8);
  if ('aptpl' in command) parameters.writeUInt8(command.aptpl ? 1 : 0, 20);
  const type = 'type' in command ? command.type : 0;
  const cdb = [0x5f, SERVICE_ACTION[command.action], type, 0, 0, 0, 0, 0, parameters.length, 0];
  return { cdb, out: parameters, inLength: 0 };
}

function word(result: ScsiResult): Answer {
  if (result.kind === 'transport') return `transport:${result.hostStatus}`;
  const { status, sense } = result;
  if (status !== CHECK_CONDITION || sense === null) return STATUS[status] ?? `status:${status}`;
  const byte = (value: number) => value.toString(16).padStart(2, '0');
  return `${sense.key}:${byte(sense.asc)}/${byte(sense.ascq)}`;
}
