/**
 * HTTP statuses of the problem codes (RFC 9110 §15): 404 for what is not there, 409 for what the
 * state of the cluster forbids now, 503 for what may work in a moment, 500 for the rest.
 */
import type { ProblemCode } from '../lib/problems.ts';

const STATUSES: Partial<Readonly<Record<ProblemCode, number>>> = {
  BAD_REQUEST: 400,
  NOT_PERMITTED: 403,
  PEER_UNKNOWN: 403,
  UNKNOWN_GROUP: 404,
  UNKNOWN_NODE: 404,
  UNKNOWN_SUBJECT: 404,
  UNKNOWN_ROUTE: 404,
  INVITATION_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  NOT_LEADER: 503,
  NO_QUORUM: 503,
  NO_CLUSTER: 503,
  TOO_MANY_UNCOMMITTED: 503,
  TOO_MANY_WATCHERS: 503,
  REQUEST_TIMED_OUT: 504,
  INTERNAL: 500,
};

/** What is refused by the state of the cluster, and not by the words of the request, is a conflict. */
const OTHERWISE = 409;

export function httpStatusOf(code: ProblemCode): number {
  return STATUSES[code] ?? OTHERWISE;
}
