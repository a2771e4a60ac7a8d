/**
 * The port of every laboratory: a machine room with nodes, a storage, four networks and a client.
 * What is told with it runs in each of them. `kernel/` gives every node a kernel of its own;
 * `native/` lets nodes share the host's, at the host's own speed.
 */
import type { Client } from './kernel/client.ts';
import type { Cut } from './kernel/network.ts';

/** What a command said. */
export type Answer = {
  /** The command's exit status; −1 when no answer came in time, or the power went. */
  readonly status: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
};

export type Machine = {
  readonly id: number;
  readonly name: string;
  /** A directory of the host that the machine sees as /lab, written through: it survives power loss. */
  readonly share: string;
  readonly isOn: boolean;
  /** Runs a shell command; a program that it leaves in the background must have its output redirected. */
  exec(command: string, timeoutMs?: number): Promise<Answer>;
  /** Runs a command that must succeed and answers its output. @throws LabError GUEST_COMMAND_FAILED */
  ok(command: string, timeoutMs?: number): Promise<string>;
  /** on or frozen → off, as when the plug is pulled. Resolves when no process of it is left. */
  powerOff(): Promise<void>;
  /** on → frozen: the whole machine stands still. */
  freeze(): void;
  /** frozen → on: it goes on as if nothing had happened. */
  thaw(): void;
  /** frozen: when it is thawed, its clock will have run so much longer. Where machines have clocks. */
  moveClock?(byMs: number): void;
};

/** Who is registered for a LUN and who holds it, as the target says. */
export type Reservation = {
  readonly lun: number;
  /** The node whose session holds the reservation. */
  readonly holder: number | null;
  readonly type: string | null;
  /** Key, in hexadecimal, of each node that is registered. */
  readonly keys: Readonly<Record<number, string>>;
};

export type Lab = {
  readonly kind: 'kernel' | 'native';
  readonly namespace: string;
  readonly directory: string;
  readonly nodes: readonly Machine[];
  readonly storage: Machine;
  readonly client: Client;
  /** 0 is the storage, 1 to n are the nodes. */
  guest(id: number): Machine;
  /** off → on, as after the power came back, and logged in to the storage. */
  boot(id: number): Promise<void>;
  cut(...cuts: readonly Cut[]): Promise<void>;
  restore(...cuts: readonly Cut[]): Promise<void>;
  restoreAll(): Promise<void>;
  down(): Promise<void>;
  /** The parameters of a `disk` resource for a LUN of this laboratory. */
  diskParameters(lun: number): Promise<Readonly<Record<string, string | boolean>>>;
  /** Asked of the target, never of who believes to hold it. */
  reservations(luns: number, timeoutMs: number): Promise<readonly Reservation[]>;
};
