/** Clusters for tests, built by the commands that build real ones. */
import { type Applied, apply } from '../../src/cluster/apply.ts';
import type { Command } from '../../src/cluster/command.ts';
import type { GroupDefinition, Member, ResourceDefinition } from '../../src/cluster/definition.ts';
import { type ClusterState, emptyState, type GroupState } from '../../src/cluster/state.ts';
import { assert, known } from '../../src/lib/assert.ts';
import type { GroupId, NodeId } from '../../src/lib/ids.ts';

export function member(number: number): Member {
  return {
    node: `n${number}`,
    number,
    peerId: `peer-${number}`,
    addresses: { 'net-a': `10.0.0.${number}:7000`, 'net-b': `10.0.1.${number}:7000` },
  };
}

export function resource(
  name: string,
  type: string,
  needs: readonly string[] = [],
): ResourceDefinition {
  return {
    name,
    type,
    needs,
    parameters: {},
    startTimeoutMs: 10_000,
    stopTimeoutMs: 5_000,
    monitorIntervalMs: 1_000,
    monitorTimeoutMs: 1_000,
  };
}

export function definition(group: GroupId, preferred: readonly NodeId[] = []): GroupDefinition {
  const resources = [
    resource('disk', 'disk'),
    resource('data', 'filesystem', ['disk']),
    resource('ip', 'floating-ip'),
    resource('app', 'application', ['data', 'ip']),
  ];
  return { group, resources, preferred };
}

export type AssignCommand = Extract<Command, { readonly kind: 'assign' }>;

export function assign(
  group: GroupId,
  expectedEpoch: number,
  node: NodeId,
  more: Partial<AssignCommand> = {},
): AssignCommand {
  return {
    kind: 'assign',
    group,
    expectedEpoch,
    node,
    reason: 'boot',
    evidence: { kind: 'boot', observer: 'n1', perInterconnectMs: {}, detail: '' },
    leaseRemainderMs: 0,
    stamps: [],
    ...more,
  };
}

/** Applies commands that must all be accepted. */
export function applyAll(state: ClusterState, ...commands: readonly Command[]): ClusterState {
  return commands.reduce((before, command) => {
    const { state: next, outcome } = apply(before, before.history.length + 1, command);
    assert(outcome.ok, `refused: ${JSON.stringify({ command, outcome })}`);
    return next;
  }, state);
}

/** Applies one command that must be refused, leaving the very same state; answers the code. */
export function refusal(state: ClusterState, command: Command): string {
  const { state: next, outcome } = apply(state, 99, command);
  assert(!outcome.ok, `accepted: ${JSON.stringify(command)}`);
  assert(next === state, 'a refused command changed the state');
  return outcome.code;
}

export function outcomeOf(state: ClusterState, command: Command): Applied {
  return apply(state, 99, command).outcome;
}

export function group(state: ClusterState, name: GroupId = 'web'): GroupState {
  return known(state.groups[name], name);
}

/** Members n1, n2, n3 and the group `web`, which nobody owns yet. */
export const founded = applyAll(
  emptyState,
  { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 },
  ...[1, 2, 3].map(
    (n): Command => ({
      kind: 'admit-member',
      member: member(n),
      invitation: null,
    }),
  ),
  { kind: 'define-group', definition: definition('web'), expectedRevision: 0, by: 'test' },
);

const onN1 = { group: 'web', expectedEpoch: 1, node: 'n1' } as const;

/** `web` is being taken over by n1 in epoch 1. */
export const takingOver = applyAll(founded, assign('web', 0, 'n1'));

/** `web` is served by n1 in epoch 1. */
export const serving = applyAll(
  takingOver,
  { kind: 'fenced', ...onN1, disk: 'disk' },
  { kind: 'serving', ...onN1, stamps: [] },
);
