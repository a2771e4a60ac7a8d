/**
 * Recovery by an operator when the majority is lost for good, on the store of one survivor while no
 * daemon runs on it.
 *
 * Two entries in a new term are appended behind everything that the survivor has: a configuration in
 * which it alone votes, and a `recover` command, so that what was done stands in the history for ever.
 * The whole log counts as committed then: nobody is left who could say which of its last entries were.
 * All of it is one batch, so that the store is the old one or the new one and nothing between.
 *
 * It cannot know what only the lost members had: entries that never reached this node are gone, which
 * is why the operator is shown how far each survivor's log goes. Nor can it know that the others are
 * off: a majority that is only out of sight would go on without this node, and there would be two
 * clusters. The epochs jump, so that on the disks at least the recovered one is the newer.
 *
 * Reference: Raft §6 (what this steps outside of); etcd's `--force-new-cluster`, Consul's `peers.json`.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { apply } from '../cluster/apply.ts';
import { decodeEnvelope, decodeState, encodeEnvelope } from '../cluster/codec.ts';
import type { Command } from '../cluster/command.ts';
import { type ClusterState, emptyState } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import type { NodeId } from '../lib/ids.ts';
import type { Configuration, Entry, Restored } from '../raft/types.ts';
import { LevelLogStore, type LevelLogStoreOptions } from './level-log-store.ts';

/**
 * Larger than any number of takeovers that the lost members can have committed without this node, and
 * so small that 2³²−1 epochs are enough for four million recoveries.
 */
export const EPOCH_JUMP = 1_024;

/** How far the log of this node goes, and what it says. */
export type Survey = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** At least so much was committed; the rest may have been. */
  readonly commitIndex: number;
  readonly configuration: Configuration;
  /** With every entry applied. */
  readonly state: ClusterState;
};

/**
 * Looks at the store of a node whose daemon does not run; changes nothing.
 * @throws HoldfastError RECOVER_NO_DATA, DATA_DIRECTORY_LOCKED and what `LevelLogStore.open` says
 */
export async function survey(options: LevelLogStoreOptions): Promise<Survey> {
  return await withStore(options, async (store) => surveyOf(await store.load(), options));
}

/**
 * Makes this node the only voter. Answers what the store says afterwards.
 * @throws HoldfastError as `survey`; RECOVER_NOT_NEEDED; UNKNOWN_NODE where this node is no member;
 *   EPOCHS_EXHAUSTED. Nothing was changed then.
 */
export async function recover(options: LevelLogStoreOptions, by: string): Promise<Survey> {
  return await withStore(options, async (store) => {
    const restored = await store.load();
    const before = surveyOf(restored, options);
    const { node } = options;
    const { voters, outgoing } = before.configuration;
    if (voters.length === 1 && outgoing.length === 0 && voters[0] === node) {
      throw new HoldfastError('RECOVER_NOT_NEEDED', { node });
    }
    const command: Command = { kind: 'recover', survivors: [node], epochJump: EPOCH_JUMP, by };
    const term = before.term + 1;
    const at = before.lastIndex + 1;
    const { outcome } = apply(before.state, at + 1, command);
    if (!outcome.ok) throw new HoldfastError(outcome.code, { node, detail: outcome.detail });
    const alone: Configuration = { voters: [node], outgoing: [], learners: [] };
    const envelope = { origin: node, incarnation: 0, requestId: 0, command };
    const entries: readonly Entry[] = [
      { kind: 'configuration', index: at, term, configuration: alone },
      { kind: 'command', index: at + 1, term, data: encodeEnvelope(envelope) },
    ];
    const hardState = { term, votedFor: null, commitIndex: at + 1 };
    await store.append({ mark: 1, hardState, entries, snapshot: null });
    return surveyOf(await store.load(), options);
  });
}

async function withStore<T>(
  options: LevelLogStoreOptions,
  work: (store: LevelLogStore) => Promise<T>,
): Promise<T> {
  // Opening would make a new store where there is none.
  if (!existsSync(join(options.directory, 'CURRENT'))) {
    throw new HoldfastError('RECOVER_NO_DATA', { directory: options.directory });
  }
  const store = await LevelLogStore.open(options);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function surveyOf(restored: Restored, { clusterId, node }: LevelLogStoreOptions): Survey {
  const { hardState, snapshot, entries } = restored;
  let state = snapshot === null ? emptyState : stateOf(snapshot.state, snapshot.meta.index);
  let configuration = snapshot?.meta.configuration ?? null;
  for (const entry of entries) {
    if (entry.kind === 'configuration') configuration = entry.configuration;
    if (entry.kind === 'command') state = applied(state, entry.index, entry.data);
  }
  const last = entries.at(-1) ?? snapshot?.meta ?? { index: 0, term: 0 };
  if (last.index === 0) throw new HoldfastError('RECOVER_NO_DATA', { node, entries: 0 });
  const founders = Object.keys(state.members);
  return {
    clusterId,
    node,
    term: hardState.term,
    lastIndex: last.index,
    lastTerm: last.term,
    commitIndex: Math.min(last.index, Math.max(hardState.commitIndex, snapshot?.meta.index ?? 0)),
    // Before the first change the voters are those of the bootstrap list, which was written down.
    configuration: configuration ?? { voters: founders, outgoing: [], learners: [] },
    state,
  };
}

function stateOf(bytes: Uint8Array, index: number): ClusterState {
  const decoded = decodeState(bytes);
  if (decoded.ok) return decoded.value;
  throw new HoldfastError(decoded.error.code, { index, detail: decoded.error.detail });
}

function applied(state: ClusterState, index: number, data: Uint8Array): ClusterState {
  const decoded = decodeEnvelope(data);
  if (decoded.ok) return apply(state, index, decoded.value.command).state;
  throw new HoldfastError(decoded.error.code, { index, detail: decoded.error.detail });
}
