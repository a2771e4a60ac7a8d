/** Nodes with the state of every interconnect and its latency, and what can be done with a node. */
import { durationText } from '../../lib/duration.ts';
import type { ClusterStatus, LatencyStatus, LinkStatus, MemberStatus } from '../../operator/api.ts';
import { type Child, h } from './dom.ts';

const STYLES = { alive: 'good', suspect: 'warn', dead: 'bad' } as const;

export function nodesView(
  status: ClusterStatus,
  latencies: readonly LatencyStatus[],
): readonly Child[] {
  const { members } = status;
  const interconnects = [
    ...new Set(members.flatMap(({ addresses }) => Object.keys(addresses))),
  ].toSorted();
  const head = ['Node', 'State', 'Role', 'Mode', ...interconnects, 'Orders'];
  return [
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Nodes' },
      h(
        'table',
        {},
        h('caption', {}, `As ${status.node} sees them; round trips are measured now.`),
        h('thead', {}, h('tr', {}, ...head.map((text) => h('th', { scope: 'col' }, text)))),
        h('tbody', {}, ...members.map((member) => row(member, interconnects, latencies))),
      ),
    ),
  ];
}

function row(
  member: MemberStatus,
  interconnects: readonly string[],
  latencies: readonly LatencyStatus[],
): HTMLElement {
  const { node, self, state, mode, waits } = member;
  return h(
    'tr',
    { 'data-node': node },
    h('th', { scope: 'row' }, self ? `${node} (here)` : node),
    h('td', { class: STYLES[state] }, state),
    h('td', {}, roleText(member), ...(waits === '' ? [] : [h('div', { class: 'warn' }, waits)])),
    h('td', { class: mode === 'online' ? '' : 'warn' }, mode),
    ...interconnects.map((over) => {
      if (self) return h('td', { class: 'quiet' }, 'here');
      const link = member.links.find(({ interconnect }) => interconnect === over);
      const latency = latencies.find((one) => one.node === node && one.interconnect === over);
      return linkCell(link, latency);
    }),
    h('td', {}, ...orders(member)),
  );
}

function roleText({ leader, role, raft }: MemberStatus): string {
  const is = leader ? 'leader' : raft;
  return role === raft ? is : `${is}, becomes ${role === 'leaving' ? 'none: it leaves' : role}`;
}

function linkCell(link: LinkStatus | undefined, latency: LatencyStatus | undefined): HTMLElement {
  if (link === undefined) return h('td', { class: 'quiet' }, 'unknown');
  const trip = latency?.roundTripMs ?? null;
  const { silentMs } = link;
  const detail =
    link.state === 'alive' && trip !== null
      ? `${trip.toFixed(1)} ms`
      : silentMs === null
        ? 'never heard'
        : `silent ${durationText(silentMs)}`;
  return h(
    'td',
    {},
    h('span', { class: STYLES[link.state] }, link.state),
    ' ',
    h('span', { class: 'quiet' }, detail),
  );
}

function orders({ node, mode }: MemberStatus): readonly HTMLElement[] {
  const button = (action: string, words: string): HTMLElement =>
    h('button', { type: 'button', 'data-action': action, 'data-node': node }, words, hidden(node));
  return [
    button('why-node', 'Why'),
    mode === 'online' ? button('standby', 'Standby') : button('online', 'Online'),
  ];
}

/** A button says which node it is for also to those who do not see its row. */
export function hidden(words: string): HTMLElement {
  return h('span', { class: 'visually-hidden' }, ` ${words}`);
}
