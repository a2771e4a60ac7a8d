/**
 * Everything that the driver may touch. Production builds one out of real parts, the simulation
 * another; nothing in `node/` reads a clock, a socket or a process in any other way.
 */

import type { FromGuardian, GuardianEvidence, ToGuardian } from '../guardian/messages.ts';
import type { Clock } from '../lib/clock.ts';
import type { Millis } from '../lib/ids.ts';
import type { Random } from '../lib/random.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { Logger } from '../observability/logger.ts';
import type { LogStore } from '../raft/log-store.ts';
import type { ResourceAgent } from '../resources/agent.ts';

/**
 * Port: the guardian process. `send` is answered by `armed`/`disarmed`; when the process is gone a
 * new one is started and everything is armed again. A lease that is not acknowledged does not count.
 */
export type Guardian = {
  start(handler: (message: FromGuardian) => void): Promise<void>;
  send(message: ToGuardian): void;
  /** Called when the process ended without being asked. */
  onExit(handler: () => void): void;
  stop(): Promise<void>;
};

/** Port: words of other nodes' guardians, which are no peers of the mesh any more. */
export type EvidenceListener = {
  start(handler: (evidence: GuardianEvidence) => void): Promise<void>;
  stop(): Promise<void>;
};

export type World = {
  readonly clock: Clock;
  /** Wall clock, milliseconds since 1970: for the expiry of invitations, and for nothing else. */
  wallMs(): Millis;
  readonly random: Random;
  readonly log: LogStore;
  readonly mesh: Mesh;
  readonly agents: ReadonlyMap<string, ResourceAgent>;
  readonly guardian: Guardian;
  readonly logger: Logger;
  /** Whether this host is short of processors; absent where nobody can say. */
  isLoaded?(): boolean;
  /** 32 random bytes in hex: the secret of an epoch. Not `random`, which is no source of secrets. */
  secret(): string;
  /** Writes one line of the trace; bounded, never throws. */
  record(event: object): void;
  /** Resets the machine; does not come back. */
  selfFence(cause: string): void;
};
