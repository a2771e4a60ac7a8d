/** Failover groups: who owns them, in which phase, why one is not served; and moves. */
import type { ClusterStatus, GroupStatus } from '../../operator/api.ts';
import { type Child, h } from './dom.ts';
import { hidden } from './view-nodes.ts';

const HEAD = ['Group', 'Phase', 'Owner', 'Epoch', 'Mode', 'Could take it', 'Orders'] as const;

export function groupsView({ groups }: ClusterStatus): readonly Child[] {
  if (groups.length === 0) return [h('p', {}, 'No groups are defined.')];
  return [
    h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Failover groups' },
      h(
        'table',
        {},
        h('thead', {}, h('tr', {}, ...HEAD.map((text) => h('th', { scope: 'col' }, text)))),
        h('tbody', {}, ...groups.map(row)),
      ),
    ),
  ];
}

function row(group: GroupStatus): HTMLElement {
  const { group: name, phase, owner, epoch, mode, why, fitness } = group;
  const served = phase === 'serving' && why === '';
  const fit = fitness.filter((one) => one.fit && one.node !== owner).map(({ node }) => node);
  const unfit = fitness.filter((one) => !one.fit);
  const button = (action: string, words: string): HTMLElement =>
    h('button', { type: 'button', 'data-action': action, 'data-group': name }, words, hidden(name));
  return h(
    'tr',
    { 'data-group': name },
    h('th', { scope: 'row' }, name),
    h(
      'td',
      {},
      h('span', { class: served ? 'good' : 'bad' }, served ? 'serving' : phase),
      ...(why === '' ? [] : [h('div', { class: 'warn' }, why)]),
    ),
    h('td', {}, owner ?? 'nobody'),
    h('td', {}, String(epoch)),
    h('td', { class: mode === 'online' ? '' : 'warn' }, mode),
    h(
      'td',
      {},
      fit.join(', ') || 'nobody',
      ...unfit.map(({ node, code }) =>
        h('div', { class: 'warn' }, `${node}: ${code ?? 'not fit'}`),
      ),
    ),
    h('td', {}, button('why-group', 'Why'), button('move', 'Move')),
  );
}
