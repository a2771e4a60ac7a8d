/** Names by the conventions of Prometheus, and alerts and dashboard that ask only for what there is. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { observeStatus } from '../../src/node/observe.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { QUORATE } from '../operator/fake-daemon.ts';

const read = (name: string): string =>
  readFileSync(new URL(`../../config/monitoring/${name}`, import.meta.url), 'utf8');

/** name → type, as the exposition says. */
async function exposed(): Promise<ReadonlyMap<string, string>> {
  const text = await createMetrics({
    processMetrics: false,
    build: { version: '1', node: 'node1', cluster: 'lab' },
  }).text();
  const types = text.matchAll(/^# TYPE (\S+) (\S+)$/gm);
  return new Map([...types].map(([, name = '', type = '']) => [name, type]));
}

/** What a name says against the conventions; empty: nothing. */
function complaint(name: string, type: string): string {
  if (!/^holdfast_[a-z][a-z0-9_]*$/.test(name)) return 'not in snake case under holdfast_';
  if (type === 'counter' && !name.endsWith('_total')) return 'a counter without _total';
  if (type !== 'counter' && name.endsWith('_total')) return '_total, and no counter';
  if (/(_ms|_millis|milliseconds|_kb|_mib)(_|$)/.test(name)) return 'not in base units';
  return type === 'histogram' && !/_(seconds|bytes)$/.test(name) ? 'a histogram without unit' : '';
}

const namesIn = (text: string): readonly string[] => [
  ...new Set(
    [...text.matchAll(/\bholdfast_[a-z_]+/g)].map(([name]) =>
      name.replace(/_(bucket|sum|count)$/, ''),
    ),
  ),
];

it('the metrics keep to the conventions of Prometheus', async () => {
  const all = [...(await exposed())];
  expect(all.length).toBeGreaterThan(10);
  expect(all.filter(([name, type]) => complaint(name, type) !== '')).toEqual([]);
});

it.each([
  ['holdfast_moves', 'counter'],
  ['holdfast_moves_total', 'gauge'],
  ['holdfast_lease_ms', 'gauge'],
  ['holdfast_phase', 'histogram'],
  ['raft_term', 'gauge'],
  ['holdfast_raftTerm', 'gauge'],
])('control: %s as a %s is found', (name, type) => {
  expect(complaint(name, type)).not.toBe('');
});

it('the alerts are rules with summary and action, on metrics that there are', async () => {
  const text = read('alerts.yaml');
  const { groups } = parse(text) as {
    readonly groups: readonly {
      readonly rules: readonly {
        readonly alert: string;
        readonly expr: string;
        readonly labels: { readonly severity: string };
        readonly annotations: { readonly summary: string; readonly action: string };
      }[];
    }[];
  };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(5);
  const known = [...(await exposed()).keys()];
  for (const { alert, expr, labels, annotations } of rules) {
    expect(alert).toMatch(/^Holdfast[A-Z]/);
    expect(['info', 'warning', 'critical']).toContain(labels.severity);
    expect(annotations.summary).not.toBe('');
    expect(annotations.action).not.toBe('');
    for (const name of namesIn(expr)) expect(known, `${alert} asks for ${name}`).toContain(name);
  }
});

it('a daemon that is down is told by alerts and by each other daemon (pain 27: no metrics then)', async () => {
  const { groups } = parse(read('alerts.yaml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
  };
  const asked = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
  // Told by Prometheus itself; the rules about groups ask any node that is quorate.
  expect(asked).toContain('up{job="holdfast"} == 0');
  const metrics = createMetrics({ processMetrics: false });
  // node3 speaks, node1 is dead, node2 serves.
  observeStatus(metrics, QUORATE, QUORATE.commitIndex);
  const lines = (await metrics.text()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'holdfast_quorate 1',
      'holdfast_link_state{node="node1",interconnect="lan-a",state="dead"} 1',
      'holdfast_link_state{node="node1",interconnect="lan-b",state="dead"} 1',
      'holdfast_group_phase{group="ledger",phase="serving"} 1',
      'holdfast_group_owner{group="ledger",node="node2"} 1',
    ]),
  );
});

it('the dashboard of Grafana asks only for metrics that there are', async () => {
  const text = read('grafana-dashboard.json');
  const { panels, uid } = JSON.parse(text) as {
    readonly uid: string;
    readonly panels: readonly {
      readonly title: string;
      readonly targets: readonly { readonly expr: string }[];
    }[];
  };
  expect(uid).toBe('holdfast');
  const known = [...(await exposed()).keys()];
  for (const { title, targets } of panels) {
    expect(targets.length, title).toBeGreaterThan(0);
    for (const { expr } of targets) {
      expect(namesIn(expr).length, title).toBeGreaterThan(0);
      for (const name of namesIn(expr)) expect(known, title).toContain(name);
    }
  }
});

it('control: a metric that nobody has is found in an expression', async () => {
  expect(namesIn('rate(holdfast_nonsense_bucket[5m]) / holdfast_quorate')).toEqual([
    'holdfast_nonsense',
    'holdfast_quorate',
  ]);
  expect([...(await exposed()).keys()]).not.toContain('holdfast_nonsense');
});
