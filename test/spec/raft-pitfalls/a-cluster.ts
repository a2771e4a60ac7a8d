/** Clusters of real cores for the pitfalls: led by a, cut by hand, and with a mechanism switched off. */
import type { RaftMessage, Restored } from '../../../src/raft/types.ts';
import { entriesOf } from '../../raft/bench.ts';
import { HandCluster, type HandClusterOptions } from '../../raft/hand-cluster.ts';

/** As if CheckQuorum did not exist: a leader leads until somebody tells it of a higher term. */
export const WITHOUT_CHECK_QUORUM = { checkQuorumMs: 1e9 };

/** The first node leads, and has committed in its term. */
export function led(options: HandClusterOptions = {}): HandCluster {
  const cluster = new HandCluster(options);
  const [first = 'a'] = cluster.nodes.keys();
  cluster.deadline(first);
  cluster.settle();
  if (cluster.leader !== first) throw new Error(`${cluster.leader} leads`);
  return cluster;
}

/** Whether what is proposed at the leader, if there is one, is committed within `ms`. */
export function commits(cluster: HandCluster, ms = 200): boolean {
  const before = cluster.committed;
  for (const leader of cluster.leaders) cluster.propose(leader);
  cluster.run(ms, () => cluster.committed > before);
  return cluster.committed > before;
}

export function termsOf(cluster: HandCluster): readonly number[] {
  return [...cluster.nodes.keys()].map((id) => cluster.status(id).term);
}

/**
 * As if nobody asked before campaigning, and nobody refused because of a leader that it hears: every
 * pre-vote is granted at once, cut links or not, and every vote says that the leader asked for it.
 */
export function withoutPreVoteAndStickiness(cluster: HandCluster): void {
  cluster.tamper = (message: RaftMessage) => {
    if (message.kind === 'vote') return { ...message, transfer: true };
    if (message.kind !== 'pre-vote') return message;
    const { from: to, to: from, term } = message;
    cluster.wire.push({ kind: 'pre-vote-reply', from, to, term, granted: true, quietMs: 0 });
    return null;
  };
}

/** A disk with entries of these terms from index 1 on. */
export function diskWith(terms: readonly number[], hard: Partial<Restored['hardState']>): Restored {
  const entries = entriesOf(terms);
  const term = entries.at(-1)?.term ?? 0;
  return { hardState: { term, votedFor: null, commitIndex: 0, ...hard }, snapshot: null, entries };
}
