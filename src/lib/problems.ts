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
  // config
  CONFIG_NOT_FOUND: {
    cause: 'the configuration file cannot be read',
    remedy: 'name an existing, readable file with --config; config/three-nodes.yaml is an example',
  },
  CONFIG_SYNTAX: {
    cause: 'the configuration file is not well-formed YAML',
    remedy: 'mend the line named here; `holdfast config check FILE` checks it again',
  },
  CONFIG_UNKNOWN_KEY: {
    cause: 'the configuration has a key that nothing reads',
    remedy: 'correct its spelling or remove it; nothing is ignored silently',
  },
  CONFIG_INVALID: {
    cause: 'a value of the configuration is missing, or not of the kind that is needed there',
    remedy: 'correct the value; config/three-nodes.yaml explains each key',
  },
  CONFIG_UNWISE: {
    cause: 'the configuration is valid but weaker than it looks',
    remedy: 'change it if that is not what you want',
  },
  DUPLICATE_NAME: {
    cause: 'two things of the configuration have the same name, number or identity',
    remedy: 'give each its own; the first use is named in the message',
  },
  DUPLICATE_ADDRESS: {
    cause: 'the same address, disk or directory is used twice',
    remedy: 'use each only once; the first use is named in the message',
  },
  CYCLIC_DEPENDENCY: {
    cause: 'resources of a group need each other in a circle, so none can start first',
    remedy: 'remove one `needs` of the circle',
  },
  UNKNOWN_DEPENDENCY: {
    cause: 'a resource refers to one that its group does not define',
    remedy: 'correct the name, or define the resource in the same group',
  },
  UNKNOWN_RESOURCE_TYPE: {
    cause: 'no resource agent of this type exists',
    remedy: 'use one of the types that the message lists',
  },
  BARRIER_REFUSED: {
    cause: 'a mount option would give up write barriers, and with them what fsync promises',
    remedy: 'remove the option; acknowledged data would be lost in a failover',
  },
  NO_JOURNAL: {
    cause: 'the file system has no journal that is replayed when it is mounted',
    remedy: 'use ext4 or XFS, mounted with its journal: a failover has no time for a full check',
  },
  NODE_NOT_IN_MEMBERS: {
    cause: 'the configuration names a node that is not among its members',
    remedy: 'name one of the members with --node or `node:`, or add it to `members:`',
  },
  TOO_FEW_INTERCONNECTS: {
    cause: 'the cluster has fewer than two interconnects, so one cable would split it',
    remedy: 'define a second interconnect, on another network',
  },
  TIMES_INCONSISTENT: {
    cause: 'the times contradict each other, so that a lease could end before a failover can',
    remedy: 'raise or lower the figure that the message names, or leave it to the profile',
  },
  // operator
  BAD_REQUEST: {
    cause: 'the request is not one that this interface understands',
    remedy: 'compare it with the description at /v1/openapi.json; nothing was done',
  },
  UNKNOWN_ROUTE: {
    cause: 'nothing answers under this path',
    remedy: 'see /v1/openapi.json for the paths that there are',
  },
  METHOD_NOT_ALLOWED: {
    cause: 'this path does not take this method',
    remedy: 'use the method that /v1/openapi.json names; nothing was done',
  },
  BODY_TOO_LARGE: {
    cause: 'the body of the request is larger than the interface takes',
    remedy: 'send only what /v1/openapi.json describes; nothing was done',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    cause: 'the body of the request is not marked as JSON',
    remedy: 'send it with `content-type: application/json`; nothing was done',
  },
  REQUEST_TIMED_OUT: {
    cause: 'the daemon did not come to an answer in time',
    remedy: 'look at `holdfast status`: the command may still take effect',
  },
  TOO_MANY_WATCHERS: {
    cause: 'as many clients follow the events as the daemon allows',
    remedy: 'close one of them and repeat the command',
  },
  SOCKET_IN_USE: {
    cause: 'another daemon answers on the operator socket',
    remedy: 'stop that daemon, or give this one a `socket:` of its own',
  },
  NOT_A_SOCKET: {
    cause: 'something that is not a socket lies where the operator socket should be',
    remedy: 'look at what it is; move it away or configure another `socket:`',
  },
  SOCKET_UNUSABLE: {
    cause: 'the operator socket cannot be created',
    remedy: 'check that its directory exists, may be written, and that the path is short enough',
  },
  // cli
  USAGE: {
    cause: 'the command line is not understood',
    remedy: 'see `holdfast --help`',
  },
  DAEMON_UNREACHABLE: {
    cause: 'no daemon answers on the operator socket',
    remedy: 'check that the daemon of this node runs, and that --socket names its socket',
  },
  BAD_ANSWER: {
    cause: 'what answered on the socket is not a daemon of this version',
    remedy: 'check --socket, and that command and daemon have the same version',
  },
  // observability
  LOG_UNWRITABLE: {
    cause: 'the file for the log or the trace cannot be written',
    remedy: 'check the path, its permissions and the space on its disk',
  },
  // local faults
  INTERNAL: {
    cause: 'the program met a state that should not exist',
    remedy: 'keep the log and report it',
  },
} as const satisfies Readonly<Record<string, { readonly cause: string; readonly remedy: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;
