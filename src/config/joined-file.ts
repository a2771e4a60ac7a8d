/**
 * Writes the configuration of a node that joined a running cluster: what has to be equal on all nodes
 * comes from the members, where things lie on this machine from its operator.
 *
 * Groups do not stand in it. They are in the log, which this node receives; a second copy in a file
 * could only contradict it, and may lack what differs per node.
 */
import { open } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { Member } from '../cluster/definition.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Interconnect, NodeId } from '../lib/ids.ts';
import { TIMES_KEYS } from './read-times.ts';
import type { Profile, Times } from './types.ts';

export type Joined = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly profile: Profile;
  readonly times: Times;
  readonly interconnects: readonly Interconnect[];
  readonly members: readonly Member[];
  readonly dataDirectory: string;
  /** null: the usual place. */
  readonly socketPath: string | null;
};

const HEAD = `# Written by \`holdfast join\`: this node came into a running cluster.
#
# What follows is only where it begins. Members and groups are in the log of the cluster, which it
# receives from the others; \`holdfast members\` and \`holdfast groups\` show them. Times, profile and
# interconnects must be the same on all nodes.

`;

/** The text of the file; `checkConfig` reads it without a fault. Times are in milliseconds. */
export function joinedFileText(joined: Joined): string {
  const { clusterId, node, profile, times, interconnects, members } = joined;
  const { dataDirectory, socketPath } = joined;
  const figures = Object.entries(TIMES_KEYS) as readonly (readonly [keyof Times, string])[];
  const file = {
    cluster: clusterId,
    node,
    // It forms no cluster and votes for nobody before the log of the others says that it may.
    invited: true,
    'data-directory': dataDirectory,
    ...(socketPath === null ? {} : { socket: socketPath }),
    profile,
    times: Object.fromEntries(figures.map(([figure, key]) => [key, times[figure]])),
    interconnects,
    members: members.map(({ node: name, number, peerId, addresses }) => {
      return { name, number, 'peer-id': peerId, addresses };
    }),
  };
  return HEAD + stringify(file);
}

/** A new file that only its owner reads, synced. @throws HoldfastError CONFIG_EXISTS, CONFIG_UNWRITABLE */
export async function writeNewFile(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    const exists = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const code = exists ? 'CONFIG_EXISTS' : 'CONFIG_UNWRITABLE';
    throw new HoldfastError(code, { path, detail: String(error) }, { cause: error });
  }
}
