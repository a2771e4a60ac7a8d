/**
 * What a reservation key says: cluster tag (16 bits) | node number (16) | ownership epoch (32).
 *
 * The intuition: the key on the disk is a fencing token that the disk itself enforces. Two keys of
 * one cluster can always be told apart by age, whoever reads them, with no message from anybody.
 *
 * It does not decide anything: that is `takeover.ts` and `defence.ts`. Reference: DESIGN §8;
 * SPC-4 §5.13 (reservation keys are 8 opaque bytes).
 */
import { assert } from '../../lib/assert.ts';
import { type Epoch, MAX_EPOCH } from '../../lib/ids.ts';
import type { ReservationKey } from '../fence-device.ts';

export type KeyParts = {
  /** 1 … 65535: 0 is never ours, so that keys typed by hand (0x1, 0xa1) are strangers. */
  readonly tag: number;
  /** 1 … 65535, never reused by another member. */
  readonly node: number;
  /** 1 … 2³²−1. */
  readonly epoch: Epoch;
};

/** Where another key stands, seen from one's own. `rival`: not older, so it is never preempted. */
export type Standing = 'mine' | 'own-older' | 'older' | 'rival' | 'stranger';

const MAX_16_BITS = 0xffff;

/**
 * The cluster's 16 bits in each key: FNV-1a (32 bits) of the cluster id, folded, never 0. Two
 * clusters collide with a chance of 1 in 65535; a LUN belongs to one group of one cluster.
 */
export function clusterTag(clusterId: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(clusterId)) {
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  const folded = ((hash >>> 16) ^ hash) & MAX_16_BITS;
  return folded === 0 ? 1 : folded;
}

export function packKey(parts: KeyParts): ReservationKey {
  assert(fits(parts.tag, MAX_16_BITS), `cluster tag ${parts.tag} is not in 1 … 65535`);
  assert(fits(parts.node, MAX_16_BITS), `node number ${parts.node} is not in 1 … 65535`);
  assert(fits(parts.epoch, MAX_EPOCH), `epoch ${parts.epoch} is not in 1 … 2^32-1`);
  return (BigInt(parts.tag) << 48n) | (BigInt(parts.node) << 32n) | BigInt(parts.epoch);
}

/** Total: a stranger's key has parts too, and they mean nothing. */
export function unpackKey(key: ReservationKey): KeyParts {
  return {
    tag: Number((key >> 48n) & 0xffffn),
    node: Number((key >> 32n) & 0xffffn),
    epoch: Number(key & 0xffff_ffffn),
  };
}

/** Does the key carry our cluster's tag? */
export function isOurs(key: ReservationKey, tag: number): boolean {
  return tag !== 0 && unpackKey(key).tag === tag;
}

/**
 * Age by epoch alone. An equal epoch on another node cannot exist (P1); should it ever, it counts
 * as a rival: what is not older is never preempted.
 */
export function standing(mine: ReservationKey, other: ReservationKey): Standing {
  if (other === mine) return 'mine';
  const own = unpackKey(mine);
  const their = unpackKey(other);
  if (their.tag !== own.tag) return 'stranger';
  if (their.epoch >= own.epoch) return 'rival';
  return their.node === own.node ? 'own-older' : 'older';
}

/** `0x` and sixteen digits, as sg_persist and the kernel log print it. */
export function formatKey(key: ReservationKey): string {
  return `0x${key.toString(16).padStart(16, '0')}`;
}

function fits(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
