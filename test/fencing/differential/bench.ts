/**
 * What two targets are compared by: one logical unit, several I_T nexuses, one command at a time.
 * Every answer is a word: `good`, `conflict`, or sense key and additional code such as `5:26/04`.
 */
import type { ReserveOut, Status } from '../../../src/fencing/devices/emulated/commands.ts';
import { DEFAULT_TARGET } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';

export type Answer = string;
export type State = {
  /** Sorted; a target lists them in any order. */
  readonly keys: readonly bigint[];
  readonly generation: number;
  readonly holder: bigint | null;
  readonly type: number | null;
  readonly aptplActive: boolean;
};

export type Bench = {
  out(nexus: number, command: ReserveOut): Promise<Answer>;
  /** The unit attentions that wait for a nexus, sorted; they are told by this. */
  attentions(nexus: number): Promise<readonly string[]>;
  /** Seen by a nexus that has no attention waiting. */
  state(nexus: number): Promise<State>;
  /** Whether a block may be read or written now. */
  may(nexus: number, access: 'read' | 'write'): Promise<boolean>;
};

const ILLEGAL_REQUEST = 5;
const UNIT_ATTENTION = 6;
/** More than any target keeps for one nexus. */
const MAX_ATTENTIONS = 16;

export class EmulatedBench implements Bench {
  readonly #target: EmulatedTarget;

  constructor(target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1' })) {
    this.#target = target;
  }

  async out(nexus: number, command: ReserveOut): Promise<Answer> {
    return word(this.#target.reserveOut(String(nexus), command));
  }

  async attentions(nexus: number): Promise<readonly string[]> {
    return await drain(async () => word(this.#target.testUnitReady(String(nexus))));
  }

  async state(nexus: number): Promise<State> {
    const keys = this.#target.readKeys(String(nexus));
    const reservation = this.#target.readReservation(String(nexus));
    if (typeof keys !== 'object' || !('keys' in keys)) throw new Error(word(keys));
    if (typeof reservation !== 'object' || !('holder' in reservation))
      throw new Error(word(reservation));
    const { holder, type } = reservation;
    const { aptplActive } = this.#target.capabilities();
    return { keys: sorted(keys.keys), generation: keys.generation, holder, type, aptplActive };
  }

  async may(nexus: number, access: 'read' | 'write'): Promise<boolean> {
    const target = this.#target.fork();
    const status =
      access === 'read'
        ? target.read(String(nexus), 0)
        : target.submitWrite(String(nexus), 0, 'data');
    return typeof status === 'object' && !('check' in status);
  }
}

/** Asks until nothing waits any more. */
export async function drain(testUnitReady: () => Promise<Answer>): Promise<readonly string[]> {
  const told: string[] = [];
  for (let i = 0; i < MAX_ATTENTIONS; i += 1) {
    const answer = await testUnitReady();
    if (!answer.startsWith(`${UNIT_ATTENTION}:`)) break;
    told.push(answer.slice(2));
  }
  return told.sort();
}

export function sorted(keys: readonly bigint[]): readonly bigint[] {
  return [...keys].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function word(status: Status | object): Answer {
  if (typeof status === 'string') return status === 'reservation-conflict' ? 'conflict' : status;
  if (!('check' in status)) return 'good';
  const { check, code } = status as Extract<Status, object>;
  return `${check === 'unit-attention' ? UNIT_ATTENTION : ILLEGAL_REQUEST}:${code}`;
}
