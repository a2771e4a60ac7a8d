/**
 * The comparison behind promise P3: what a client was told is durable, against what the ledger
 * lists. Pure.
 *
 * Three states of a record matter. Acknowledged: it must be there. Sent without an answer: it may
 * be there or not. Never sent, or there twice, or with other contents: a phantom, which means that
 * someone wrote what nobody asked for.
 */

import { type LedgerRecord, recordKey } from './record-store.ts';

export type Sent = {
  readonly client: string;
  readonly seq: number;
  readonly payload: string;
  readonly acknowledged: boolean;
};

export type Verdict = {
  readonly ok: boolean;
  readonly acknowledged: number;
  readonly listed: number;
  readonly lost: number;
  readonly phantom: number;
  /** The first few of each, for the story. */
  readonly examples: readonly string[];
};

const exampleLimit = 10;

/** @param listed everything that the ledger lists; records of other clients are not looked at */
export function compare(sent: Iterable<Sent>, listed: Iterable<LedgerRecord>): Verdict {
  const asked = new Map<string, Sent>();
  const clients = new Set<string>();
  let acknowledged = 0;
  for (const record of sent) {
    asked.set(recordKey(record), record);
    clients.add(record.client);
    if (record.acknowledged) acknowledged += 1;
  }
  const examples: string[] = [];
  const tell = (kind: string, { client, seq }: { client: string; seq: number }): void => {
    if (examples.length < exampleLimit) examples.push(`${kind} ${client}/${seq}`);
  };
  const seen = new Set<string>();
  let phantom = 0;
  for (const record of listed) {
    if (!clients.has(record.client)) continue;
    const key = recordKey(record);
    if (asked.get(key)?.payload !== record.payload || seen.has(key)) {
      phantom += 1;
      tell('phantom', record);
    }
    seen.add(key);
  }
  let lost = 0;
  for (const [key, record] of asked) {
    if (record.acknowledged && !seen.has(key)) {
      lost += 1;
      tell('lost', record);
    }
  }
  return {
    ok: lost === 0 && phantom === 0,
    acknowledged,
    listed: seen.size,
    lost,
    phantom,
    examples,
  };
}
