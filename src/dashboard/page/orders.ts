/** The buttons of the tables: what is asked before each order, and which request it becomes. */
import type { ClusterStatus } from '../../operator/api.ts';
import { askWhy, order } from './daemon.ts';
import { confirmOrder, explain } from './dialog.ts';
import { h } from './dom.ts';

/** `action`, `node` and `group` are those of the button that was pressed. */
export async function act(
  status: ClusterStatus,
  { action = '', node = '', group = '' }: DOMStringMap,
): Promise<void> {
  switch (action) {
    case 'why-group':
      explain((await askWhy('groups', group)).data);
      break;
    case 'why-node':
      explain((await askWhy('members', node)).data);
      break;
    case 'move':
      move(status, group);
      break;
    case 'standby':
    case 'online':
      setMode(status, node, action);
      break;
  }
}

function move(status: ClusterStatus, name: string): void {
  const group = status.groups.find((one) => one.group === name);
  const fit = (group?.fitness ?? []).filter((one) => one.fit && one.node !== group?.owner);
  const select = h(
    'select',
    { id: 'target' },
    h('option', { value: '' }, 'wherever is best'),
    ...fit.map(({ node }) => h('option', { value: node }, node)),
  ) as HTMLSelectElement;
  confirmOrder({
    title: `Move ${name}`,
    consequence:
      `${name} is stopped in order on ${group?.owner ?? 'nobody'} and started elsewhere. ` +
      'Clients are interrupted meanwhile.',
    verb: 'Move it',
    choice: h('div', {}, h('label', { for: 'target' }, 'To'), select),
    run: (reason) =>
      order(
        `/v1/groups/${encodeURIComponent(name)}/move`,
        { to: select.value === '' ? null : select.value },
        reason,
      ),
  });
}

function setMode(status: ClusterStatus, node: string, mode: 'standby' | 'online'): void {
  const owned = status.groups.filter(({ owner }) => owner === node).map(({ group }) => group);
  const standby =
    owned.length === 0
      ? `${node} owns nothing; nothing will be started there.`
      : `${node} hands over ${owned.join(', ')}, and nothing will be started there.`;
  const online = `${node} may be used again. Nothing moves back by itself.`;
  confirmOrder({
    title: `${mode === 'standby' ? 'Standby' : 'Online'}: ${node}`,
    consequence: mode === 'standby' ? standby : online,
    verb: mode === 'standby' ? 'Set to standby' : 'Set online',
    run: (reason) => order('/v1/mode', { subject: { kind: 'node', node }, mode }, reason),
  });
}
