/** Translates the times of a cluster into the consensus core's options. */
import type { NodeConfig } from '../config/types.ts';
import type { Configuration, RaftOptions } from '../raft/types.ts';

const MAX_INFLIGHT_APPENDS = 64;
const MAX_APPEND_BYTES = 256 * 1024;
const MAX_UNCOMMITTED_BYTES = 4 * 1024 * 1024;
/** At most 64 KiB, since bulk on the CPU delays heartbeats on every connection (DESIGN §5). */
const SNAPSHOT_CHUNK_BYTES = 48 * 1024;

/** `rank` is asked for each time that it counts: voters come and go while a daemon runs. */
export function raftOptions({ times, node }: NodeConfig, rank: () => number): RaftOptions {
  return {
    id: node,
    heartbeatMs: times.heartbeatMs,
    electionTimeoutMs: times.electionTimeoutMs,
    electionGapMs: times.electionGapMs,
    get rank() {
      return rank();
    },
    checkQuorumMs: times.checkQuorumMs,
    clockDrift: times.clockDrift,
    maxInflightAppends: MAX_INFLIGHT_APPENDS,
    maxAppendBytes: MAX_APPEND_BYTES,
    maxUncommittedBytes: MAX_UNCOMMITTED_BYTES,
    snapshotChunkBytes: SNAPSHOT_CHUNK_BYTES,
  };
}

/**
 * Who votes before anything is committed: everybody on the list of the configuration. For a node
 * that was invited the list only says where the cluster is: it waits until the leader's log tells.
 */
export function bootstrapConfiguration({ members, invited }: NodeConfig): Configuration {
  const voters = invited === true ? [] : members.map(({ node }) => node);
  return { voters, outgoing: [], learners: [] };
}
