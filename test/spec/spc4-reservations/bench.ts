/**
 * A target with three nexuses: one that holds, one that is registered, one that is not. Each is
 * named for what it is. Attentions are told before anything is looked at.
 */
import { expect } from 'vitest';
import {
  DEFAULT_TARGET,
  type ReserveOut,
  type Status,
  type TargetOptions,
  type Task,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import type { ReservationType } from '../../../src/fencing/fence-device.ts';

export { TYPES } from '../../fencing/differential/commands.ts';

export const [HOLDER, REGISTRANT, STRANGER] = ['holder', 'registrant', 'stranger'];
export const [HOLDERS_KEY, REGISTRANTS_KEY] = [0x1n, 0x2n];
export const SINGLE: readonly ReservationType[] = [1, 3, 5, 6];
export const ALL_REGISTRANTS: readonly ReservationType[] = [7, 8];

export function blank(options: Partial<TargetOptions> = {}): EmulatedTarget {
  const target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: 'naa.1', ...options });
  for (const nexus of [HOLDER, REGISTRANT, STRANGER]) told(target, nexus);
  return target;
}

/** The attentions that wait for a nexus, oldest first; they are told by this. */
export function told(target: EmulatedTarget, nexus: string): string[] {
  const codes: string[] = [];
  for (let i = 0; i < 20; i += 1) {
    const status = target.testUnitReady(nexus);
    if (typeof status === 'string') break;
    codes.push(status.code);
  }
  return codes;
}

export function out(target: EmulatedTarget, nexus: string, command: ReserveOut): Status {
  told(target, nexus);
  return target.reserveOut(nexus, command);
}

export const register = (key: bigint, serviceKey: bigint, aptpl = true): ReserveOut => ({
  action: 'register',
  key,
  serviceKey,
  aptpl,
});
export const ignore = (serviceKey: bigint, aptpl = true): ReserveOut => ({
  action: 'register-and-ignore',
  key: 0x99n,
  serviceKey,
  aptpl,
});
export const reserve = (key: bigint, type: ReservationType): ReserveOut => ({
  action: 'reserve',
  key,
  type,
});
export const release = (key: bigint, type: ReservationType): ReserveOut => ({
  action: 'release',
  key,
  type,
});
export const clear = (key: bigint): ReserveOut => ({ action: 'clear', key });
export const preempt = (key: bigint, serviceKey: bigint, type: ReservationType): ReserveOut => ({
  action: 'preempt',
  key,
  serviceKey,
  type,
});
export const preemptAndAbort = (
  key: bigint,
  serviceKey: bigint,
  type: ReservationType,
): ReserveOut => ({ action: 'preempt-and-abort', key, serviceKey, type });

/** Holder and registrant have their keys. */
export function registered(options: Partial<TargetOptions> = {}): EmulatedTarget {
  const target = blank(options);
  expect(out(target, HOLDER, register(0n, HOLDERS_KEY))).toBe('good');
  expect(out(target, REGISTRANT, register(0n, REGISTRANTS_KEY))).toBe('good');
  return target;
}

/** The holder holds; nobody has anything left to be told. */
export function reserved(
  type: ReservationType,
  options: Partial<TargetOptions> = {},
): EmulatedTarget {
  const target = registered(options);
  expect(out(target, HOLDER, reserve(HOLDERS_KEY, type))).toBe('good');
  for (const nexus of [HOLDER, REGISTRANT, STRANGER]) told(target, nexus);
  return target;
}

export function join(target: EmulatedTarget, nexus: string, key: bigint): void {
  expect(out(target, nexus, register(0n, key))).toBe('good');
}

/** A write that was accepted. */
export function accepted(target: EmulatedTarget, nexus: string, data = nexus): Task {
  told(target, nexus);
  const task = target.submitWrite(nexus, 0, data);
  if (typeof task === 'string' || !('id' in task)) throw new RangeError(`${nexus}: refused`);
  return task;
}

export function keysOf(target: EmulatedTarget): Record<string, bigint> {
  return Object.fromEntries(target.inspect().registrations);
}

export function generation(target: EmulatedTarget): number {
  told(target, STRANGER);
  const answer = target.readKeys(STRANGER);
  if (typeof answer === 'string' || !('generation' in answer)) throw new RangeError('refused');
  return answer.generation;
}

export const CONFLICT = 'reservation-conflict';
export const illegal = (code: string): object => ({ check: 'illegal-request', code });
