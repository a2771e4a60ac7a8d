/** What a planner answers, and what is committed, as sentences. Milliseconds are whole. */
import type { Command } from '../../../src/cluster/command.ts';
import type { GroupState } from '../../../src/cluster/state.ts';
import type { ElectorateOutput } from '../../../src/failover/electorate.ts';
import { ranking } from '../../../src/failover/placement.ts';
import type { PlannerOutput, Waiting } from '../../../src/failover/planner.ts';
import { maxFitnessAgeMs, type PlannerInput } from '../../../src/failover/planner-input.ts';
import type { GroupId, Millis } from '../../../src/lib/ids.ts';
import type { NodeView } from '../../../src/membership/view.ts';

type Assign = Extract<Command, { readonly kind: 'assign' }>;

/** For each group what is proposed or waited for, and for each node why it may or may not have it. */
export function planInWords(input: PlannerInput, output: PlannerOutput): readonly string[] {
  const assigned = output.proposals.filter(({ command }) => command.kind === 'assign');
  const groups = Object.keys(input.state.groups).flatMap((name) => {
    const about = output.proposals.filter(({ command }) => groupOf(command) === name);
    const commands = about.flatMap((one) =>
      commandInWords(one.command, input.state.lastEpoch + 1 + assigned.indexOf(one)),
    );
    const waits = output.waiting.filter(({ group }) => group === name);
    const lines = [...commands, ...waits.map((one) => waitInWords(one, input.now))];
    if (lines.length === 0) return [quietInWords(input, name)];
    return [...lines, `  ${candidatesInWords(input, name)}`];
  });
  const others = output.proposals.filter(({ command }) => {
    const group = groupOf(command);
    return group === null || !Object.hasOwn(input.state.groups, group);
  });
  return [
    ...others.flatMap(({ command }) => commandInWords(command, 0)),
    ...groups,
    ...output.refused.map(({ key, code, detail }) => `refused ${key}, ${code}: ${detail}`),
  ];
}

export function electorateInWords({
  step,
  proposals,
  waiting,
}: ElectorateOutput): readonly string[] {
  const next =
    step.kind === 'change'
      ? [`members: next, voters ${listed(step.target.voters)}; ${learners(step.target.learners)}`]
      : step.kind === 'transfer'
        ? [`members: next, leadership goes to ${step.to}`]
        : [];
  return [
    ...next,
    ...proposals.map(({ key }) => `members: ${key.replace('remove:', '')} is struck off`),
    ...waiting.map(({ node, code, why }) => `members: ${node} waits, ${code}: ${why}`),
  ];
}

export function candidatesInWords(input: PlannerInput, name: GroupId): string {
  const { state, view } = input;
  const group = state.groups[name];
  if (group === undefined) return '';
  const age = maxFitnessAgeMs(input);
  const wish = { first: null, last: null };
  return ranking({ state, view, group, maxFitnessAgeMs: age, ...wish })
    .toSorted((a, b) => (a.node < b.node ? -1 : 1))
    .map(({ node, eligible, code, why }) => {
      if (eligible || code === why) return `${node}: ${why}`;
      return `${node}: ${code}, ${why}`;
    })
    .join('; ');
}

export function waitInWords({ group, code, why, untilMs }: Waiting, now: Millis): string {
  const until = untilMs === null ? 'until something happens' : `for ${ms(untilMs - now)}`;
  return `${group} waits ${until}, ${code}: ${why}`;
}

/** The group and the epochs that count for it. */
export function groupInWords(group: GroupState): string {
  const { definition, phase, owner, epoch, mode } = group;
  const place = owner === null ? '' : ` on ${owner}`;
  const facts = [
    `${definition.group} is ${phase}${place}`,
    epoch === 0 ? 'was never owned' : `epoch ${epoch}`,
    ...(mode === 'online' ? [] : [`in ${mode}`]),
    ...(phase === 'releasing' ? [`for ${group.releaseTo ?? 'nobody'}`] : []),
    ...group.unfinished
      .filter((one) => one.epoch !== epoch || owner === null)
      .map((one) => `epoch ${one.epoch} on ${one.node} is not proven down`),
    ...failuresOf(group),
  ];
  return facts.join(', ');
}

export function nodeInWords({ node, state, proofOfDeath, links, heardByOthers }: NodeView): string {
  const over = Object.entries(links).map(([name, link]) => {
    const silence = link.silentMs === null ? 'never heard' : `silent for ${ms(link.silentMs)}`;
    const deaf = link.state === 'alive' && !link.hearsUs ? ', does not hear us' : '';
    return `${name} ${link.state}${link.state === 'alive' ? deaf : ` ${silence}`}`;
  });
  const facts = [
    proofOfDeath ? `${state}, with proof` : state,
    ...over,
    ...(heardByOthers && state !== 'alive' ? ['others hear it'] : []),
  ];
  return `${node} is ${facts.join('; ')}`;
}

export function ms(value: Millis): string {
  return `${Math.round(value)} ms`;
}

function groupOf(command: Command): GroupId | null {
  if (command.kind === 'define-group') return command.definition.group;
  return 'group' in command ? command.group : null;
}

/** `epoch`: the one that an assignment would get. */
function commandInWords(command: Command, epoch: number): readonly string[] {
  switch (command.kind) {
    case 'create-cluster':
      return [`the cluster ${command.clusterId} is created`];
    case 'admit-member':
      return [`${command.member.node} is written down as member ${command.member.number}`];
    case 'define-group':
      return command.expectedRevision === 0
        ? [`${command.definition.group} is written down`]
        : [`${command.definition.group} is defined anew, by ${command.by}`];
    case 'assign':
      return assignInWords(command, epoch);
    case 'release': {
      const { group, to, reason, by } = command;
      return [`${group} is to be stopped for ${to ?? 'nobody'}, as ${reason}: ${by}`];
    }
    case 'expired':
      return [`${command.group} is over: ${command.detail}`];
    case 'set-level':
      return [`every member knows feature level ${command.level}`];
    case 'forget-failures': {
      const { subject, throughEpoch } = command;
      const what =
        subject.kind === 'group' ? `failures of ${subject.group}` : `losses of ${subject.node}`;
      return [`${what} up to epoch ${throughEpoch} are forgotten`];
    }
    case 'set-wish':
      return [`nobody wishes ${command.group} anywhere any more: ${command.by}`];
    default:
      return [command.kind];
  }
}

function assignInWords(command: Assign, epoch: number): readonly string[] {
  const { group, node, reason, evidence, leaseRemainderMs, stamps } = command;
  const wait =
    leaseRemainderMs === 0 ? 'waits for no lease' : `may be seen after ${ms(leaseRemainderMs)}`;
  const silences = Object.entries(evidence.perInterconnectMs).map(
    ([over, silentMs]) => `${over} ${ms(silentMs)}`,
  );
  const silent =
    silences.length === 0 || evidence.kind === 'reported'
      ? ''
      : ` (silent: ${silences.join(', ')})`;
  const times = stamps.map(({ phase, durationMs }) => `${phase} ${ms(durationMs)}`);
  return [
    `${group} goes to ${node} in epoch ${epoch}, as ${reason}; ${node} ${wait}`,
    `  because ${evidence.observer} saw: ${evidence.kind}, ${evidence.detail}${silent}`,
    ...(times.length === 0 ? [] : [`  took ${times.join(', ')}`]),
  ];
}

function quietInWords({ state, inFlight }: PlannerInput, name: GroupId): string {
  const way = ['assign', 'release'].find((what) => inFlight.has(`${what}:${name}`));
  if (way !== undefined) return `${name}: its ${way} is on the way`;
  const group = state.groups[name];
  return group === undefined ? '' : `${groupInWords(group)}: nothing to do`;
}

function failuresOf({ failures }: GroupState): readonly string[] {
  if (failures.length === 0) return [];
  const counts = new Map<string, number>();
  for (const { node, code } of failures) {
    counts.set(`${node} ${code}`, (counts.get(`${node} ${code}`) ?? 0) + 1);
  }
  const words = [...counts].map(([what, times]) => (times === 1 ? what : `${what} ×${times}`));
  return [`failed: ${words.join(', ')}`];
}

function listed(nodes: readonly string[]): string {
  return nodes.join(' ');
}

function learners(nodes: readonly string[]): string {
  return nodes.length === 0 ? 'no learners' : `learners ${listed(nodes)}`;
}
