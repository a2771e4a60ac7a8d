/**
 * The verbs of the port on the model: one command in, one reply out, at once. The server, the
 * simulation and the tests of the protocol all speak to the target through it. It adds nothing of
 * its own.
 */
import type { PathId, PrCommand, PrReply } from '../../fence-device.ts';
import type { ReserveOut, Status } from './commands.ts';
import type { EmulatedTarget } from './target.ts';

/** One verb of the port on the model, and its status in the words of the port. */
export function execute(target: EmulatedTarget, nexus: string, command: PrCommand): PrReply {
  const { path } = command;
  switch (command.kind) {
    case 'read-keys': {
      const answer = target.readKeys(nexus);
      return typeof answer === 'object' && 'keys' in answer
        ? { kind: 'keys', path, ...answer }
        : spoken(answer, path);
    }
    case 'read-reservation': {
      const answer = target.readReservation(nexus);
      return typeof answer === 'object' && 'holder' in answer
        ? { kind: 'reservation', path, ...answer }
        : spoken(answer, path);
    }
    case 'test-unit-ready':
      return spoken(target.testUnitReady(nexus), path);
    case 'synchronize-cache':
      return spoken(target.synchronizeCache(nexus), path);
    case 'logical-unit-reset':
      return spoken(target.logicalUnitReset(nexus), path);
    default:
      return spoken(target.reserveOut(nexus, toReserveOut(command)), path);
  }
}

type OutCommand = Extract<PrCommand, { readonly key: bigint }>;

function toReserveOut(command: OutCommand): ReserveOut {
  switch (command.kind) {
    case 'register':
      return {
        action: 'register',
        key: command.current,
        serviceKey: command.key,
        aptpl: command.aptpl,
      };
    case 'reserve':
      return { action: 'reserve', key: command.key, type: command.type };
    default:
      return {
        action: command.kind,
        key: command.key,
        serviceKey: command.victim,
        type: command.type,
      };
  }
}

function spoken(status: Status, path: PathId): PrReply {
  const attention = typeof status === 'object' && status.check === 'unit-attention';
  return attention
    ? { kind: 'unit-attention', path, code: status.code }
    : { kind: word(status), path };
}

export function word(
  status: Status,
): 'good' | 'reservation-conflict' | 'unit-attention' | 'busy' | 'not-supported' {
  if (typeof status === 'string') return status;
  return status.check === 'unit-attention' ? 'unit-attention' : 'not-supported';
}
