/**
 * Writes the configuration of a cluster's first node. It votes alone until others have joined; its
 * times are those of its profile, checked again by each node that joins.
 */
import { stringify } from 'yaml';
import type { NodeId } from '../lib/ids.ts';

export type Founded = {
  readonly clusterId: string;
  readonly node: NodeId;
  readonly peerId: string;
  readonly profile: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly dataDirectory: string;
  /** null: the usual place. */
  readonly socketPath: string | null;
};

const HEAD = `# Written by \`holdfast init\`: the first node of a cluster.
#
# Others come in with \`holdfast invite\` and \`holdfast join\`; members and groups are then in the log of
# the cluster. config/three-nodes.yaml explains every key; \`holdfast config check\` finds what is wrong.

`;

/** The text of the file, for `checkConfig`. */
export function foundedFileText(founded: Founded): string {
  const { clusterId, node, peerId, profile, addresses, dataDirectory, socketPath } = founded;
  const file = {
    cluster: clusterId,
    node,
    'data-directory': dataDirectory,
    ...(socketPath === null ? {} : { socket: socketPath }),
    profile,
    interconnects: Object.keys(addresses),
    members: [{ name: node, number: 1, 'peer-id': peerId, addresses }],
    groups: [],
  };
  return HEAD + stringify(file);
}
