/**
 * What Prometheus reads at `/metrics`: role, term and commit of this node, phase, owner and epoch of
 * each group, how long each phase of a failover took, the state of every interconnect, how late this
 * node's own loop runs, and what is left of each lease.
 *
 * States are one-hot gauges (1 for the state that holds, 0 for the others), so that an alert can be
 * written as an equation. Names follow the Prometheus naming rules: base units (seconds), `_total`
 * for counters. It measures nothing itself: the driver tells it.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { GroupPhase } from '../cluster/state.ts';
import type { Epoch, GroupId, Interconnect, Millis, NodeId } from '../lib/ids.ts';
import type { PhaseStamp } from '../lib/phases.ts';
import type { LinkState } from '../membership/heartbeat.ts';
import type { Role } from '../raft/types.ts';

export type RaftObservation = {
  readonly role: Role;
  readonly leader: NodeId | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  /** A write of the log does not come back. */
  readonly logStalled: boolean;
};

export type GroupObservation = {
  readonly group: GroupId;
  readonly phase: GroupPhase;
  readonly owner: NodeId | null;
  readonly epoch: Epoch;
};

/** All methods are cheap and synchronous except `text`; none throws. */
export type Metrics = {
  observeRaft(raft: RaftObservation): void;
  observeQuorate(quorate: boolean): void;
  observeGroup(group: GroupObservation): void;
  forgetGroup(group: GroupId): void;
  observePhase(group: GroupId, stamp: PhaseStamp): void;
  observeLink(node: NodeId, interconnect: Interconnect, state: LinkState): void;
  /** How late the node's own loop ran, in milliseconds. */
  observeLateness(lateMs: Millis): void;
  /** The link has just changed to this state. */
  countLinkChange(node: NodeId, interconnect: Interconnect, state: LinkState): void;
  /** null: this node holds no lease for the group. */
  observeLease(group: GroupId, remainingMs: Millis | null): void;
  /** The text exposition format, version 0.0.4. */
  text(): Promise<string>;
};

export const ROLES: readonly Role[] = ['follower', 'pre-candidate', 'candidate', 'leader'];
const GROUP_PHASES: readonly GroupPhase[] = ['unowned', 'taking-over', 'serving', 'releasing'];
const LINK_STATES: readonly LinkState[] = ['alive', 'suspect', 'dead'];
/** From a SCSI command to a slow application; the aims of DESIGN §2 lie in the lower half. */
const PHASE_BUCKETS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30, 60];
const LATENESS_BUCKETS = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];

type Options = {
  readonly build?: { readonly version: string; readonly node: NodeId; readonly cluster: string };
  /** Also heap, event loop and file descriptors of the process. Default true. */
  readonly processMetrics?: boolean;
};

export function createMetrics(options: Options = {}): Metrics {
  const registry = new Registry();
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  if (options.build !== undefined) buildInfo(registry, options.build);
  return { ...observeCluster(registry), ...observeNode(registry), text: () => registry.metrics() };
}

function buildInfo(registry: Registry, build: NonNullable<Options['build']>): void {
  const info = new Gauge({
    name: 'holdfast_build_info',
    help: 'Always 1: which program this is, on which node of which cluster',
    labelNames: ['version', 'node', 'cluster'],
    registers: [registry],
  });
  info.set(build, 1);
}

function oneHot<S extends string>(
  gauge: Gauge,
  states: readonly S[],
  label: string,
  state: S,
  labels: Readonly<Record<string, string>> = {},
): void {
  for (const each of states) gauge.set({ ...labels, [label]: each }, each === state ? 1 : 0);
}

type ClusterMetrics = Pick<
  Metrics,
  'observeRaft' | 'observeQuorate' | 'observeGroup' | 'forgetGroup' | 'observePhase'
>;

function observeCluster(registry: Registry): ClusterMetrics {
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name: `holdfast_${name}`, help, labelNames, registers: [registry] });
  const role = gauge('raft_role', '1 for the role this node has', 'role');
  const leader = gauge('raft_leader_known', '1 while this node knows a leader');
  const term = gauge('raft_term', 'Current term');
  const commit = gauge('raft_commit_index', 'Highest committed log index known');
  const applied = gauge('raft_applied_index', 'Highest log index applied');
  const stalled = gauge('log_stalled', '1 while a write of the log does not come back');
  const quorate = gauge('quorate', '1 while a majority of the voters is heard');
  const phase = gauge('group_phase', '1 for the committed phase of the group', 'group', 'phase');
  const owner = gauge('group_owner', '1 for the node that owns the group', 'group', 'node');
  const epoch = gauge('group_epoch', 'Ownership epoch of the group', 'group');
  const phases = new Histogram({
    name: 'holdfast_phase_duration_seconds',
    help: 'Duration of one phase of a takeover, on the clock of the node that ran it',
    labelNames: ['group', 'phase'],
    buckets: PHASE_BUCKETS,
    registers: [registry],
  });
  const owners = new Map<GroupId, NodeId>();
  const forgetOwner = (group: GroupId): void => {
    const node = owners.get(group);
    if (node !== undefined) owner.remove({ group, node });
    owners.delete(group);
  };
  return {
    observeRaft(raft) {
      oneHot(role, ROLES, 'role', raft.role);
      leader.set(raft.leader === null ? 0 : 1);
      term.set(raft.term);
      commit.set(raft.commitIndex);
      applied.set(raft.appliedIndex);
      stalled.set(raft.logStalled ? 1 : 0);
    },
    observeQuorate: (is) => quorate.set(is ? 1 : 0),
    observeGroup({ group, ...state }) {
      oneHot(phase, GROUP_PHASES, 'phase', state.phase, { group });
      epoch.set({ group }, state.epoch);
      if (owners.get(group) === state.owner) return;
      forgetOwner(group);
      if (state.owner === null) return;
      owner.set({ group, node: state.owner }, 1);
      owners.set(group, state.owner);
    },
    forgetGroup(group) {
      for (const each of GROUP_PHASES) phase.remove({ group, phase: each });
      epoch.remove({ group });
      forgetOwner(group);
    },
    observePhase: (group, stamp) =>
      phases.observe({ group, phase: stamp.phase }, stamp.durationMs / 1000),
  };
}

type NodeMetrics = Pick<
  Metrics,
  'observeLink' | 'observeLateness' | 'countLinkChange' | 'observeLease'
>;

function observeNode(registry: Registry): NodeMetrics {
  const registers = [registry];
  const link = new Gauge({
    name: 'holdfast_link_state',
    help: '1 for the state of the interconnect to the node, as this node sees it',
    labelNames: ['node', 'interconnect', 'state'],
    registers,
  });
  const late = new Histogram({
    name: 'holdfast_loop_lateness_seconds',
    help: 'How late the event loop of this node ran',
    buckets: LATENESS_BUCKETS,
    registers,
  });
  const changes = new Counter({
    name: 'holdfast_link_changes_total',
    help: 'How often the interconnect to the node came into this state',
    labelNames: ['node', 'interconnect', 'state'],
    registers,
  });
  const lease = new Gauge({
    name: 'holdfast_lease_remaining_seconds',
    help: 'What is left of the lease of a group that this node serves',
    labelNames: ['group'],
    registers,
  });
  return {
    observeLink: (node, interconnect, state) =>
      oneHot(link, LINK_STATES, 'state', state, { node, interconnect }),
    observeLateness: (lateMs) => late.observe(lateMs / 1000),
    countLinkChange: (node, interconnect, state) => changes.inc({ node, interconnect, state }),
    observeLease: (group, remainingMs) => {
      if (remainingMs === null) lease.remove({ group });
      else lease.set({ group }, remainingMs / 1000);
    },
  };
}
