/**
 * Reads what comes through the pipe. The daemon and its guardian are of one version, so anything that
 * does not fit is a daemon gone wrong: the answer is null, and the guardian then acts as if it died.
 */
import type { Route } from '../system/routes.ts';
import type { Teardown } from '../system/teardown.ts';
import type { ToGuardian } from './messages.ts';

type Arm = Extract<ToGuardian, { kind: 'arm' }>;

/** Fields of each teardown, by type; a kind that is missing here is not understood. */
const TEARDOWN_FIELDS: { readonly [K in Teardown['kind']]: Readonly<Record<string, string>> } = {
  'block-address': { group: 'string', address: 'string' },
  'delete-address': { device: 'string', address: 'string' },
  'delete-link': { device: 'string' },
  'delete-route': {},
  'kill-cgroup': { path: 'string' },
  'kill-process-group': { pid: 'number', startTicks: 'number' },
  'unmount-lazily': { path: 'string' },
  'run-command': {},
  'withdraw-port': { segment: 'string', address: 'string', node: 'string' },
};

const NAMED = { requestId: 'number', group: 'string', epoch: 'number' };
const ARM_FIELDS = { serveUntilMs: 'number', downByMs: 'number', secret: 'string' };

/** One line of the pipe, or null. */
export function parseMessage(line: string): ToGuardian | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Not JSON is one of the ways not to be a message.
    return null;
  }
  if (!has(value, NAMED)) return null;
  if (value['kind'] === 'disarm') return value as ToGuardian;
  return value['kind'] === 'arm' && isArm(value) ? value : null;
}

function isArm(value: Readonly<Record<string, unknown>>): value is Arm {
  const { addresses, publishTo, teardown } = value;
  return (
    has(value, ARM_FIELDS) &&
    areStrings(addresses) &&
    areStrings(publishTo) &&
    Array.isArray(teardown) &&
    teardown.every(isTeardown)
  );
}

function isTeardown(value: unknown): value is Teardown {
  if (!has(value, { kind: 'string' })) return false;
  const fields = Object.entries(TEARDOWN_FIELDS).find(([kind]) => kind === value['kind'])?.[1];
  if (fields === undefined || !has(value, fields)) return false;
  if (value['kind'] === 'run-command') {
    const { argv, environment } = value;
    return areStrings(argv) && argv.length > 0 && areStrings(environment);
  }
  if (value['kind'] === 'delete-route') return isRoute(value['route']);
  const pid: unknown = value['pid'];
  return pid === undefined || (typeof pid === 'number' && Number.isInteger(pid) && pid > 1);
}

function isRoute(value: unknown): value is Route {
  if (!has(value, { destination: 'string', device: 'string', metric: 'number' })) return false;
  const orNull = (field: unknown, type: string) => field === null || typeof field === type;
  const { gateway, source, table } = value;
  return orNull(gateway, 'string') && orNull(source, 'string') && orNull(table, 'number');
}

function areStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function has(
  value: unknown,
  fields: Readonly<Record<string, string>>,
): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false;
  const entries = new Map(Object.entries(value));
  return Object.entries(fields).every(([name, type]) => {
    const field: unknown = entries.get(name);
    return typeof field === type && (type !== 'number' || Number.isFinite(field));
  });
}
