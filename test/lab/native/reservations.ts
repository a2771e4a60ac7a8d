/**
 * Keys and holder of a LUN, asked by the storage host as an initiator of its own that is registered
 * for nothing: no node is asked what it believes.
 */
import type { Machine, Reservation } from '../lab.ts';

export async function readReservation(
  storage: Machine,
  lun: number,
  timeoutMs: number,
): Promise<Reservation> {
  const { output } = await storage.exec(
    `$LAB_TOOLS/reservations iscsi://10.99.0.10/iqn.2026-01.lab:san/${lun + 1}`,
    timeoutMs,
  );
  return parseReservations(lun, output);
}

/**
 * Lines `key HEX` and `holder HEX TYPE`. A key names its node in bits 32–47 (DESIGN §8), which is
 * how the nodes of a laboratory are told apart: tgt does not list who registered a key.
 */
export function parseReservations(lun: number, text: string): Reservation {
  const nodeOf = (key: string): number => Number((BigInt(`0x${key}`) >> 32n) & 0xffffn);
  const keys: Record<number, string> = {};
  for (const [, key = '0'] of text.matchAll(/^key ([0-9a-f]+)$/gm)) keys[nodeOf(key)] = key;
  const [, holder, type] = /^holder ([0-9a-f]+) (\d+)$/m.exec(text) ?? [];
  return {
    lun,
    holder: holder === undefined ? null : nodeOf(holder),
    type: type ?? null,
    keys,
  };
}
