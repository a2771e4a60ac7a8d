/** Translates the times of a cluster into the consensus core's options. */
import type { NodeConfig } from '../config/types.ts';
import type { Configuration, RaftOptions } from '../raft/types.ts';

const MAX_INFLIGHT_APPENDS = 64;
const MAX_APPEND_BYTES = 256 * 1024;
const MAX_UNCOMMITTED_BYTES = 4 * 1024 * 1024;
/** At most 64 KiB, since bulk on the CPU delays heartbeats on every connection (DESIGN §5). */
const SNAPSHOT_CHUNK_BYTES = 48 * 1024;

export function raftOptions(config: NodeConfig): RaftOptions {
  const { times, node } = config;
  const byNumber = [...config.members].sort((a, b) => a.number - b.number);
  const rank = byNumber.findIndex((member) => member.node === node);
  return {
    id: node,
    heartbeatMs: times.heartbeatMs,
    electionTimeoutMs: times.electionTimeoutMs,
    electionGapMs: times.electionGapMs,
    rank: Math.max(0, rank),
    checkQuorumMs: times.checkQuorumMs,
    clockDrift: times.clockDrift,
    maxInflightAppends: MAX_INFLIGHT_APPENDS,
    maxAppendBytes: MAX_APPEND_BYTES,
    maxUncommittedBytes: MAX_UNCOMMITTED_BYTES,
    snapshotChunkBytes: SNAPSHOT_CHUNK_BYTES,
  };
}

/** Who votes before anything is committed: everybody on the list of the configuration. */
export function bootstrapConfiguration({ members }: NodeConfig): Configuration {
  return { voters: members.map(({ node }) => node), outgoing: [], learners: [] };
}
