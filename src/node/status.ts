/**
 * Puts together what an operator reads: the committed truth, what this node sees of the others, what
 * it does itself, and in words why something is not served. Computes, keeps nothing.
 */
import type { GroupState } from '../cluster/state.ts';
import type { Millis, NodeId } from '../lib/ids.ts';
import { PROBLEMS } from '../lib/problems.ts';
import type { NodeView, View } from '../membership/view.ts';
import type { ClusterStatus, GroupStatus, MemberStatus } from '../operator/api.ts';
import { votersOf } from '../raft/configuration.ts';
import { tally } from '../raft/quorum.ts';
import type { Configuration, RaftStatus } from '../raft/types.ts';
import type { Driver } from './driver.ts';

export type StatusFacts = {
  readonly driver: Driver;
  readonly version: string;
  readonly incarnation: number;
  readonly now: Millis;
};

export function clusterStatus({ driver, version, incarnation, now }: StatusFacts): ClusterStatus {
  const view = driver.detection.view(now);
  const { state } = driver.replica;
  const raft = driver.raft.core.status();
  const quorum = quorumOf(driver, view, raft.configuration);
  return {
    node: driver.config.node,
    version,
    incarnation,
    quorate: quorum.why === '',
    why: quorum.why,
    leader: driver.raft.leader,
    role: driver.raft.role,
    term: driver.raft.term,
    commitIndex: driver.raft.commitIndex,
    logStalled: raft.diskStalled,
    mode: state.mode,
    members: driver.members.all.map((member) => memberStatus(driver, { view, raft }, member.node)),
    groups: Object.values(state.groups).map((group) =>
      groupStatus(driver, view, group, quorum.why, now),
    ),
  };
}

/** One line for the service manager: "follower, leader node2; serves ledger". */
export function serviceSummary(driver: Driver): string {
  const { raft, replica, config } = driver;
  const leader = raft.leader === null ? 'no leader' : `leader ${raft.leader}`;
  const served = Object.entries(replica.state.groups).flatMap(([group, { owner, phase }]) =>
    owner === config.node && phase === 'serving' ? [group] : [],
  );
  return `${raft.role}, ${leader}; serves ${served.length === 0 ? 'nothing' : served.join(', ')}`;
}

function quorumOf(
  driver: Driver,
  view: View,
  configuration: Configuration,
): { readonly why: string } {
  const { cause, remedy } = PROBLEMS.REMOVED;
  if (driver.members.removed) return { why: `REMOVED: ${cause}; ${remedy}` };
  const alive = (node: NodeId): boolean =>
    node === driver.config.node || view.nodes[node]?.state === 'alive';
  if (votersOf(configuration).length === 0) {
    return { why: 'this node has joined and waits for the log of the cluster' };
  }
  if (tally(configuration, alive) !== 'won') return { why: noMajority(configuration, alive) };
  if (driver.raft.leader === null) return { why: 'no leader yet: an election is under way' };
  return { why: '' };
}

/** While voters change, both halves need a majority; the one that lacks it is named. */
function noMajority(configuration: Configuration, alive: (node: NodeId) => boolean): string {
  const halves = [configuration.voters, configuration.outgoing];
  const lacking = halves.find(
    (half) => half.filter(alive).length * 2 <= half.length && half.length > 0,
  );
  const voters = lacking ?? votersOf(configuration);
  const reached = voters.filter(alive);
  const lost = voters.filter((node) => !reached.includes(node)).join(', ');
  const needed = Math.floor(voters.length / 2) + 1;
  return (
    `no majority: ${reached.length} of ${voters.length} voters reached, ` +
    `${needed} needed; not reached: ${lost}`
  );
}

function memberStatus(
  driver: Driver,
  { view, raft }: { readonly view: View; readonly raft: RaftStatus },
  node: NodeId,
): MemberStatus {
  const member = driver.members.all.find((candidate) => candidate.node === node);
  const self = node === driver.config.node;
  const seen = view.nodes[node];
  const waits = driver.leader.electorate.waiting.find((one) => one.node === node);
  return {
    node,
    number: member?.number ?? 0,
    peerId: member?.peerId ?? '',
    addresses: member?.addresses ?? {},
    mode: driver.replica.state.members[node]?.mode ?? 'online',
    role: driver.replica.state.members[node]?.role ?? 'voter',
    raft: standing(raft.configuration, node),
    lag: lagOf(raft, node, self),
    waits: waits === undefined ? '' : `${waits.code}: ${waits.why}`,
    self,
    leader: driver.raft.leader === node,
    state: self ? 'alive' : (seen?.state ?? 'dead'),
    links: self ? [] : links(driver, seen),
  };
}

function standing(
  { voters, outgoing, learners }: Configuration,
  node: NodeId,
): MemberStatus['raft'] {
  if (outgoing.length > 0) {
    if (!voters.includes(node) && outgoing.includes(node)) return 'outgoing';
    if (voters.includes(node) && !outgoing.includes(node)) return 'joining';
  }
  if (voters.includes(node)) return 'voter';
  return learners.includes(node) ? 'learner' : 'none';
}

function lagOf(
  { role, followers, lastIndex }: RaftStatus,
  node: NodeId,
  self: boolean,
): number | null {
  if (role !== 'leader') return null;
  const follower = followers.find((one) => one.node === node);
  if (self) return 0;
  return follower === undefined ? null : lastIndex - follower.matchIndex;
}

function links(driver: Driver, seen: NodeView | undefined): MemberStatus['links'] {
  return driver.config.interconnects.map((interconnect) => ({
    interconnect,
    state: seen?.links[interconnect]?.state ?? 'dead',
    silentMs: seen?.links[interconnect]?.silentMs ?? null,
  }));
}

function groupStatus(
  driver: Driver,
  view: View,
  group: GroupState,
  noQuorum: string,
  now: Millis,
): GroupStatus {
  const name = group.definition.group;
  const owned = driver.groups.owned(name);
  const mine = driver.detection.fitness().find((one) => one.group === name);
  const fitness = driver.members.peers().flatMap((node) => {
    const told = view.nodes[node]?.fitness.find((one) => one.group === name);
    return told === undefined ? [] : [{ node, fit: told.fit, code: told.code }];
  });
  return {
    group: name,
    mode: group.mode,
    phase: group.phase,
    owner: group.owner,
    epoch: group.epoch,
    previousOwner: group.previousOwner,
    reason: group.reason,
    why: whyNotServed(driver, group, noQuorum),
    local: {
      state: driver.groups.groups().find((one) => one.group === name)?.state ?? 'stopped',
      epoch: owned?.run.epoch ?? 0,
      leaseRemainingMs: owned?.remainingMs(now) ?? null,
      resources: (owned?.run.resources() ?? []).map((resource) => ({
        resource: resource.name,
        type: resource.type,
        state: resource.state,
        code: resource.code ?? driver.groups.degraded(name, resource.name)?.code ?? null,
      })),
    },
    failures: group.failures,
    fitness: [
      ...(mine === undefined ? [] : [{ node: driver.config.node, fit: mine.fit, code: mine.code }]),
      ...fitness,
    ],
  };
}

function whyNotServed(driver: Driver, group: GroupState, noQuorum: string): string {
  if (noQuorum !== '') return noQuorum;
  const waits = driver.leader.waiting.find((one) => one.group === group.definition.group);
  if (waits !== undefined) return `${waits.code}: ${waits.why}`;
  if (group.phase === 'serving') return '';
  const failure = group.failures.at(-1);
  const last = failure === undefined ? '' : `; last failure on ${failure.node}: ${failure.code}`;
  if (group.phase === 'taking-over') return `${group.owner} is taking the group over${last}`;
  if (group.phase === 'releasing') return `${group.owner} is handing the group over`;
  return `nobody owns the group${last}`;
}
