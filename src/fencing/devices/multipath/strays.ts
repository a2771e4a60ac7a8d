/**
 * Paths of a disk that its multipath map does not have: a login that came after the map was made, or a path
 * that was taken out of it. Each is claimed, so that nothing can use it before it was admitted.
 *
 * Only where no multipathd runs: with it, a path is in the map before anybody could register it, and the
 * defence ends the ownership instead (`multipath-disk.ts`).
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Millis } from '../../../lib/ids.ts';
import {
  type BlockDevice,
  findBlockDevice,
  findByIdentity,
  multipathMembers,
} from '../../../system/block-device.ts';
import { addToMap, isManaged } from '../../../system/device-mapper.ts';
import { deviceNumber } from '../../../system/superblock.ts';
import type { StrayPath } from '../../fence-device.ts';
import { type IdleProof, proveIdle } from '../../idle-proof.ts';

export async function straysOf(
  map: BlockDevice,
  identity: string,
  timeoutMs: Millis,
): Promise<readonly StrayPath[]> {
  // Asked first: each look of the defence comes here, and the search reads every disk of the machine.
  if (await isManaged()) return [];
  const members = (await multipathMembers(map)) ?? [];
  const outside = (await findByIdentity(identity)).filter((path) => !members.includes(path));
  const strays: StrayPath[] = [];
  for (const path of outside) {
    const proof = await idle(path);
    if (proof !== null) strays.push(stray(path, proof, { map, timeoutMs }));
  }
  return strays;
}

/** Null: somebody uses it, or it does not answer. */
async function idle(path: string): Promise<IdleProof | null> {
  try {
    const proof = await proveIdle([await findBlockDevice(path)]);
    return proof.ok ? proof.value : null;
  } catch (error) {
    if (error instanceof HoldfastError) return null;
    throw error;
  }
}

function stray(
  path: string,
  proof: IdleProof,
  { map, timeoutMs }: { readonly map: BlockDevice; readonly timeoutMs: Millis },
): StrayPath {
  let claimed = true;
  const letGo = async () => {
    if (claimed) await proof.release();
    claimed = false;
  };
  const join = async (signal: AbortSignal) => {
    // The map claims its paths itself.
    await letGo();
    await addToMap(map.name, await deviceNumber(path), { timeoutMs, signal });
  };
  return { path, join, letGo };
}
