/** A cluster of three members on loopback that takes puts: what the measurements know of it. */

export type Contender = {
  readonly name: string;
  /** `host:port` of each member, for `PutClient`. */
  readonly doors: readonly string[];
  /** Starts on empty data and resolves when there is a leader. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Which member leads; null while nobody knows. */
  leader(): Promise<number | null>;
  /** SIGKILL to its process; sent when this returns. */
  kill(member: number): void;
  /** On the data that it left. Resolves when the process was started. */
  restart(member: number): Promise<void>;
};

export type Say = (line: string) => void;

export const MEMBERS = 3;
/** How long a busy machine may take to start a cluster, or to elect. */
export const PATIENCE_MS = 60_000;
