/**
 * What the exit status of `holdfast` means, in one table: scripts depend on it, so a meaning never
 * changes. The same table stands in README.md of this folder.
 */
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';

export const EXIT = {
  /** Done, or answered. */
  ok: 0,
  /** Refused by the cluster, or failed. */
  refused: 1,
  /** The command line is not understood. */
  usage: 2,
  /** No daemon answers on the socket. */
  unreachable: 3,
  /** `--current` was asked, and no majority answered: what was printed may be out of date. */
  stale: 4,
  /** The configuration is wrong. */
  configuration: 5,
  /** Not now: no majority, no leader, or no answer in time. The same command may work in a moment. */
  tryAgain: 6,
  /** `run`: the daemon did not start (socket or port in use, data directory of another cluster …). */
  notStarted: 7,
  /** `disk verify`: the disk can carry a group, with less than everything, or not all was proven. */
  limited: 8,
  /** `disk verify`: the disk must not carry a group. */
  unfit: 9,
  /** A bug of the program (EX_SOFTWARE of sysexits.h). */
  internal: 70,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** As the help prints them. */
export const EXIT_WORDS: Readonly<Record<ExitCode, string>> = {
  0: 'done, or answered',
  1: 'refused by the cluster, or failed',
  2: 'the command line is not understood',
  3: 'no daemon answers on the socket',
  4: '--current was asked and no majority answered: what was printed may be out of date',
  5: 'the configuration is wrong',
  6: 'not now (no majority, no leader, no answer in time): it may work in a moment',
  7: 'run: the daemon did not start',
  8: 'disk verify: the disk can carry a group, with limits; or not all was proven',
  9: 'disk verify: the disk must not carry a group',
  70: 'a bug of the program',
};

const CODES: Partial<Readonly<Record<ProblemCode, ExitCode>>> = {
  USAGE: EXIT.usage,
  DAEMON_UNREACHABLE: EXIT.unreachable,
  BAD_ANSWER: EXIT.unreachable,
  CONFIG_NOT_FOUND: EXIT.configuration,
  CONFIG_SYNTAX: EXIT.configuration,
  CONFIG_UNKNOWN_KEY: EXIT.configuration,
  CONFIG_INVALID: EXIT.configuration,
  DUPLICATE_NAME: EXIT.configuration,
  DUPLICATE_ADDRESS: EXIT.configuration,
  CYCLIC_DEPENDENCY: EXIT.configuration,
  UNKNOWN_DEPENDENCY: EXIT.configuration,
  UNKNOWN_RESOURCE_TYPE: EXIT.configuration,
  BARRIER_REFUSED: EXIT.configuration,
  NO_JOURNAL: EXIT.configuration,
  NODE_NOT_IN_MEMBERS: EXIT.configuration,
  TOO_FEW_INTERCONNECTS: EXIT.configuration,
  TIMES_INCONSISTENT: EXIT.configuration,
  NO_QUORUM: EXIT.tryAgain,
  NOT_LEADER: EXIT.tryAgain,
  NO_CLUSTER: EXIT.tryAgain,
  TOO_MANY_UNCOMMITTED: EXIT.tryAgain,
  TOO_MANY_WATCHERS: EXIT.tryAgain,
  REQUEST_TIMED_OUT: EXIT.tryAgain,
  JOIN_UNREACHABLE: EXIT.tryAgain,
  VERIFICATION_ENDED: EXIT.tryAgain,
  INTERNAL: EXIT.internal,
};

/** The status of a command that failed with `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof HoldfastError)) return EXIT.internal;
  return CODES[error.code] ?? EXIT.refused;
}

/** The status of `run` when the daemon could not start: everything operational is `notStarted`. */
export function startExitCodeOf(error: unknown): ExitCode {
  const code = exitCodeOf(error);
  return code === EXIT.configuration || code === EXIT.internal ? code : EXIT.notStarted;
}
