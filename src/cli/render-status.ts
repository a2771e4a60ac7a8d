/**
 * The status for somebody who was woken at three in the morning: first whether this can be believed,
 * then whether anything is wrong and why, then the tables.
 */
import { durationText } from '../lib/duration.ts';
import type {
  Answer,
  ClusterStatus,
  GroupStatus,
  LinkStatus,
  MemberStatus,
} from '../operator/api.ts';
import { type Cell, renderTable } from './table.ts';
import { paint, type Style, type Terminal } from './terminal.ts';

type Lines = readonly string[];

export function renderStatus(terminal: Terminal, answer: Answer<ClusterStatus>): Lines {
  const { data } = answer;
  return [
    ...renderStaleness(terminal, answer),
    ...renderCluster(terminal, answer.clusterId, data),
    '',
    ...renderMembers(terminal, data.members),
    '',
    ...renderGroups(terminal, data.groups),
  ];
}

/** Nothing when the answer is current. */
export function renderStaleness(terminal: Terminal, answer: Answer<unknown>): Lines {
  if (!answer.stale) return [];
  const { answeredBy, appliedIndex } = answer;
  return [
    paint(terminal, 'alarm', `STALE: ${answeredBy} cannot reach a majority of the cluster.`),
    `What follows is the last that it knew (log index ${appliedIndex}); others may have moved on.`,
    '',
  ];
}

function renderCluster(terminal: Terminal, clusterId: string, status: ClusterStatus): Lines {
  const { node, leader, role, term, commitIndex, mode, quorate } = status;
  const quorum = quorate
    ? paint(terminal, 'green', 'quorate')
    : paint(terminal, 'alarm', 'NOT QUORATE');
  const led = leader === null ? paint(terminal, 'red', 'no leader') : `leader ${leader}`;
  const heading = paint(terminal, 'bold', `cluster ${clusterId}`);
  const unusual = mode === 'online' ? '' : `  mode ${paint(terminal, 'yellow', mode)}`;
  const raft = `term ${term}  commit ${commitIndex}`;
  return [
    `${heading}  ${quorum}  ${led}  ${raft}${unusual}`,
    `seen by ${node} (${role}, version ${status.version})`,
    ...(status.logStalled
      ? [paint(terminal, 'alarm', `the log disk of ${node} does not answer: it cannot lead`)]
      : []),
    ...(status.why === '' ? [] : [paint(terminal, 'red', `nothing is served: ${status.why}`)]),
  ];
}

const STATE_STYLES: Readonly<Record<MemberStatus['state'], Style>> = {
  alive: 'green',
  suspect: 'yellow',
  dead: 'red',
};

export function renderMembers(terminal: Terminal, members: readonly MemberStatus[]): Lines {
  const interconnects = [
    ...new Set(members.flatMap((member) => Object.keys(member.addresses))),
  ].toSorted();
  const led = members.some(({ lag }) => lag !== null);
  const head = [
    'MEMBER',
    'NUMBER',
    'STATE',
    'MODE',
    'ROLE',
    ...(led ? ['LAG'] : []),
    ...interconnects,
  ];
  const rows = members.map((member): readonly Cell[] => [
    member.self ? `${member.node} (here)` : member.node,
    String(member.number),
    { text: member.state, style: STATE_STYLES[member.state] },
    { text: member.mode, style: member.mode === 'online' ? null : 'yellow' },
    roleCell(member),
    ...(led ? [member.lag === null ? '' : String(member.lag)] : []),
    ...interconnects.map((interconnect) => linkCell(member, interconnect)),
  ]);
  const waits = members
    .filter((member) => member.waits !== '')
    .map((member) => paint(terminal, 'yellow', `  ${member.node} waits: ${member.waits}`));
  return [...renderTable(terminal, head, rows), ...waits];
}

/** What it is in Raft's configuration, and where that leads when it is not what is wanted. */
function roleCell({ leader, role, raft }: MemberStatus): Cell {
  const is = leader ? 'leader' : raft;
  if (role === raft) return is;
  return { text: `${is} -> ${role === 'leaving' ? 'out' : role}`, style: 'yellow' };
}

function linkCell(member: MemberStatus, interconnect: string): Cell {
  if (member.self) return '-';
  const link = member.links.find((each) => each.interconnect === interconnect);
  if (link === undefined) return { text: 'unknown', style: 'yellow' };
  return { text: linkText(link), style: link.state === 'alive' ? null : STATE_STYLES[link.state] };
}

function linkText({ state, silentMs }: LinkStatus): string {
  if (silentMs === null) return `${state}, never heard`;
  return state === 'alive' ? state : `${state}, silent ${durationText(silentMs)}`;
}

export function renderGroups(terminal: Terminal, groups: readonly GroupStatus[]): Lines {
  if (groups.length === 0) return ['no groups are defined'];
  const head = ['GROUP', 'PHASE', 'OWNER', 'EPOCH', 'MODE', 'REASON', 'HERE'];
  const rows = groups.map((group): readonly Cell[] => [
    group.group,
    {
      text: group.phase,
      style: group.phase === 'serving' && group.why === '' ? 'green' : 'yellow',
    },
    group.owner ?? 'nobody',
    String(group.epoch),
    { text: group.mode, style: group.mode === 'online' ? null : 'yellow' },
    group.reason,
    hereText(group),
  ]);
  return [
    ...renderTable(terminal, head, rows),
    ...groups.flatMap((group) => detail(terminal, group)),
  ];
}

function hereText({ local }: GroupStatus): string {
  const { state, leaseRemainingMs } = local;
  return leaseRemainingMs === null ? state : `${state}, lease ${durationText(leaseRemainingMs)}`;
}

/** What a table has no room for: why, what runs here, who could not take over. */
function detail(terminal: Terminal, group: GroupStatus): Lines {
  const { local, failures, fitness } = group;
  const resources = local.resources.map((resource): readonly Cell[] => [
    `    ${resource.resource}`,
    resource.type,
    { text: resource.state, style: resource.state === 'failed' ? 'red' : null },
    resource.code ?? '',
  ]);
  const lines = [
    ...(group.why === '' ? [] : [paint(terminal, 'red', `  not served: ${group.why}`)]),
    ...fitness
      .filter((each) => !each.fit)
      .map((each) => `  ${each.node} cannot take it: ${each.code ?? 'unknown'}`),
    ...failures.map(
      (each) =>
        `  takeover by ${each.node} in epoch ${each.epoch} failed: ${each.code} ${each.detail}`,
    ),
    ...(resources.length === 0
      ? []
      : renderTable(terminal, ['    RESOURCE', 'TYPE', 'STATE', 'CODE'], resources)),
  ];
  return lines.length === 0 ? [] : ['', `${group.group}:`, ...lines.map((line) => line.trimEnd())];
}
