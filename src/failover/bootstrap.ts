/**
 * The first leader of a cluster writes down what every node's configuration says: that the cluster
 * exists, who belongs to it, which groups there are. From then on the log is the truth, and the
 * bootstrap list only fills in groups that the cluster has never known.
 *
 * A member that was removed, or a group that was deleted, is not brought back by an old file: numbers
 * are never given twice, and deletions are remembered.
 */
import type { Command } from '../cluster/command.ts';
import { FEATURE_LEVEL, isLevel3, levelOf } from '../cluster/level.ts';
import { groupOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import { nodeView } from '../membership/view.ts';
import type { PlannerInput } from './planner-input.ts';

export type Proposal = { readonly key: string; readonly command: Command };

const BY = 'bootstrap';
const FIRST_EPOCH = 1;

/** In the order in which they must be applied; those that are in flight are among them. */
export function bootstrap(input: PlannerInput): readonly Proposal[] {
  if (!input.appliedOwnTerm) return [];
  return [
    ...createCluster(input),
    ...admitMembers(input),
    ...foundLevel(input),
    ...defineGroups(input),
  ];
}

function createCluster({ state, clusterId }: PlannerInput): readonly Proposal[] {
  if (state.clusterId !== null) return [];
  const command = { kind: 'create-cluster', clusterId, firstEpoch: FIRST_EPOCH } as const;
  return [{ key: 'create-cluster', command }];
}

/** Only until the first group is owned: later, membership is changed by operators. */
function admitMembers({ state, bootstrapMembers }: PlannerInput): readonly Proposal[] {
  if (state.lastEpoch >= state.firstEpoch) return [];
  return bootstrapMembers
    .filter(({ node, number }) => {
      return !state.usedNames.includes(node) && !state.usedNumbers.includes(number);
    })
    .map((member) => ({
      key: `admit:${member.node}`,
      command: { kind: 'admit-member', member, invitation: null },
    }));
}

/**
 * A cluster that is founded by this release begins at its level, so that the groups of the file may say
 * all that they can. A member that is heard and does not know the level speaks against it.
 */
function foundLevel({ state, view, bootstrapMembers }: PlannerInput): readonly Proposal[] {
  if (state.lastEpoch >= state.firstEpoch || levelOf(state) >= FEATURE_LEVEL) return [];
  const known = bootstrapMembers.map(({ node }) => nodeView(view, node));
  const heard = known.filter((seen) => seen?.state === 'alive');
  const ready = heard.length > 0 && heard.every((seen) => (seen?.level ?? 0) >= FEATURE_LEVEL);
  return ready ? [{ key: 'set-level', command: { kind: 'set-level', level: FEATURE_LEVEL } }] : [];
}

function defineGroups({ state, bootstrapGroups }: PlannerInput): readonly Proposal[] {
  return bootstrapGroups
    .filter(({ group }) => groupOf(state, group) === null && !wasDeleted(state, group))
    .map((definition) => ({
      key: `define:${definition.group}`,
      command: { kind: 'define-group', definition, expectedRevision: 0, by: BY },
    }));
}

function wasDeleted(state: ClusterState, group: string): boolean {
  if (isLevel3(state)) return state.deleted?.includes(group) === true;
  return state.history.some((line) => line.event === 'deleted' && line.group === group);
}
