/** Nexuses as numbers, keys of epochs, and what both are called in a story. */
import { packKey } from '../../../src/fencing/protocol/key.ts';

export const TAG = 0x4846;
export const STRANGERS_KEY = 0xa1n;
/** The nexus of whoever is not of this cluster. */
export const STRANGER = 63;
const LOGINS = 4;
const MOST_PATHS = 2;

/** Machines from 0, paths from 0, logins from 0 to 3. */
export function nexusOf(machine: number, path: number, login: number): number {
  return (machine * MOST_PATHS + path) * LOGINS + login;
}

export function nexusName(nexus: number): string {
  if (nexus === STRANGER) return 'stranger';
  const login = nexus % LOGINS;
  const path = Math.floor(nexus / LOGINS) % MOST_PATHS;
  const machine = Math.floor(nexus / LOGINS / MOST_PATHS);
  return `m${machine + 1}:${'ab'[path]}${login === 0 ? '' : `#${login}`}`;
}

export function keyOf(epoch: number, machine: number): bigint {
  return packKey({ tag: TAG, node: machine + 1, epoch });
}

/** `m2/3` is the key of machine 2 for epoch 3. */
export function keyName(key: bigint): string {
  if (key === 0n) return 'none';
  if (key === STRANGERS_KEY) return "a stranger's";
  return `m${Number((key >> 32n) & 0xffffn)}/${Number(key & 0xffff_ffffn)}`;
}
