/**
 * The parameters of a `disk` resource, read from its definition. Reference: src/fencing/README.md,
 * "The parameters of a disk".
 */
import type { Parameter, ResourceDefinition } from '../../cluster/definition.ts';
import { ADAPTERS, type Adapter } from '../../fencing/devices/choose.ts';
import { isEmulated } from '../../fencing/devices/emulated/address.ts';
import type { ReservationType } from '../../fencing/fence-device.ts';
import { failure, type Result, success } from '../../lib/result.ts';

export type DiskParameters = {
  /** VPD page 83h, such as `naa.6001405…`; null only for emulated disks. */
  readonly identity: string | null;
  /** Where to look; none: found by its identity. */
  readonly devices: readonly string[];
  /** Null: by what the disk is. */
  readonly adapter: Adapter | null;
  readonly type: ReservationType;
  readonly volatileReservations: boolean;
  readonly acceptLateWrites: boolean;
};

export type ParameterProblem = { readonly code: 'DISK_PARAMETER_INVALID'; readonly detail: string };

const KNOWN = [
  'identity',
  'device',
  'adapter',
  'reservation-type',
  'volatile-reservations',
  'accept-late-writes',
];

export function diskParameters(
  definition: ResourceDefinition,
): Result<DiskParameters, ParameterProblem> {
  const given = definition.parameters;
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) return invalid(`there is no parameter ${unknown}`);

  const devices = strings(given['device'] ?? []);
  if (devices === null) return invalid('device is a path or a list of paths');
  const emulated = devices.some(isEmulated);
  const adapter = given['adapter'] ?? (emulated ? 'emulated' : null);
  const chosen = adapter === null ? null : (ADAPTERS.find((name) => name === adapter) ?? undefined);
  if (chosen === undefined) return invalid(`adapter is one of ${ADAPTERS.join(', ')}`);
  if ((chosen === 'emulated') !== emulated || (emulated && devices.length !== 1)) {
    return invalid('an emulated disk is one device `emulated:SOCKET#LUN`, others are paths');
  }

  const identity = given['identity'] ?? null;
  if (identity !== null && (typeof identity !== 'string' || identity === '')) {
    return invalid('identity is the text of VPD page 83h, such as naa.6001405…');
  }
  if (identity === null && !emulated) return invalid('identity is missing');

  const type = TYPES.find((each) => each === (given['reservation-type'] ?? 1));
  if (type === undefined) return invalid('reservation-type is 1 or 3 (one path), 5 or 6 (several)');
  if (chosen === 'sg-persist' && (type === 5 || type === 6)) {
    return invalid(SG_PERSIST_AND_REGISTRANTS);
  }
  const volatileReservations = given['volatile-reservations'] ?? false;
  const acceptLateWrites = given['accept-late-writes'] ?? false;
  if (typeof volatileReservations !== 'boolean' || typeof acceptLateWrites !== 'boolean') {
    return invalid('volatile-reservations and accept-late-writes are true or false');
  }
  return success({
    identity,
    devices,
    adapter: chosen,
    type,
    volatileReservations,
    acceptLateWrites,
  });
}

/**
 * An sg_persist that is killed at its deadline may leave its command in the kernel, and nobody waits
 * for it. With types 1 and 3 a REGISTER that arrives late gives no right to write; with 5 and 6 it does.
 */
const SG_PERSIST_AND_REGISTRANTS =
  'adapter sg-persist takes reservation-type 1 or 3 only: a command of it that is killed may still ' +
  'arrive, and with types 5 and 6 a late registration may write; use adapter scsi';

/** With 7 and 8 every registrant holds: there is no mark of who came last. */
const TYPES: readonly ReservationType[] = [1, 3, 5, 6];

function strings(value: Parameter): readonly string[] | null {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value : null;
}

function invalid(detail: string): Result<never, ParameterProblem> {
  return failure({ code: 'DISK_PARAMETER_INVALID', detail });
}
