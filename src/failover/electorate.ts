/**
 * What the operators want the members to be is committed; this says which one thing the leader does
 * next so that Raft's configuration becomes it. Asked again after every step, it remembers nothing:
 * a refused or lost attempt is simply found undone.
 *
 * - Who is a member and not in the configuration becomes a learner first, whatever it is to become.
 * - A learner that is to vote does so when it has caught up (`catch-up.ts`).
 * - A voter that is to be a learner, and whoever is leaving and holds nothing, goes out.
 * - A leader that goes out itself hands leadership over before, where somebody is fit for it.
 * - Whoever is leaving, is out and holds nothing is struck off the list of members.
 *
 * The fear: a change whose new voters cannot form a majority can be neither finished nor taken back.
 * So none is begun unless a majority of the new voters is alive, however much it is wanted; and
 * voters change one at a time, so that each step can be judged by itself.
 *
 * Nodes of the bootstrap list that vote and are not written down yet are left alone.
 *
 * Reference: Raft §6; thesis §4.2 (availability), §3.10 (transfer).
 */
import type { Command } from '../cluster/command.ts';
import { heldBy, lookup, membersInOrder } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import type { ChangeTarget, Configuration } from '../raft/types.ts';
import type { Proposal } from './bootstrap.ts';

export type ElectorateInput = {
  readonly state: ClusterState;
  readonly self: NodeId;
  /** Raft's configuration in force. */
  readonly configuration: Configuration;
  /** It is committed and not joint: another change may be begun. */
  readonly settled: boolean;
  readonly transferring: boolean;
  /** With this node in it. */
  readonly alive: ReadonlySet<NodeId>;
  /** Learners, from `CatchUp`. */
  readonly caughtUp: ReadonlySet<NodeId>;
  /** Voters that could lead at once: heard just now and next to nothing behind. */
  readonly fitToLead: ReadonlySet<NodeId>;
  /** Attempts of this leader to hand over that came to nothing. */
  readonly failedTransfers: number;
  readonly inFlight: ReadonlySet<string>;
};

export type ElectorateStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'change'; readonly target: ChangeTarget }
  | { readonly kind: 'transfer'; readonly to: NodeId };

/** Why a member is not yet what it is wanted to be. */
export type MemberWaiting = {
  readonly node: NodeId;
  readonly code: ProblemCode;
  readonly why: string;
};

export type ElectorateOutput = {
  readonly step: ElectorateStep;
  /** `remove-member` for everybody who is out and holds nothing. */
  readonly proposals: readonly Proposal[];
  readonly waiting: readonly MemberWaiting[];
};

/** After so many attempts a leader that is to go removes itself; it steps down when that is committed. */
const MAX_TRANSFERS = 3;

const NOTHING: ElectorateStep = { kind: 'nothing' };

/** Called on the leader only, when it has applied an entry of its own term. */
export function electorate(input: ElectorateInput): ElectorateOutput {
  const { settled, transferring } = input;
  const attempts = settled && !transferring ? voterChanges(input) : [];
  const step =
    settled && !transferring ? (learnerChange(input) ?? chosen(input, attempts)) : NOTHING;
  return {
    step,
    proposals: settled ? removals(input) : [],
    waiting: [...behind(input), ...holding(input), ...unsafe(attempts)],
  };
}

/** Learners come and go in one step, since they do not count for any majority. */
function learnerChange({ state, configuration }: ElectorateInput): ElectorateStep | null {
  const { voters, learners } = configuration;
  const newcomers = membersInOrder(state)
    .filter(({ role }) => role !== 'leaving')
    .map(({ member }) => member.node)
    .filter((node) => !voters.includes(node) && !learners.includes(node));
  const staying = learners.filter((node) => !isToGo(state, node));
  if (newcomers.length === 0 && staying.length === learners.length) return null;
  return { kind: 'change', target: { voters, learners: [...staying, ...newcomers] } };
}

type Attempt = { readonly node: NodeId; readonly target: ChangeTarget; readonly safe: boolean };

/** Every change of one voter that is wanted, promotions first, this node itself last. */
function voterChanges(input: ElectorateInput): readonly Attempt[] {
  const { state, self, configuration, alive, caughtUp } = input;
  const { voters, learners } = configuration;
  const attempt = (node: NodeId, target: ChangeTarget): Attempt => {
    return { node, target, safe: isMajority(target.voters, alive) };
  };
  const promotions = learners
    .filter((node) => lookup(state.members, node)?.role === 'voter')
    .filter((node) => alive.has(node) && caughtUp.has(node))
    .map((node) =>
      attempt(node, {
        voters: [...voters, node],
        learners: learners.filter((one) => one !== node),
      }),
    );
  const departures = voters
    .filter((node) => isToGo(state, node) || lookup(state.members, node)?.role === 'learner')
    .map((node) =>
      attempt(node, {
        voters: voters.filter((one) => one !== node),
        learners: isToGo(state, node) ? learners : [...learners, node],
      }),
    );
  // Whoever is gone already goes first: that makes the others safer. The leader goes last.
  const place = ({ node }: Attempt): number => (node === self ? 2 : alive.has(node) ? 1 : 0);
  return [...promotions, ...departures.toSorted((a, b) => place(a) - place(b))];
}

function chosen(input: ElectorateInput, attempts: readonly Attempt[]): ElectorateStep {
  const { self, fitToLead, failedTransfers } = input;
  const first = attempts.find(({ safe }) => safe);
  if (first === undefined) return NOTHING;
  const { node, target } = first;
  if (node !== self || failedTransfers >= MAX_TRANSFERS) return { kind: 'change', target };
  const to = target.voters.find((one) => fitToLead.has(one));
  return to === undefined ? { kind: 'change', target } : { kind: 'transfer', to };
}

/** Leaving, or removed behind our back, and nothing counts on it any more. */
function isToGo(state: ClusterState, node: NodeId): boolean {
  const member = lookup(state.members, node);
  if (member === null) return state.usedNames.includes(node);
  return member.role === 'leaving' && heldBy(state, node) === null;
}

/** Whether those alive are more than half of the voters. */
export function isMajority(voters: readonly NodeId[], alive: ReadonlySet<NodeId>): boolean {
  return voters.filter((node) => alive.has(node)).length * 2 > voters.length;
}

function removals({ state, configuration, inFlight }: ElectorateInput): readonly Proposal[] {
  const { voters, learners } = configuration;
  return leavers(state)
    .filter((node) => !voters.includes(node) && !learners.includes(node))
    .filter((node) => heldBy(state, node) === null)
    .map((node) => ({ key: `remove:${node}`, command: removeMember(node) }))
    .filter(({ key }) => !inFlight.has(key));
}

function removeMember(node: NodeId): Command {
  return { kind: 'remove-member', node };
}

function leavers(state: ClusterState): readonly NodeId[] {
  return membersInOrder(state)
    .filter(({ role }) => role === 'leaving')
    .map(({ member }) => member.node);
}

function holding({ state }: ElectorateInput): readonly MemberWaiting[] {
  return leavers(state).flatMap((node): MemberWaiting[] => {
    const held = heldBy(state, node)?.definition.group;
    if (held === undefined) return [];
    return [{ node, code: 'MEMBER_IN_USE', why: `${node} still counts for group ${held}` }];
  });
}

function behind({
  state,
  configuration,
  alive,
  caughtUp,
}: ElectorateInput): readonly MemberWaiting[] {
  return configuration.learners
    .filter((node) => lookup(state.members, node)?.role === 'voter')
    .filter((node) => !alive.has(node) || !caughtUp.has(node))
    .map((node) => ({
      node,
      code: 'CATCHING_UP',
      why: alive.has(node) ? `${node} does not have the whole log yet` : `${node} is not heard`,
    }));
}

function unsafe(attempts: readonly Attempt[]): readonly MemberWaiting[] {
  return attempts
    .filter(({ safe }) => !safe)
    .map(({ node, target }) => ({
      node,
      code: 'WOULD_LOSE_QUORUM',
      why: `no majority of ${target.voters.join(', ')} is alive`,
    }));
}
