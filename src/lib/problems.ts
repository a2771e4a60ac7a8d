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
  NOT_PERMITTED: {
    cause:
      'your user may not do this: it is in neither of the groups that `operators:` names, or asks only',
    remedy: 'ask somebody in the admin group, or have your user added to it and log in anew',
  },
  OPERATOR_GROUP_UNKNOWN: {
    cause: 'a group that `operators:` names is not known on this machine',
    remedy: 'make it with `groupadd --system NAME`, or correct the name',
  },
  PEER_UNKNOWN: {
    cause: 'the kernel does not say who is at the other end of the connection',
    remedy:
      'repeat the command; on a kernel without SO_PEERGROUPS (before 4.13) only root may write',
  },
  DASHBOARD_LINK: {
    cause: 'the dashboard is opened without its link, or by another page',
    remedy: 'open the whole link that `holdfast dashboard` has printed',
  },
  NOTIFICATION_FAILED: {
    cause: 'a notification was not delivered',
    remedy: 'look at the receiver that the log names; it is tried again for an hour',
  },
  NOTIFICATION_REFUSED: {
    cause: 'the receiver of notifications refuses them for good',
    remedy: 'mend the address or the token in `notifications:`',
  },
  NOTIFICATION_GIVEN_UP: {
    cause: 'too many notifications wait for a receiver that does not answer',
    remedy: 'bring the receiver back; what was given up stands in `holdfast history`',
  },
  SECRET_FILE_EXPOSED: {
    cause: 'a file with a secret can be read by others, or belongs to somebody else',
    remedy: 'chown it to root or to the user of the daemon, and `chmod 0600` it',
  },
  SECRET_FILE_UNREADABLE: {
    cause: 'a file with a secret cannot be read, or does not hold one line',
    remedy: 'write the secret into it, as one line, and mend its permissions',
  },
  NO_TIMELINE: {
    cause: 'the history remembers no failover of this group',
    remedy: 'look at `holdfast history`; it keeps the newest entries only',
  },
  FILE_UNWRITABLE: {
    cause: 'a file that the command was to write cannot be written',
    remedy: 'choose another place, or mend the permissions of this one',
  },
  UNKNOWN_SUBJECT: {
    cause: 'neither a failover group nor a member of this name is known',
    remedy: 'list the names with `holdfast groups` and `holdfast members`',
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
  CLUSTER_EXISTS: {
    cause: 'the cluster has been created already',
    remedy: 'nothing to do; a node of another cluster needs a data directory of its own',
  },
  NO_CLUSTER: {
    cause: 'the cluster has not been created yet',
    remedy: 'wait until a majority of the members runs; the first leader creates the cluster',
  },
  MEMBER_EXISTS: {
    cause: 'a member with this name, peer id or address belongs to the cluster already',
    remedy: 'remove that member first, or give the new one a name and addresses of its own',
  },
  NUMBER_USED: {
    cause: 'the member number was given before, and numbers are part of reservation keys',
    remedy: 'give the member a number that was never used in this cluster',
  },
  NAME_USED: {
    cause: 'a member of this name was removed, and names are never given again',
    remedy: 'choose another name',
  },
  MEMBER_IN_USE: {
    cause: 'the member owns a group, or an epoch that it owned is not proven down',
    remedy: 'move its groups away, wait until they are served, and repeat the command',
  },
  MEMBER_NOT_LEAVING: {
    cause: 'a member is removed only after it was told to leave',
    remedy: 'run `holdfast leave NODE`; it is removed when it holds nothing any more',
  },
  WOULD_LOSE_QUORUM: {
    cause: 'with the members that are heard now, the voters that would be left have no majority',
    remedy:
      'bring members back first; with --force the wish is kept, and followed as soon as that is safe',
  },
  CATCHING_UP: {
    cause: 'the member is to vote and does not have the whole log yet',
    remedy: 'wait; if it goes on, look at the log disk and the interconnects of that member',
  },
  NODE_LEAVING: {
    cause: 'the node is leaving the cluster',
    remedy: 'nothing to do; `holdfast promote NODE` calls it back while it is a member',
  },
  REMOVED: {
    cause: 'this node was removed from the cluster, and no message of it is taken any more',
    remedy:
      'make an invitation on a member and join anew, with a new name and an empty data directory',
  },
  LAST_VOTER: {
    cause: 'no voting member would be left, and nobody else may decide',
    remedy: 'promote another member first',
  },
  INVITATION_REQUIRED: {
    cause: 'the list of the first members is closed: newcomers need an invitation',
    remedy: 'make an invitation on a member, and join with it',
  },
  INVITATION_UNKNOWN: {
    cause: 'the invitation was used already, was revoked or was never made',
    remedy: 'make a new invitation on a member',
  },
  INVITATION_EXISTS: {
    cause: 'there is an invitation for this key already',
    remedy: 'revoke it first, or make the new one with a key of its own',
  },
  INVITATION_MISMATCH: {
    cause: 'the invitation was made for another name',
    remedy: 'join under the name that it was made for, or make a new invitation',
  },
  TOO_MANY_INVITATIONS: {
    cause: 'the cluster keeps only a small number of open invitations',
    remedy: 'revoke invitations that are not needed any more',
  },
  INVALID_DEFINITION: {
    cause: 'the definition contradicts itself or names something that cannot be named so',
    remedy: 'correct what the message names; `holdfast config check` finds it beforehand',
  },
  REVISION_MISMATCH: {
    cause: 'the group was changed by somebody else since it was read',
    remedy: 'read the definition again, and repeat the change if it is still wanted',
  },
  GROUP_OWNED: {
    cause: 'a node owns the group, so its resources cannot be changed or deleted now',
    remedy: 'stop the group (mode standby), repeat the command, and set it online again',
  },
  EPOCH_UNFINISHED: {
    cause: 'an earlier owner of the group is not proven down: its lease may still run',
    remedy: 'bring that node back so that it can say so, or set the group online once',
  },
  NOT_OWNER: {
    cause: 'the node does not own the group in this epoch',
    remedy: 'read the status again; the owner has changed',
  },
  WRONG_PHASE: {
    cause: 'the group is not in a phase in which this can be done',
    remedy: 'wait until the group is served or stopped, and repeat the command',
  },
  EVIDENCE_REFUSED: {
    cause: 'the secret is not the one that the owner of this epoch pledged, so it proves nothing',
    remedy: 'look for a guardian of another cluster or of an older daemon; nothing was done',
  },
  IN_MAINTENANCE: {
    cause: 'the cluster, the group or the node is in maintenance, so nothing is moved',
    remedy: 'set it online again when the work is done',
  },
  CORRUPT_ENTRY: {
    cause: 'an entry of the log is not a command of this version',
    remedy: 'run one version on all nodes; if they do, replace the data directory of this node',
  },
  CORRUPT_SNAPSHOT: {
    cause: 'the saved cluster state cannot be read by this version',
    remedy: 'run one version on all nodes; if they do, replace the data directory of this node',
  },
  FEATURE_LEVEL_LOW: {
    cause: 'a member may run a release that does not know this command yet',
    remedy:
      'upgrade every member; the level is raised as soon as each was heard with the new release',
  },
  UNKNOWN_RESOURCE: {
    cause: 'the group has no resource of this name',
    remedy: 'list the resources with `holdfast status`',
  },
  // membership and failover
  APART_FROM_GROUP: {
    cause: 'the node runs a group from which this one keeps apart',
    remedy: 'bring another node back, or change `apart:` of the groups',
  },
  BAD_SUPPOSITION: {
    cause: 'what is supposed is not understood',
    remedy: 'suppose one of the things that the message lists',
  },
  BUDGET_EXCEEDED: {
    cause: 'the group is served, and a phase of its failover took longer than its budget allows',
    remedy: 'read the phases in `holdfast timeline GROUP`; correct the cause, or the budget',
  },
  CAPACITY_EXCEEDED: {
    cause: 'the node has no room left for the group',
    remedy: 'move other groups away, or correct `uses:` of the group or the capacity of the node',
  },
  FAILOVERS_SPENT: {
    cause: 'the group has failed as often as its policy allows, so it is not tried again for now',
    remedy: 'mend what failed, then `holdfast online --group GROUP`; or wait until it is forgotten',
  },
  NODE_QUARANTINED: {
    cause: 'the node was lost several times lately, so it comes after all others',
    remedy: 'find out why it dies, then `holdfast online NODE`; or wait until it has been well',
  },
  NOT_WITH_GROUP: {
    cause: 'the group runs only where another group runs, and that is elsewhere',
    remedy: 'move the other group; this one follows',
  },
  OWNER_STOP_OVERDUE: {
    cause: 'the owner should have stopped the group long ago, even by force, and has not said so',
    remedy: 'nothing to do; its lease is not renewed any more and the next owner fences its disks',
  },
  REVISION_UNKNOWN: {
    cause: 'the history does not hold such a definition of the group any more',
    remedy: 'list what it holds with `holdfast history`, or apply a file',
  },
  WOULD_INTERRUPT: {
    cause: 'what is asked for stops a group that is in use',
    remedy: 'read the difference, and repeat the command with --yes when that may be',
  },
  WAITS_FOR_GROUP: {
    cause: 'the group starts after another one, or stops before it, and that is not done yet',
    remedy: 'read in `holdfast status` what the other group waits for',
  },
  ASSIGN_PENDING: {
    cause: 'the group is being given to its next owner, so its lease is not renewed',
    remedy: 'nothing to do; the next owner serves it in a moment',
  },
  BACK_OFF: {
    cause: 'every eligible node has failed to take the group over, so the next try waits',
    remedy: 'read `holdfast why GROUP`, mend what failed; the try is repeated by itself',
  },
  BOOT_GRACE: {
    cause: 'the cluster has just started and waits for nodes to appear before it places the group',
    remedy: 'nothing to do; the wait is short and bounded',
  },
  DOES_NOT_HEAR_LEADER: {
    cause: 'the node is heard but does not hear the leader: packets are lost in one direction',
    remedy: 'look at cables, switches and packet filters between the two nodes',
  },
  FITNESS_UNKNOWN: {
    cause: 'the node has not said whether it can carry the group',
    remedy: 'wait for its next check; if it stays so, look at the log of that node',
  },
  FITNESS_STALE: {
    cause: 'the node has not verified lately that it can carry the group',
    remedy: 'look at the log of that node: a disk that hangs delays the check',
  },
  NO_FIT_NODE: {
    cause: 'no online node can carry the group now',
    remedy: 'read the reason for each node in `holdfast status`; it is retried by itself',
  },
  NODE_DEAD: {
    cause: 'the node is not heard on any interconnect',
    remedy: 'look at the power, the daemon and the interconnects of the node',
  },
  NODE_STANDBY: {
    cause: 'the node is in standby and carries no groups',
    remedy: 'set it online again when it may carry groups',
  },
  GROUP_STANDBY: {
    cause: 'the group or the whole cluster is in standby, so it is stopped on purpose',
    remedy: 'set it online again when it may be served',
  },
  OWNER_HEARD_BY_OTHERS: {
    cause: 'the leader does not hear the owner, but another node does, and its lease may be valid',
    remedy: 'nothing to do; the group is given away as soon as the lease cannot be valid any more',
  },
  OWNER_NOT_RUNNING: {
    cause: 'the owner lives but does not say that it runs the group',
    remedy: 'nothing to do; the group is assigned anew if it stays so',
  },
  OWNER_STOPPING: {
    cause: 'the owner was asked to stop the group and has not finished yet',
    remedy: 'wait; look at the resources of the group on that node if it takes long',
  },
  OWNER_SUSPECT: {
    cause: 'the owner is silent, but not for long enough to take the group away',
    remedy: 'nothing to do; this is decided within the detection time',
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
  TAKEOVER_SUPERSEDED: {
    cause: 'the disk carries the key of a newer owner, so this node must not take it',
    remedy: 'nothing to do: the group has a newer owner; `holdfast status` names it',
  },
  TAKEOVER_ROUNDS_EXHAUSTED: {
    cause: 'the reservation of the disk kept changing while this node tried to take it',
    remedy:
      'look at `holdfast history`: two nodes may be fighting; the leader assigns the group again',
  },
  TAKEOVER_TIMED_OUT: {
    cause: 'the storage did not answer all commands of the takeover within the deadline',
    remedy:
      'look at the storage network; raise startTimeoutMs of the disk if the storage is that slow',
  },
  RESERVATIONS_UNSUPPORTED: {
    cause: 'the disk refuses a command of SCSI-3 persistent reservations',
    remedy: 'enable persistent reservations on the storage, or choose another disk',
  },
  RESERVATION_TYPE_UNSUPPORTED: {
    cause:
      'the reservation type does not fit the paths of this disk, or one of its kind is in place',
    remedy:
      'use type 1 for one path and 5 for several; release a reservation of type 7 or 8 by hand',
  },
  LATE_WRITES_POSSIBLE: {
    cause:
      'the disk can neither abort the writes of a fenced node nor be reset, so one could land late',
    remedy: 'use storage with PREEMPT AND ABORT or LOGICAL UNIT RESET',
  },
  VOLATILE_RESERVATIONS: {
    cause: 'the storage forgets reservations when it loses power, and so who was fenced',
    remedy: 'enable APTPL on the storage, or accept the risk with `volatile-reservations: true`',
  },
  RESERVATION_CONFLICT: {
    cause: 'the disk refused the command because another node holds the reservation',
    remedy: 'nothing to do on this node: it was fenced; the group is served by its new owner',
  },
  DISK_WRITE_ABORTED: {
    cause: 'the disk aborted a write because another node took the reservation',
    remedy: 'nothing to do on this node: it was fenced; the write did not happen',
  },
  DISK_FENCED: {
    cause: 'another node took this disk, so this node may no longer use it',
    remedy: 'nothing to do: the group is served by its new owner',
  },
  DISK_REGISTRATION_LOST: {
    cause: 'a path of the disk lost its registration while it was in use',
    remedy:
      'look for a new login on the storage network; the group is started again under a new epoch',
  },
  DISK_PATHS_LOST: {
    cause: 'no path to the disk answers',
    remedy: 'check the storage network and the storage; `lsscsi` and the kernel log name the path',
  },
  DISK_PATH_LOST: {
    cause: 'one of several paths to the disk does not answer, or cannot be put back into its map',
    remedy: 'check the storage network; `dmsetup status` and the kernel log name the path',
  },
  DISK_PATH_SLOW: {
    cause: 'a read of the disk did not come back within its deadline',
    remedy: 'check the storage network and the load of the storage',
  },
  DISK_NOT_FOUND: {
    cause: 'no disk of this machine has the identity that the group names',
    remedy:
      'check the login to the storage; `sg_vpd --page=di DEVICE` prints the identity of a disk',
  },
  DISK_IDENTITY_MISMATCH: {
    cause: 'the device is another disk than the one that the group names',
    remedy: 'compare `identity` in the configuration with `sg_vpd --page=di DEVICE`',
  },
  DISK_IDENTITY_UNKNOWN: {
    cause: 'the device names no identity in VPD page 83h, or it cannot be read',
    remedy: 'use a disk with an NAA, EUI-64 or T10 designator',
  },
  DISK_DEVICE_INVALID: {
    cause: 'the device is not a disk that this program can fence',
    remedy: 'write /dev/sdX, /dev/disk/by-id/NAME or emulated:SOCKET#LUN',
  },
  DISK_PARAMETER_INVALID: {
    cause: 'a parameter of the disk resource is missing or has no meaning',
    remedy: 'correct it; src/fencing/README.md lists the parameters of a disk',
  },
  DISK_MOUNTED: {
    cause: 'a file system of this disk is mounted on a node that does not own it',
    remedy: 'unmount it; while it is mounted this node cannot take the group',
  },
  DISK_IN_USE: {
    cause: 'something on this node uses the disk: a writer, swap, or an exclusive opener',
    remedy: 'stop it (`lsof DEVICE` names it); until then this node cannot take the group',
  },
  DISK_HAS_HOLDERS: {
    cause: 'a layer above the disk (LVM, multipath, RAID, loop) is built on it on this node',
    remedy: 'take the layer down; until then this node cannot take the group',
  },
  RELEASE_NOT_FORCED: {
    cause: 'the disk carries reservation keys, and nothing was changed',
    remedy: 'make sure that no machine that held it can come back and write, then say `--force`',
  },
  RELEASE_OWNED: {
    cause: 'a group of this cluster owns the disk',
    remedy: 'stop it first: `holdfast standby --group GROUP`',
  },
  RELEASE_INCOMPLETE: {
    cause: 'keys came back while they were taken away: some machine goes on using the disk',
    remedy: 'stop the daemons that use this disk, then release it again',
  },
  DISK_NOT_EMPTY: {
    cause: 'the disk carries data, and formatting would destroy them',
    remedy: 'look at what `wipefs DEVICE` prints; if the data are not needed, say `--force`',
  },
  DISK_RESERVED: {
    cause: 'the disk carries reservation keys: a cluster uses it or used it',
    remedy: 'release it first: `holdfast disk release DEVICE`',
  },
  FORMAT_FAILED: {
    cause: 'the program that makes the file system failed',
    remedy: 'read what it said; the disk carries no usable file system now',
  },
  DISK_NOT_RESTORED: {
    cause: 'the verification changed blocks of the disk and could not put the old data back',
    remedy: 'take the disk for damaged: restore its data from a backup',
  },
  VERIFICATION_ENDED: {
    cause: 'the verification was ended before it was through; the disk is as it was before',
    remedy: 'run `holdfast disk verify` again',
  },
  VERIFICATION_PEER_FAILED: {
    cause: 'the command that should bring the second initiator did not start or did not answer',
    remedy:
      'try it by hand: it must print one line of JSON and wait (default: `ssh NODE holdfast disk attend`)',
  },
  DISK_IMAGE_CORRUPT: {
    cause: 'the file of an emulated disk cannot be read',
    remedy: 'remove the file: the emulated disk starts blank',
  },
  DISK_FRAME_GARBLED: {
    cause: 'a message between an emulated disk and its user is not of this version',
    remedy: 'start all processes of the demonstration from the same release',
  },
  // mesh
  IDENTITY_UNREADABLE: {
    cause: 'the identity key of this node cannot be read or is not an Ed25519 key',
    remedy: 'restore identity.key from a backup, or remove it and admit the node as a new member',
  },
  IDENTITY_MISSING: {
    cause: 'the data directory holds no identity key, so this node is not the member of the list',
    remedy:
      'correct the data directory; for a new member, `holdfast identity` makes the key beforehand',
  },
  IDENTITY_EXPOSED: {
    cause: 'other users of this machine may read the identity key, which lets them in as this node',
    remedy: 'give it mode 0600; replace it and the member entry if somebody may have copied it',
  },
  IDENTITY_MISMATCH: {
    cause: 'the identity key in the data directory is not the one that the member list names',
    remedy: 'correct the peer id in the member list, or use the data directory of this member',
  },
  ADDRESS_INVALID: {
    cause: 'the address of an interconnect is missing or is not `host:port`',
    remedy: 'write it as 192.0.2.1:7400 or [2001:db8::1]:7400, one for each interconnect',
  },
  PORT_IN_USE: {
    cause: 'another process listens on the address of this interconnect',
    remedy: 'stop the other process (`ss -lntup` names it) or choose another port',
  },
  ADDRESS_NOT_LOCAL: {
    cause: 'the address of this interconnect belongs to no network device of this machine',
    remedy: 'bring the device up (`ip address`) or correct the address of this member',
  },
  LISTEN_FAILED: {
    cause: 'the operating system does not let this node listen on its address',
    remedy: 'read the reason; ports below 1024 need a capability',
  },
  NOT_A_MEMBER: {
    cause: 'a peer that is no member of the cluster knocked at an interconnect',
    remedy: 'admit it with `holdfast join` if it belongs here; otherwise find out who it is',
  },
  WRONG_DIALLER: {
    cause: 'a member dialled although the rule of the smaller peer id says that it is dialled',
    remedy: 'the two nodes run different versions or different member lists; compare them',
  },
  WRONG_CLUSTER: {
    cause: 'a node of another cluster answered on the address of a member',
    remedy: 'compare the cluster ids and the addresses of the two nodes',
  },
  LEASE_DIFFERS: {
    cause:
      'the two nodes have different leases in their files: one could serve after the other stopped waiting',
    remedy:
      'give all nodes the same `times:`; the default lease depends on profile and number of members',
  },
  WRONG_VERSION: {
    cause: 'the two nodes have no version of the protocol between nodes in common',
    remedy: 'bring the older node to a release between the two; upgrade one node at a time',
  },
  TOKEN_GARBLED: {
    cause: 'the text is no join token, or characters of it are missing, added or changed',
    remedy: 'copy the whole line that `holdfast invite` printed, from `hf1.` to its end',
  },
  TOKEN_NOT_SIGNED: {
    cause: 'the join token is not signed by one of the members that it names',
    remedy: 'make a new invitation on a member; do not use this token',
  },
  TOKEN_EXPIRED: {
    cause: 'the join token is no longer good',
    remedy:
      'make a new invitation on a member (`holdfast invite --expires 1h`); compare the clocks',
  },
  TOKEN_VERSION_UNKNOWN: {
    cause: 'the join token was made by a release that writes tokens in another way',
    remedy: 'join with the release that the members run',
  },
  INVITATION_ONLY: {
    cause: 'the key of an invitation was used for something else than to ask to join',
    remedy: 'revoke the invitation (`holdfast invite --revoke`) and find out who has its token',
  },
  INVITATION_NOT_OPEN: {
    cause: 'a member answered and hung up: it knows no open invitation of this token',
    remedy:
      'it was used, was revoked or has expired; make a new invitation on a member, and join with it',
  },
  INVITATION_USED: {
    cause: 'the invitation of this token has brought in another node already',
    remedy: 'make a new invitation for this node; find out who joined if nobody should have',
  },
  INVITATION_EXPIRED: {
    cause: 'the invitation has expired by the clock of the leader',
    remedy: 'make a new invitation on a member, and join with it in time',
  },
  JOIN_PROOF_WRONG: {
    cause: 'the new node did not prove that it holds the key that it wants to be a member with',
    remedy: 'join from the machine whose data directory holds the key; compare the releases',
  },
  JOIN_UNREACHABLE: {
    cause: 'none of the members that the token names could be asked',
    remedy: 'look at the network between this machine and theirs, and whether their daemons run',
  },
  JOIN_REFUSED: {
    cause: 'the member that was asked refused, with a reason that this release does not know',
    remedy: 'read the reason; join with the release that the members run',
  },
  WRONG_INTERCONNECT: {
    cause: 'an address of one interconnect leads to another one',
    remedy: 'compare the cabling and the addresses of the two nodes',
  },
  WRONG_NODE: {
    cause: 'a member calls itself by a name that the member list gives to another key',
    remedy: 'compare the node name in its configuration with the member list',
  },
  FRAME_GARBLED: {
    cause: 'a member sent something that is not a message of this protocol',
    remedy: 'the connection was closed and is dialled again; look for mixed releases or bad memory',
  },
  FRAME_TOO_LARGE: {
    cause: 'a message is larger than the mesh carries, so it was not sent',
    remedy: 'lower the limits on appends and snapshot chunks',
  },
  SENDER_FORGED: {
    cause: 'a member sent a message in the name of another one',
    remedy: 'the connection was closed; find out what runs on that node',
  },
  // storage
  DATA_DIRECTORY_LOCKED: {
    cause: 'another process uses the data directory',
    remedy: 'stop the other daemon; give each node a data directory of its own',
  },
  DATA_DIRECTORY_UNUSABLE: {
    cause: 'the data directory cannot be created, read or written',
    remedy: 'check the path, its permissions and the space on its disk',
  },
  DATA_DIRECTORY_USED: {
    cause: 'the data directory holds the log of a node that ran before',
    remedy: 'name an empty one: whoever joins begins with a new key and without a log',
  },
  DATABASE_CORRUPT: {
    cause: 'the stored log, term or vote is damaged, and a member must not forget what it promised',
    remedy:
      'keep the directory for diagnosis; remove the member and admit it again under a new name',
  },
  DATA_OF_ANOTHER_CLUSTER: {
    cause: 'the data directory belongs to another cluster',
    remedy: 'correct the cluster id or the data directory in the configuration',
  },
  DATA_OF_ANOTHER_NODE: {
    cause: 'the data directory belongs to another node of the cluster',
    remedy: 'correct the node name or the data directory; never copy the data of a member',
  },
  DATA_FORMAT_UNKNOWN: {
    cause: 'the data were written by a newer release, in a format that this one cannot read',
    remedy: 'start the release that wrote them, or a newer one; there is no way back',
  },
  LOG_WRITE_FAILED: {
    cause: 'the log cannot be written; after a failed write nothing more is accepted',
    remedy:
      'look at the disk of the data directory (full, read-only, broken), then restart the daemon',
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
  NATIVE_CALLS_UNAVAILABLE: {
    cause: 'a shared library that the daemon calls into cannot be loaded on this machine',
    remedy: 'install the package that contains it; the message names it',
  },
  ADDRESS_UNGUARDED: {
    cause: 'this kernel has no nftables family that sees the packets of the floating address',
    remedy: 'use a kernel with the inet and arp families, or put the address on a bridge',
  },
  PACKET_FILTER_FAILED: {
    cause: 'the kernel refused a change of the packet filter that guards floating addresses',
    remedy: 'see that nftables is installed and that the kernel has its families inet and arp',
  },
  NETWORK_CHANGE_REFUSED: {
    cause: 'the kernel refused a change of a network device or an address',
    remedy: 'read the reason in the message; the daemon needs CAP_NET_ADMIN and CAP_NET_RAW',
  },
  DEVICE_NOT_FOUND: {
    cause: 'the network device that a resource names does not exist on this node',
    remedy: 'correct the name, or create the device before the group may run here',
  },
  DEVICE_UNREADABLE: {
    cause: 'a block device is missing or cannot be read',
    remedy: 'check the device and the paths to it',
  },
  FLOATING_ADDRESS_INVALID: {
    cause: 'the address of a resource is not an IP address with a prefix length',
    remedy: 'write it as 192.0.2.9/24 or 2001:db8::9/64',
  },
  PIPE_GARBLED: {
    cause: 'what came through the pipe between the daemon and a process of it cannot be read',
    remedy: 'see that both are of one version; keep the log and report it',
  },
  PROCESS_NOT_KILLED: {
    cause: 'a process was killed but did not end, most likely because it waits in the kernel',
    remedy: 'see what device it waits for; the process ends when that wait ends',
  },
  CGROUP_FAILED: {
    cause: 'the control group of an application cannot be used',
    remedy: 'see that a version 2 hierarchy is mounted and writable for the daemon',
  },
  UNDO_FAILED: {
    cause: 'a command that takes a resource down did not succeed',
    remedy: 'read its words in the message and run it by hand; the node may still hold something',
  },
  USER_UNKNOWN: {
    cause: 'this node does not know the user in whose name a program is to run',
    remedy: 'make the user on every node, with the same number, or correct the definition',
  },
  UNMOUNT_FAILED: {
    cause: 'a file system could not be unmounted, not even lazily',
    remedy: 'see who holds it with `fuser -m`; the disk itself stays fenced',
  },
  SEGMENT_UNREACHABLE: {
    cause: 'the emulated network segment does not answer on its socket',
    remedy: 'start the segment of the demonstration first',
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
  CONFIG_EXISTS: {
    cause: 'there is a file where the new configuration was to be written, and it was left alone',
    remedy: 'name another file (`--config`), or move the old one away; then repeat the command',
  },
  CONFIG_UNWRITABLE: {
    cause: 'the new configuration cannot be written',
    remedy: 'check the path and its permissions, and repeat the command with the same token',
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
    remedy:
      'use ext4, XFS or Btrfs, mounted with its journal: a failover has no time for a full check',
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
  // resources
  ADDRESS_DUPLICATE: {
    cause: 'another machine answers for a floating address',
    remedy: 'find the machine by the MAC address in the message and take the address from it',
  },
  ADDRESS_NOT_LIVE: {
    cause: 'the lease did not open the packet filter for a floating address in time',
    remedy:
      'see in the log why the guardian did not acknowledge; it opens the filter with each renewal',
  },
  APPLICATION_DEGRADED: {
    cause: 'an application answers, and says that it is not as it should be (status 190)',
    remedy: 'read its own words in the message; it goes on being served',
  },
  APPLICATION_EXITED: {
    cause: 'the process of an application ended by itself',
    remedy: 'read the log file of the application; the message names it',
  },
  APPLICATION_NOT_ANSWERING: {
    cause: 'the process of an application runs but its readiness probe fails',
    remedy: 'ask the application what it waits for; raise its timeout if it is only slow',
  },
  FILESYSTEM_BUSY: {
    cause: 'the device or the directory of a file system is already in use on this node',
    remedy: 'unmount what the message names; a node that holds the disk may not take it',
  },
  FILESYSTEM_FULL: {
    cause: 'a file system has no room left for the write probe',
    remedy:
      'make room; it goes on being served, since no other node has more room on the same disk',
  },
  FILESYSTEM_GONE: {
    cause: 'Linux 6.13 removed ReiserFS, so no kernel of today can replay its journal',
    remedy: 'mount the disk with an older kernel, copy the data, and make ext4 or XFS on the disk',
  },
  FILESYSTEM_UNWRITABLE: {
    cause: 'a small file could not be written to a file system and synced',
    remedy: 'look for errors of the disk in the kernel log; after a fence this is the expected end',
  },
  SEVERAL_DEVICES: {
    cause: 'the file system lies on several devices, and they would be fenced one by one',
    remedy: 'use a Btrfs on one device, or ext4 or XFS on a logical volume',
  },
  FILESYSTEM_HUNG: {
    cause: 'a file system did not answer a simple question in time',
    remedy: 'check the disk and the paths to it',
  },
  FILESYSTEM_READ_ONLY: {
    cause: 'the kernel has stopped writing to a file system',
    remedy: 'look for errors of the disk in the kernel log; after a fence this is the expected end',
  },
  FILESYSTEM_TYPE_MISMATCH: {
    cause: 'the disk does not carry a file system of the type that is configured',
    remedy: 'check the identity of the disk and the type in the definition',
  },
  GATEWAY_SILENT: {
    cause: 'the gateway that a floating address names does not answer on the wire',
    remedy: 'check the gateway, cable and switch; a node that does not hear it takes no such group',
  },
  LINK_DOWN: {
    cause: 'the network device of an address or of a virtual MAC address has no carrier',
    remedy: 'check cable, switch and the state of the device',
  },
  WRITE_CACHE_HIDDEN: {
    cause: 'the disk keeps writes in a volatile cache, and the kernel was told not to flush it',
    remedy:
      'write `write back` into /sys/block/DISK/queue/write_cache, or switch the cache of the disk off',
  },
  WRITES_LOST: {
    cause:
      'the disk refused a write since the file system was mounted; memory holds what it does not',
    remedy:
      'nothing by hand: the file system is mounted anew; see why the disk refused (kernel log)',
  },
  MOUNT_FAILED: {
    cause: 'the kernel refused to mount a file system',
    remedy: 'read the reason in the message and in the kernel log',
  },
  RESOURCE_HELD: {
    cause: 'this node still holds something of a resource that it does not own',
    remedy: 'stop what the message names; until then the node may not take the group',
  },
  RESOURCE_MISCONFIGURED: {
    cause: 'a parameter of a resource is missing or cannot be used',
    remedy: 'correct the definition; the message names the parameter',
  },
  EXPORT_REFUSED: {
    cause: 'the NFS server of this node refused to export a directory, or to take the export back',
    remedy: 'read the words of exportfs in the message',
  },
  MODULE_AGENT_INVALID: {
    cause: 'an agent that is a module cannot be loaded, or lacks actions',
    remedy: 'read the reason in the message; src/resources/README.md says what it must export',
  },
  NFS_SERVER_DOWN: {
    cause: 'the NFS server of this node does not run, so nothing can be exported here',
    remedy: 'start and enable nfs-server.service on every node; the cluster moves only the exports',
  },
  OCF_FAILED: {
    cause:
      'an OCF agent reported a failure (status 1 or 9, or one that the standard does not know)',
    remedy: 'read its own reason in the message, and the log file of the resource',
  },
  OCF_ARGUMENTS: {
    cause: 'an OCF agent cannot use its parameters on this node (status 2)',
    remedy: 'read its own reason in the message; the same parameters may be right on another node',
  },
  OCF_UNIMPLEMENTED: {
    cause: 'an OCF agent does not offer an action that is needed (status 3)',
    remedy: 'see its meta-data; another agent, or a newer version of it, may offer the action',
  },
  OCF_PERMISSION: {
    cause: 'an OCF agent lacks permissions on this node (status 4)',
    remedy: 'run the daemon as root, or mend the permissions that the message names',
  },
  OCF_NOT_INSTALLED: {
    cause: 'an OCF agent misses a program or a file on this node (status 5)',
    remedy: 'install what the message names on every node that may own the group',
  },
  OCF_NOT_CONFIGURED: {
    cause: 'an OCF agent cannot be used with its parameters on any node (status 6)',
    remedy: 'correct the definition; the message carries the reason of the agent',
  },
  OCF_DEGRADED: {
    cause: 'an OCF agent says that its resource runs, but is degraded (status 190 or 191)',
    remedy: 'read its own reason in the message; it goes on being served',
  },
  OCF_AGENT_MISSING: {
    cause: 'no executable OCF agent of this name is there',
    remedy: 'install the package resource-agents, or put the agent into /etc/holdfast/agents',
  },
  OCF_META_DATA_GARBLED: {
    cause: 'what an OCF agent says of itself is not the meta-data of the standard',
    remedy: 'run it with the word meta-data and compare with the OCF standard',
  },
  AGENT_NOT_TRUSTED: {
    cause: 'an agent or its directory can be written by others than root, and it would run as root',
    remedy: 'make both owned by root and writable for root alone',
  },
  RECOVERY_FAILED: {
    cause: 'the recovery command of an application did not put its data right',
    remedy: 'read its output in the log file of the application; it is not started without it',
  },
  UNIT_ENABLED: {
    cause: 'systemd would start the unit by itself at boot, whoever owns the group',
    remedy: 'disable the unit on every node (`systemctl disable`); the cluster starts it',
  },
  UNIT_FAILED: {
    cause: 'systemd reports that a unit failed, or cannot be asked',
    remedy: 'read the message, and `journalctl -u` with the name of the unit',
  },
  UNIT_NOT_FOUND: {
    cause: 'systemd does not know the unit, or cannot read its file',
    remedy: 'install the unit on every node that may own the group, or correct its name',
  },
  // observability
  LOG_UNWRITABLE: {
    cause: 'the file for the log or the trace cannot be written',
    remedy: 'check the path, its permissions and the space on its disk',
  },
  TRACE_UNREADABLE: {
    cause: 'the file of the trace cannot be read',
    remedy: 'give a file that `holdfast run --trace` has written',
  },
  // node
  RECOVER_NOT_FORCED: {
    cause:
      'recovery gives up what only the lost members knew, so it is done on an explicit word only',
    remedy: 'read what is said above; if it is all true, repeat the command with `--force`',
  },
  RECOVER_NOT_NEEDED: {
    cause: 'this node is the only voter already: there is no majority that could be lost',
    remedy: 'start its daemon',
  },
  RECOVER_NO_DATA: {
    cause: 'the data directory holds no log of this node, so there is nothing to recover from',
    remedy: 'name the data directory of a member that survived',
  },
  ACTION_INTERRUPTED: {
    cause: 'the action was cut short because the resource has to come down at once',
    remedy: 'nothing to do; the reason stands in `holdfast history`',
  },
  ACTION_TIMED_OUT: {
    cause: 'an action of a resource took longer than its timeout',
    remedy: 'look at the resource; raise its start or stop timeout if it needs the time',
  },
  MONITOR_TIMED_OUT: {
    cause: 'a resource did not answer its monitor in time',
    remedy: 'look at the resource; raise its monitor timeout if it needs the time',
  },
  OWNER_RESTARTED: {
    cause: 'the daemon of the owner was started anew and no longer runs the group of that epoch',
    remedy: 'nothing to do; the group is assigned again under a new epoch',
  },
  POWER_FENCE_FAILED: {
    cause: 'no device says that the machine of the previous owner is off',
    remedy: 'look at its power yourself; `policy: best-effort` lets the group start all the same',
  },
  WATCHDOG_BUSY: {
    cause: 'another process feeds the watchdog of this machine',
    remedy: 'stop it (systemd, the watchdog daemon, sbd), or name another device in `watchdog:`',
  },
  WATCHDOG_FAILED: {
    cause: 'the watchdog device is missing or does not do as it is told',
    remedy:
      'load its driver (`modprobe softdog nowayout=0` where the board has none), or remove `watchdog:`',
  },
  GUARDIAN_NOT_STARTED: {
    cause: 'the guardian process did not come up, and nothing is served without it',
    remedy:
      'look at the log for its own words: limits of memory or processes, or a watchdog that is not there',
  },
  // local faults
  INTERNAL: {
    cause: 'the program met a state that should not exist',
    remedy: 'keep the log and report it',
  },
} as const satisfies Readonly<Record<string, { readonly cause: string; readonly remedy: string }>>;

export type ProblemCode = keyof typeof PROBLEMS;
