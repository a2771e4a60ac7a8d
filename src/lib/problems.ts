/**
 * Every code that an operator can meet, with its cause and its remedy. One file, sorted by module,
 * so that the list can be read as a whole and no code means two things.
 */
export const PROBLEMS = {
  // raft and cluster
  NOT_LEADER: {
    cause: 'this node does not lead the cluster, so it cannot take the command',
    remedy: 'repeat the command; it is forwarded to the leader as soon as there is one',
  },
  NO_QUORUM: {
    cause: 'fewer than a majority of the voting members can be reached',
    remedy: 'bring members or interconnects back; nothing is served without a majority',
  },
  TOO_MANY_UNCOMMITTED: {
    cause: 'the leader holds too many proposals that are not yet committed',
    remedy: 'repeat the command in a moment; look at the log disks if it goes on',
  },
  STALE_EPOCH: {
    cause: 'the command names an epoch of the group that is no longer the current one',
    remedy: 'read the status again and repeat the command if it is still wanted',
  },
  UNKNOWN_GROUP: {
    cause: 'no failover group of this name is defined',
    remedy: 'list the groups with `holdfast groups`',
  },
  UNKNOWN_NODE: {
    cause: 'no member of this name belongs to the cluster',
    remedy: 'list the members with `holdfast members`',
  },
  EPOCHS_EXHAUSTED: {
    cause: 'the ownership epoch has reached its last value, 2^32-1',
    remedy: 'create the cluster anew with a new cluster id and release the disks',
  },
  ALREADY_OWNER: {
    cause: 'the node already owns the group',
    remedy: 'nothing to do; name another node to move the group',
  },
  NODE_NOT_ELIGIBLE: {
    cause: 'the node cannot take the group now',
    remedy: 'read the reason in `holdfast status`, mend it, and repeat the command',
  },
  // fencing
  FOREIGN_RESERVATION: {
    cause: 'the disk carries a reservation key that does not belong to this cluster',
    remedy:
      'find out who uses the disk; only an operator may release it with `holdfast disk release`',
  },
  STATE_ROLLED_BACK: {
    cause: 'the disk carries a newer epoch than the cluster has ever committed',
    remedy: 'the cluster state was restored from an old copy; do not serve from it',
  },
  // system
  COMMAND_NOT_FOUND: {
    cause: 'a program that is needed is not installed, or may not be executed',
    remedy: 'install the package that contains it, or mend its permissions',
  },
  COMMAND_NOT_STARTED: {
    cause: 'the operating system refused to start a program',
    remedy: 'look for exhausted processes, memory or file descriptors on this node',
  },
  COMMAND_OUTPUT_TOO_LARGE: {
    cause: 'a program wrote more than can be kept, so its answer is not trusted',
    remedy: 'run the command by hand and see what it prints',
  },
  COMMAND_TIMED_OUT: {
    cause: 'a program did not end within its deadline and was killed',
    remedy:
      'see whether the device or the machine behind it hangs; raise the timeout if it is slow',
  },
  // local faults
  INTERNAL: {
    cause: 'the program met a state that should not exist',
    remedy: 'keep the log and report it',
  },
} as const satisfies Readonly<Record<string, { readonly cause: string; readonly remedy: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;
