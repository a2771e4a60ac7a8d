/**
 * `npm run bench -- peers`: how long clients wait when the owner of an address loses its power, with
 * Pacemaker and Corosync or with keepalived, in the same namespaces, with the same client and the
 * same small application. They have no disk to take over and fence nobody: what Holdfast does beside
 * that is not in these figures.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { until } from '../../test/lab/kernel/index.ts';
import type { Lab } from '../../test/lab/lab.ts';
import { FLOATING_IP, LEDGER_PORT } from '../../test/lab/lab-config.ts';
import { openLab } from '../../test/lab/open-lab.ts';
import { longestSilenceMs } from '../failover/answers.ts';
import { Prober } from '../failover/prober.ts';
import { spread } from '../quantile.ts';

const PACKAGES = ['keepalived', 'pacemaker', 'corosync', 'pacemaker-cli-utils', 'resource-agents'];
const PEERS = ['keepalived', 'pacemaker'] as const;
const TUNINGS = ['default', 'tuned'] as const;
const here = import.meta.dirname;
const failover = join(here, '../failover');

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    peer: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function loadAverage(): string {
  return readFileSync('/proc/loadavg', 'utf8').trim();
}

function install(): void {
  if (existsSync('/usr/sbin/keepalived') && existsSync('/usr/sbin/pacemakerd')) return;
  say(`installing ${PACKAGES.join(' ')}`);
  const arguments_ = ['install', '-y', '-q', '--no-install-recommends', ...PACKAGES];
  execFileSync('apt-get', arguments_, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function startOn(lab: Lab, id: number, peer: string, tuning: string): Promise<void> {
  const machine = lab.guest(id);
  for (const name of ['node.sh', 'resources.sh']) {
    copyFileSync(join(here, name), join(machine.share, name));
  }
  await machine.ok(`sh /lab/node.sh ${peer} ${tuning} ${id}`);
}

async function measure(peer: string, tuning: string, runs: number): Promise<object> {
  const lab = await openLab('native', { nodes: 3, luns: 1, say });
  try {
    const program = join(lab.directory, 'prober');
    execFileSync('gcc', ['-O2', '-o', program, join(failover, 'prober.c')]);
    for (const { share } of lab.nodes) {
      const answerer = join(share, 'answerer');
      execFileSync('gcc', ['-O2', '-static', '-o', answerer, join(failover, 'answerer.c')]);
    }
    await Promise.all(lab.nodes.map(({ id }) => startOn(lab, id, peer, tuning)));
    if (peer === 'pacemaker') await lab.guest(1).ok('sh /lab/resources.sh', 120_000);
    const prober = new Prober(lab, program, FLOATING_IP, LEDGER_PORT);
    const before = loadAverage();
    const outages: number[] = [];
    for (let i = 1; i <= runs; i += 1) {
      await prober.waitFor(() => true, 400, `${peer} serves`, 180_000);
      prober.forget();
      const owner = Number(prober.answers.at(-1)?.node.replace('node', ''));
      await lab.guest(owner).powerOff();
      await prober.waitFor((a) => a.node !== `node${owner}`, 200, 'another serves', 180_000);
      outages.push(longestSilenceMs(prober.answers));
      say(`${peer} ${tuning} ${i}/${runs}: ${outages.at(-1)?.toFixed(0)} ms`);
      await lab.boot(owner);
      await startOn(lab, owner, peer, tuning);
      if (peer === 'pacemaker') await whole(lab, owner);
    }
    const load = { before, after: loadAverage() };
    return { peer, tuning, fault: 'power-loss', runs, outageMs: spread(outages), outages, load };
  } finally {
    await lab.down();
  }
}

async function whole(lab: Lab, id: number): Promise<void> {
  const online = `crm_mon -1 2>/dev/null | grep -q 'Online: . node1 node2 node3'`;
  await until(async () => (await lab.guest(id).exec(online)).status === 0, {
    what: 'the node that came back is online',
    limitMs: 120_000,
    intervalMs: 500,
  });
}

install();
const table: object[] = [];
for (const peer of PEERS.filter((one) => values.peer === undefined || values.peer === one)) {
  for (const tuning of TUNINGS) table.push(await measure(peer, tuning, Number(values.runs)));
}
const results = join(here, '../results');
mkdirSync(results, { recursive: true });
writeFileSync(join(results, 'peers-native.json'), `${JSON.stringify(table, null, 1)}\n`);
for (const line of table) say(JSON.stringify(line));
console.log(JSON.stringify({ lab: 'native', fault: 'power-loss', peers: table }));
