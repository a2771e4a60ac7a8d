/**
 * `npm run bench -- footprint`: what an idle cluster costs a node. For each number of members and of
 * groups: processor time, memory and packets of one node (not the leader's alone: the busiest), and
 * how long it takes until everything that the first node owned is served elsewhere. Each size is
 * bounded in time; one that is not reached is said, with what was, and the next one is measured.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ClusterStatus } from '../src/operator/api.ts';
import { FailoverLab } from '../test/lab/failover-lab.ts';
import { until } from '../test/lab/kernel/index.ts';
import type { Machine } from '../test/lab/lab.ts';
import { openLab } from '../test/lab/open-lab.ts';

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '3,5,9' },
    groups: { type: 'string', default: '1,10,100,1000' },
    seconds: { type: 'string', default: '10' },
    limit: { type: 'string', default: '120' },
    json: { type: 'boolean', default: false },
  },
});
const TICKS_PER_SECOND = 100;
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const numbers = (text: string): number[] => text.split(',').map(Number);

type Cost = { readonly ticks: number; readonly packets: number; readonly memoryKb: number };

/** Of the daemon and its guardian. */
async function cost(machine: Machine): Promise<Cost> {
  const text = await machine.ok(
    `for p in $(pgrep -f 'src/holdfast.js run|src/guardian/main.ts'); do
       set -- $(sed 's/.*) //' /proc/$p/stat); echo "ticks $(( \${12} + \${13} ))"
       echo "memory $(grep VmRSS /proc/$p/status | tr -dc 0-9)"
     done
     for d in eth1 eth2; do
       echo "packets $(cat /sys/class/net/$d/statistics/tx_packets)"
     done`,
  );
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name} (\\d+)$`, 'gm'))].reduce(
      (all, [, n]) => all + Number(n),
      0,
    );
  return { ticks: sum('ticks'), packets: sum('packets'), memoryKb: sum('memory') };
}

/** An address on its own: what a group costs without what it serves. */
function group(i: number): object {
  const address = `10.99.3.${100 + (i % 100)}`;
  const parameters =
    i < 100
      ? { address: `${address}/24`, device: 'eth3' }
      : { address: `10.98.${Math.floor(i / 250)}.${1 + (i % 250)}/16`, device: 'eth3' };
  const name = i === 0 ? 'ledger' : `group${i}`;
  return {
    name,
    preferred: ['node1'],
    resources: [{ name: 'ip', type: 'floating-ip', parameters }],
  };
}

function servedBy(status: ClusterStatus | undefined, not: string | null): number {
  return (status?.groups ?? []).filter(
    ({ phase, owner }) => phase === 'serving' && owner !== null && owner !== not,
  ).length;
}

async function measure(members: number, groups: number): Promise<object> {
  const lab = await openLab('native', { nodes: members, luns: 1, say });
  try {
    const all = await FailoverLab.start({
      lab,
      say,
      profile: 'fast',
      clients: false,
      groups: Array.from({ length: groups }, (_, i) => group(i)),
    });
    let served = 0;
    const wait = (not: string | null, what: string): Promise<unknown> =>
      until(
        async () => {
          served = servedBy(await all.status(2), not);
          return served === groups;
        },
        { what, limitMs: Number(values.limit) * 1_000, intervalMs: 20 },
        () => `${served} of ${groups}`,
      );
    await wait(null, 'all groups are served');
    await pause(2_000);
    const seconds = Number(values.seconds);
    const before = await Promise.all(lab.nodes.map(cost));
    await pause(seconds * 1_000);
    const after = await Promise.all(lab.nodes.map(cost));
    const each = after.map((now, i) => ({
      cpuPercent: ((now.ticks - (before[i]?.ticks ?? 0)) / TICKS_PER_SECOND / seconds) * 100,
      packetsPerSecond: (now.packets - (before[i]?.packets ?? 0)) / seconds,
      memoryMb: now.memoryKb / 1024,
    }));
    const most = (name: keyof (typeof each)[number]): number =>
      Math.round(Math.max(...each.map((one) => one[name])) * 10) / 10;
    const began = performance.now();
    await lab.guest(1).powerOff();
    await wait('node1', 'everything is served elsewhere');
    const line = {
      members,
      groups,
      cpuPercent: most('cpuPercent'),
      memoryMb: most('memoryMb'),
      packetsPerSecond: most('packetsPerSecond'),
      failoverMs: Math.round(performance.now() - began),
      load: readFileSync('/proc/loadavg', 'utf8').trim(),
    };
    say(JSON.stringify(line));
    return line;
  } finally {
    await lab.down();
  }
}

/** What a size does not reach is a result, too. */
async function measured(members: number, groups: number): Promise<object> {
  try {
    return await measure(members, groups);
  } catch (error) {
    const [failed = ''] = String(error).split('\n--- ');
    const line = { members, groups, failed: failed.slice(0, 500) };
    say(JSON.stringify(line));
    return line;
  }
}

const table: object[] = [];
for (const members of numbers(values.members)) table.push(await measured(members, 1));
for (const groups of numbers(values.groups)) if (groups > 1) table.push(await measured(3, groups));
const results = join(import.meta.dirname, 'results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'footprint-native.json'), `${JSON.stringify(table, null, 1)}\n`);
console.log(JSON.stringify({ lab: 'native', profile: 'fast', footprint: table }));
