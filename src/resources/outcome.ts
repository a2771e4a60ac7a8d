/**
 * From what the host said to what an agent answers: an OCF exit status with a code.
 *
 * Reference: OCF Resource Agent API 1.1, "exit status codes".
 */
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { NOT_RUNNING, type OcfStatus, OK, type Outcome } from './agent.ts';

/** 2–5 mean "not on this node", 6 "nowhere"; everything else may succeed when it is tried again. */
const STATUS: Partial<Readonly<Record<ProblemCode, OcfStatus>>> = {
  COMMAND_NOT_FOUND: 5,
  NATIVE_CALLS_UNAVAILABLE: 5,
  DEVICE_NOT_FOUND: 5,
  USER_UNKNOWN: 5,
  OCF_AGENT_MISSING: 5,
  UNIT_NOT_FOUND: 5,
  NFS_SERVER_DOWN: 5,
  MODULE_AGENT_INVALID: 5,
  AGENT_NOT_TRUSTED: 4,
  UNIT_ENABLED: 2,
  RESOURCE_MISCONFIGURED: 6,
  FLOATING_ADDRESS_INVALID: 6,
  BARRIER_REFUSED: 6,
  NO_JOURNAL: 6,
  FILESYSTEM_GONE: 6,
  SEVERAL_DEVICES: 6,
};

export function failed(code: ProblemCode, detail: string): Outcome {
  return { status: STATUS[code] ?? 1, code, detail };
}

export function notRunning(detail: string): Outcome {
  return { ...NOT_RUNNING, detail };
}

/** Runs an action; an operating error is its outcome, an abort and a programmer's error pass through. */
export async function outcomeOf(act: () => Promise<Outcome | undefined>): Promise<Outcome> {
  try {
    return (await act()) ?? OK;
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return failed(error.code, error.message);
  }
}
