/** Lines that describe a cluster: who belongs to it, which groups there are, what was committed before. */
import type { Command } from '../../../src/cluster/command.ts';
import { FEATURE_LEVEL } from '../../../src/cluster/level.ts';
import { type GroupId, MAX_EPOCH, type NodeId } from '../../../src/lib/ids.ts';
import { definition, member } from '../../cluster/a-cluster.ts';
import { StoryFailure } from '../story.ts';
import { FEW, type Form, list, N, NODES } from './form.ts';
import type { FailoverStage } from './stage.ts';
import type { World } from './world.ts';

const FAR_FUTURE_MS = 4_102_444_800_000;

export const SCENE: readonly Form[] = [
  [
    `(old )?members ${NODES}( at the last epoch but (\\d+))?`,
    (stage, [old, nodes, , left]) => {
      const firstEpoch = left === undefined ? 1 : MAX_EPOCH - Number(left) + 1;
      found(stage.world, list(nodes));
      stage.happen({ kind: 'create-cluster', clusterId: 'lab', firstEpoch });
      for (const one of stage.world.bootstrapMembers) {
        stage.happen({ kind: 'admit-member', member: one, invitation: null });
      }
      if (old === undefined) stage.happen({ kind: 'set-level', level: FEATURE_LEVEL });
      else for (const node of list(nodes)) stage.world.network.machine(node).level = undefined;
      return undefined;
    },
  ],
  [`a new cluster of ${NODES}`, ({ world }, [nodes]) => found(world, list(nodes))],
  [
    `${NODES} (?:was|were) never heard`,
    ({ world: { network } }, [nodes]) => {
      if (network.started) throw new StoryFailure('the world has started');
      for (const node of list(nodes)) network.vanish(node);
      return undefined;
    },
  ],
  [
    `${N} in the file too`,
    ({ world }, [node = '']) => {
      world.bootstrapMembers.push(member(Number(node.slice(1))));
      world.network.add(node);
      return undefined;
    },
  ],
  [
    `recover with ${NODES}`,
    (stage, [nodes]) => {
      const survivors = list(nodes);
      stage.happen({ kind: 'recover', survivors, epochJump: 1_000, by: 'op' });
      stage.world.electing.configuration = { voters: survivors, outgoing: [], learners: [] };
      return undefined;
    },
  ],
  [
    `${N} never reached ${NODES}`,
    ({ world: { network } }, [from = '', others]) => {
      if (network.started) throw new StoryFailure('the world has started');
      for (const to of list(others)) network.wire.set({ cut: true, from, to, over: null });
      return undefined;
    },
  ],
  [
    `groups? ${FEW} in the file(?:, preferring ${NODES})?`,
    ({ world }, [groups, preferred]) => {
      for (const group of list(groups)) world.bootstrapGroups.push(defined(group, preferred));
      return undefined;
    },
  ],
  [
    `groups? ${FEW}(?: prefers? ${NODES})?`,
    (stage, [groups, preferred]) => {
      for (const group of list(groups)) define(stage, group, preferred, 0);
      return undefined;
    },
  ],
  [
    `${N} now prefers ${NODES}`,
    (stage, [group = '', preferred]) =>
      define(stage, group, preferred, stage.world.group(group).revision),
  ],
  [
    `${NODES} (?:is|are) served by ${N}`,
    (stage, [groups, node = '']) => {
      for (const group of list(groups)) serve(stage, group, node);
      return undefined;
    },
  ],
  [
    `${N} is given to ${N}( although an earlier lease may run)?`,
    (stage, [group = '', node = '', wait]) => {
      stage.happen(assign(stage, group, node, wait === undefined ? 0 : 100));
      return undefined;
    },
  ],
  [
    `${N} is to be released for ${N}`,
    (stage, [group = '', to = '']) => {
      const expectedEpoch = stage.world.group(group).epoch;
      const what = { kind: 'release', group, expectedEpoch, to, reason: 'move' } as const;
      return stage.happen({ ...what, by: 'op' });
    },
  ],
  [
    `${N} failed on ${NODES}`,
    (stage, [group = '', nodes]) => {
      for (const node of list(nodes)) fail(stage, group, node);
      return undefined;
    },
  ],
  [
    `${N} joins( as a learner)?`,
    (stage, [node = '', learner]) => {
      const peerId = `key-${node}`;
      const role = learner === undefined ? 'voter' : 'learner';
      const invitation = { peerId, node, role, expiresAtMs: FAR_FUTURE_MS, by: 'op' } as const;
      stage.happen(
        { kind: 'invite', ...invitation },
        { kind: 'admit-member', member: member(Number(node.slice(1))), invitation: peerId },
      );
      return undefined;
    },
  ],
  [
    `raft's voters are ${NODES}(?:, learners ${NODES})?`,
    ({ world }, [voters, learners]) => {
      const away = learners === undefined ? [] : list(learners);
      world.electing.configuration = { voters: list(voters), outgoing: [], learners: away };
      return undefined;
    },
  ],
  [
    "raft's change is (under way|over)",
    ({ world: { electing } }, [what]) => {
      electing.settled = what === 'over';
      return undefined;
    },
  ],
  [
    `${N} lacks (\\d+) entries`,
    ({ world: { electing } }, [node = '', count]) => {
      electing.lacks.set(node, Number(count));
      return undefined;
    },
  ],
  [
    '(\\d+) transfers have failed',
    ({ world: { electing } }, [count]) => {
      electing.failedTransfers = Number(count);
      electing.transferring = false;
      return undefined;
    },
  ],
  [
    '(\\d+) other things happen',
    (stage, [count]) => {
      const subject = { kind: 'cluster' } as const;
      for (let one = 0; one < Number(count); one += 1) {
        stage.happen({ kind: 'set-mode', subject, mode: 'online', by: 'op' });
      }
      return undefined;
    },
  ],
];

function found(world: World, nodes: readonly NodeId[]): undefined {
  for (const node of nodes) {
    world.bootstrapMembers.push(member(Number(node.slice(1))));
    world.network.add(node);
  }
  world.electing.configuration = { voters: nodes, outgoing: [], learners: [] };
}

function defined(group: GroupId, preferred: string | undefined) {
  return definition(group, preferred === undefined ? [] : list(preferred));
}

function define(
  stage: FailoverStage,
  group: GroupId,
  preferred: string | undefined,
  expectedRevision: number,
): undefined {
  const what = defined(group, preferred);
  stage.happen({ kind: 'define-group', definition: what, expectedRevision, by: 'op' });
}

function assign(
  stage: FailoverStage,
  group: GroupId,
  node: NodeId,
  leaseRemainderMs: number,
): Command {
  const { epoch, owner } = stage.world.group(group);
  const observer = stage.world.leader;
  const kind = epoch === 0 ? 'boot' : 'reported';
  return {
    kind: 'assign',
    group,
    expectedEpoch: epoch,
    node,
    reason: epoch === 0 && owner === null ? 'boot' : 'failover',
    evidence: { kind, observer, perInterconnectMs: {}, detail: 'as the story says' },
    leaseRemainderMs,
    stamps: [],
  };
}

function serve(stage: FailoverStage, group: GroupId, node: NodeId): void {
  stage.happen(assign(stage, group, node, 0));
  const guard = { group, expectedEpoch: stage.world.group(group).epoch, node };
  stage.happen({ kind: 'fenced', ...guard, disk: 'disk' });
  stage.happen({ kind: 'serving', ...guard, stamps: [] });
}

/** A takeover that failed in order: everything is down, and the node says why. */
function fail(stage: FailoverStage, group: GroupId, node: NodeId): void {
  stage.happen(assign(stage, group, node, 0));
  const guard = { group, expectedEpoch: stage.world.group(group).epoch, node };
  stage.happen(
    { kind: 'stopped', ...guard, clean: false, proof: 'owner', secret: null },
    { kind: 'takeover-failed', ...guard, code: 'MOUNT_FAILED', detail: 'mount: exit 32' },
  );
}
