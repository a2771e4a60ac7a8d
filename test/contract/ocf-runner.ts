/**
 * Runs the contract of `ResourceAgent` on agents of Debian's `resource-agents` and the programs that they
 * manage (file systems, addresses, PostgreSQL, nginx), and prints a line of JSON for each:
 * `node ocf-runner.ts DIRECTORY [short]`. To be started in network and mount namespaces of its own.
 */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OcfAgent } from '../../src/resources/agents/ocf.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { undo } from '../../src/system/undo.ts';
import { contextOf, resource } from '../resources/support/definitions.ts';
import { DiskStage } from '../resources/support/disk-stage.ts';
import { must } from '../resources/support/shell.ts';
import { reporting } from './report-line.ts';
import { type AgentLab, RESOURCE_AGENT_CONTRACT, reset } from './resource-agent.ts';

const [directory, form] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: ocf-runner.ts DIRECTORY [short]');

const POSTGRESQL = '/usr/lib/postgresql/15/bin';
const PORT = 54_321;
const disks = new DiskStage(directory);
const agent = new OcfAgent({ clock, logDirectory: join(directory, 'output') });
const filter = new PacketFilter({ clusterId: 'ocf', clock });
const report = reporting();

/** In the short form: one life, and the guardian's way down. */
const SHORT = /^(suspended and resumed|what it tells the guardian)/;
const clauses = RESOURCE_AGENT_CONTRACT.filter(({ name }) => form !== 'short' || SHORT.test(name));

/** PostgreSQL refuses to run as root, and does not read below a directory that it may not enter. */
function postgresql(at: string): readonly string[] {
  const data = join(at, 'pg');
  mkdirSync(data);
  chmodSync(at, 0o755);
  must('chown', 'postgres:', data);
  must(
    'setpriv',
    '--reuid=postgres',
    '--regid=postgres',
    '--init-groups',
    `${POSTGRESQL}/initdb`,
    data,
  );
  return [
    `pgctl=${POSTGRESQL}/pg_ctl`,
    'psql=/usr/bin/psql',
    `pgdata=${data}`,
    'pgdba=postgres',
    `pgport=${PORT}`,
    'pghost=127.0.0.1',
    `socketdir=${data}/sockets`,
    `logfile=${data}/log`,
    'start_opt=-c fsync=off',
  ];
}

function nginx(at: string): readonly string[] {
  const configuration = join(at, 'nginx.conf');
  writeFileSync(
    configuration,
    `pid ${at}/nginx.pid; error_log ${at}/nginx.log; events {}
     http { access_log off; server { listen 127.0.0.1:8088; location / { return 200 "ok"; } } }`,
  );
  return [`configfile=${configuration}`, 'status10url=http://127.0.0.1:8088/', 'status10regex=ok'];
}

function labs(at: string): Readonly<Record<string, AgentLab>> {
  const lab = (name: string, parameters: readonly string[]): AgentLab => ({
    agent,
    definition: resource('ocf', { agent: name, parameters }, { name: name.replace(':', '-') }),
    context: contextOf(),
    lease: async () => {},
    undo: (item) =>
      undo(item, { filter, clock, timeoutMs: 20_000, signal: new AbortController().signal }),
    holds: true,
  });
  const mount = disks.directory('mounted');
  const device = disks.disk('ocf', 'ext4');
  const address = ['ip=192.0.2.77', 'cidr_netmask=24', 'nic=wire'];
  const filesystem = [`device=${device}`, `directory=${mount}`, 'fstype=ext4'];
  return {
    'heartbeat:Filesystem': lab('heartbeat:Filesystem', filesystem),
    'heartbeat:IPaddr2': lab('heartbeat:IPaddr2', address),
    ...(existsSync(`${POSTGRESQL}/postgres`)
      ? { 'heartbeat:pgsql': lab('heartbeat:pgsql', postgresql(at)) }
      : {}),
    ...(existsSync('/usr/sbin/nginx')
      ? { 'heartbeat:nginx': lab('heartbeat:nginx', nginx(at)) }
      : {}),
  };
}

must('ip', 'link', 'set', 'lo', 'up');
must('ip', 'link', 'add', 'wire', 'type', 'veth', 'peer', 'name', 'other');
must('ip', 'link', 'set', 'wire', 'up');
must('ip', 'link', 'set', 'other', 'up');
try {
  for (const [name, lab] of Object.entries(labs(directory))) {
    for (const clause of clauses) {
      await report(`${name}: ${clause.name}`, async () => {
        await reset(lab);
        await clause.run(lab);
      });
    }
    await reset(lab);
  }
} finally {
  disks.destroy();
}
// What a failed clause left running must not keep the report waiting.
process.exit(0);
