/**
 * `npm run bench -- NAME [arguments]`: runs one benchmark and passes its arguments on. Benchmarks
 * measure and assert nothing; the last line of each is one JSON object. What README quotes is made
 * here.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHMARKS: Readonly<Record<string, string>> = {
  mesh: 'what a heartbeat, a frame and a reset cost between two processes',
  raft: 'what a commit costs: core, cluster, floor, etcd: [--json] [--rounds N] [--kills N]',
  demo: 'outage and phases of the demonstration, run by run: [--embedded] [--runs N]',
  failover: 'how long clients wait, fault by fault, in a laboratory: --help',
  steady:
    'false alarms of a busy machine: [--minutes N] [--profile fast|safe] [--lab native|kernel]',
  footprint:
    'what an idle node costs: [--members 3,5,9] [--groups 1,10,100,1000] [--seconds N] [--limit S]',
  peers: 'Pacemaker and keepalived in the same laboratory: [--runs N]',
};

/** Those that have a folder. */
const FILES: Readonly<Record<string, string>> = {
  failover: 'failover/main.ts',
  peers: 'peers/main.ts',
};

const [name = '', ...rest] = process.argv.slice(2);
if (!Object.hasOwn(BENCHMARKS, name)) {
  const lines = Object.entries(BENCHMARKS).map(([one, about]) => `  ${one.padEnd(10)} ${about}`);
  process.stderr.write(`usage: npm run bench -- NAME [arguments]\n${lines.join('\n')}\n`);
  process.exit(2);
}
const file = fileURLToPath(new URL(FILES[name] ?? `${name}.ts`, import.meta.url));
const { status } = spawnSync(process.execPath, [file, ...rest], { stdio: 'inherit' });
process.exitCode = status ?? 1;
