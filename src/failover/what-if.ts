/**
 * What would happen, and why: the planner is asked again and again on a copy of what is committed and
 * what is seen, and everybody is supposed to do at once what it is given. Nothing is touched.
 *
 * It does not know what a takeover would meet: that a disk which was reached a moment ago is still
 * reached then is supposed, and said by the age of what each node has verified.
 */
import { apply } from '../cluster/apply.ts';
import type { Command } from '../cluster/command.ts';
import { groupOf, membersInOrder } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, Millis, NodeId } from '../lib/ids.ts';
import { failure, type Result, success } from '../lib/result.ts';
import type { NodeView, View } from '../membership/view.ts';
import { GroupAges } from './group-ages.ts';
import { ranking } from './placement.ts';
import { type PlannerOutput, plan, type Waiting } from './planner.ts';
import { maxFitnessAgeMs, type PlannerInput, type PlannerTimes } from './planner-input.ts';
import { parseSupposition, type Refused, type Supposed, suppose } from './suppositions.ts';

/** Everything that the answer depends on; plain data, so that it can be kept and asked later. */
export type Basis = {
  /** Its history may be left out. */
  readonly state: ClusterState;
  readonly view: View;
  readonly times: PlannerTimes;
  /** Wall clock, milliseconds since 1970; null: unknown. */
  readonly wallMs: Millis | null;
};

export type Step = {
  readonly group: GroupId | null;
  /** A sentence. */
  readonly what: string;
  readonly why: string;
  /** Each node with the reason for and against it. */
  readonly nodes: readonly { readonly node: NodeId; readonly why: string }[];
};

export type WhatIf = {
  readonly steps: readonly Step[];
  readonly waiting: readonly Omit<Waiting, 'untilMs'>[];
  /** Where each group would be in the end; null: nowhere. */
  readonly owners: Readonly<Record<GroupId, NodeId | null>>;
  /** In words: no majority would be left, so nothing would be served. Empty: there would be one. */
  readonly noQuorum: string;
};

const ROUNDS = 60;
/** As if everything had been as it is for an hour, and each round took a minute. */
const BEGAN_MS = 0;
const NOW_MS = 3_600_000;
const ROUND_MS = 60_000;

/** `texts` none: what the cluster is about to do as it is. */
export function whatIf(basis: Basis, texts: readonly string[]): Result<WhatIf, Refused> {
  let supposed: Supposed = { state: { ...basis.state, history: [] }, view: basis.view };
  for (const text of texts) {
    const what = parseSupposition(text);
    if (!what.ok) return what;
    const next = suppose(supposed, what.value);
    if (!next.ok) return failure(next.error);
    supposed = next.value;
  }
  const noQuorum = quorumOf(supposed);
  if (noQuorum !== '') {
    const owners = Object.keys(supposed.state.groups).map((name) => [name, null] as const);
    return success({ steps: [], waiting: [], owners: Object.fromEntries(owners), noQuorum });
  }
  return success({ ...unfold(basis, supposed), noQuorum: '' });
}

function quorumOf({ state, view }: Supposed): string {
  const voters = membersInOrder(state).filter(({ role }) => role === 'voter');
  const heard = voters.filter(({ member }) => view.nodes[member.node]?.state === 'alive');
  if (heard.length * 2 > voters.length) return '';
  const names = heard.map(({ member }) => member.node).join(', ') || 'none';
  return `${heard.length} of ${voters.length} voters would be left (${names}): no majority, nothing is served`;
}

function unfold(basis: Basis, start: Supposed): Omit<WhatIf, 'noQuorum'> {
  const ages = new GroupAges();
  let { state } = start;
  let view = seenBy(start.view);
  ages.observe(state, view, BEGAN_MS);
  const steps: Step[] = [];
  let output: PlannerOutput | null = null;
  for (let round = 0; round < ROUNDS; round += 1) {
    const input = inputOf(basis, { state, view, ages, now: NOW_MS + round * ROUND_MS });
    output = plan(input);
    const known = output.proposals.filter(({ command }) => command.kind !== 'set-level');
    for (const { command } of known) {
      steps.push(stepOf({ ...input, state }, command));
      state = apply(state, 0, command).state;
    }
    const before = state;
    state = obey(state, view);
    view = reporting(view, state);
    if (known.length === 0 && state === before) break;
  }
  const owners = Object.entries(state.groups).map(([name, group]) => [name, group.owner] as const);
  const waiting = (output?.waiting ?? []).map(({ group, code, why }) => ({ group, code, why }));
  return { steps, waiting, owners: Object.fromEntries(owners) };
}

/** Somebody who lives decides; where the leader is supposed dead, the next one sees the same. */
function seenBy(view: View): View {
  if (view.nodes[view.self]?.state === 'alive') return view;
  const heir = Object.values(view.nodes).find(({ state }) => state === 'alive');
  if (heir === undefined) return view;
  const hearing = Object.values(view.nodes).map((seen): [NodeId, NodeView] => {
    if (seen.state !== 'alive') return [seen.node, seen];
    const links = Object.entries(seen.links).map(
      ([over, link]) => [over, { ...link, hearsUs: true }] as const,
    );
    return [seen.node, { ...seen, links: Object.fromEntries(links) }];
  });
  return { ...view, self: heir.node, nodes: Object.fromEntries(hearing) };
}

function inputOf(
  { times, wallMs }: Basis,
  at: {
    readonly state: ClusterState;
    readonly view: View;
    readonly ages: GroupAges;
    readonly now: Millis;
  },
): PlannerInput {
  const { state, view, ages, now } = at;
  return {
    state,
    self: view.self,
    incarnation: 0,
    now,
    view,
    // By then every earlier lease has run out; how long that takes is no part of the answer.
    ledger: { remainderMs: () => 0 },
    leaderSinceMs: BEGAN_MS,
    appliedOwnTerm: true,
    clusterId: state.clusterId ?? '',
    bootstrapMembers: [],
    bootstrapGroups: [],
    inFlight: new Set(),
    times,
    electionMs: null,
    ages: ages.observe(state, view, now),
    wallMs,
  };
}

/** Owners that live serve what they were given, and stop what they are to stop. */
function obey(start: ClusterState, view: View): ClusterState {
  return Object.entries(start.groups).reduce((state, [name, { owner, phase, epoch }]) => {
    if (owner === null || view.nodes[owner]?.state !== 'alive') return state;
    const guard = { group: name, expectedEpoch: epoch, node: owner } as const;
    if (phase === 'taking-over') {
      return apply(state, 0, { kind: 'serving', ...guard, stamps: [] }).state;
    }
    if (phase !== 'releasing') return state;
    const stopped = { kind: 'stopped', clean: true, proof: 'owner', secret: null } as const;
    return apply(state, 0, { ...stopped, ...guard }).state;
  }, start);
}

/** What runs somewhere is said there; what does not run any more could be taken again. */
function reporting(view: View, { groups }: ClusterState): View {
  const nodes = Object.values(view.nodes).map((seen): [NodeId, NodeView] => {
    if (seen.state !== 'alive') return [seen.node, seen];
    const mine = Object.entries(groups).filter(([, { owner }]) => owner === seen.node);
    const had = seen.groups.map(({ group }) => group);
    const free = had.filter((name) => !mine.some(([other]) => other === name));
    const fitness = seen.fitness.filter(({ group }) => !mine.some(([name]) => name === group));
    const freed = free
      .filter((name) => !fitness.some(({ group }) => group === name))
      .map((group) => ({ group, fit: true, code: null, ageMs: 0 }));
    const runs = mine.map(([group, { epoch }]) => ({ group, epoch, state: 'serving' as const }));
    return [seen.node, { ...seen, fitness: [...fitness, ...freed], groups: runs }];
  });
  return { ...view, nodes: Object.fromEntries(nodes) };
}

function stepOf(input: PlannerInput, command: Command): Step {
  const group = 'group' in command ? command.group : null;
  const known = group === null ? null : groupOf(input.state, group);
  const from = known?.owner ?? known?.previousOwner ?? null;
  switch (command.kind) {
    case 'assign': {
      const { node, reason, evidence } = command;
      const place = from === null || from === node ? '' : ` from ${from}`;
      const what = `${group} goes${place} to ${node}, as ${reason}`;
      return { group, what, why: evidence.detail, nodes: nodesOf(input, command.group) };
    }
    case 'release': {
      const what = `${group} is stopped on ${from}${command.to === null ? '' : ` for ${command.to}`}`;
      return { group, what, why: command.by, nodes: nodesOf(input, command.group) };
    }
    case 'expired':
      return { group, what: `the last lease of ${group} runs out`, why: command.detail, nodes: [] };
    case 'define-group': {
      const { group: name } = command.definition;
      const why = `by ${command.by}`;
      return { group: name, what: `${name} is defined anew`, why, nodes: [] };
    }
    default:
      return { group, what: command.kind, why: 'by' in command ? command.by : '', nodes: [] };
  }
}

function nodesOf(input: PlannerInput, name: GroupId): Step['nodes'] {
  const group = groupOf(input.state, name);
  if (group === null) return [];
  const { state, view } = input;
  const question = { state, view, group, maxFitnessAgeMs: maxFitnessAgeMs(input) };
  return ranking({ ...question, first: null, last: null }).map(({ node, why }) => ({ node, why }));
}
