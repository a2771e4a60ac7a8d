/**
 * What a commit costs, from the core alone to a cluster of three daemons, beside the floor of this
 * machine and beside etcd in the same run. `node benchmarks/raft.ts [--json] [--rounds N] [--kills N]
 * [--no-core] [--no-etcd] [--profile DIRECTORY] [--save]`; the last line is one JSON object.
 * What is measured and what is not: `raft/README.md`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findEtcd } from './raft/etcd-packages.ts';
import { measure } from './raft/measure.ts';
import { endAllOnExit, passOnNiceness } from './raft/processes.ts';
import { table } from './raft/table.ts';
import { measureCore } from './raft-core.ts';

const RESULTS = fileURLToPath(new URL('results/raft.json', import.meta.url));

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    kills: { type: 'string', default: '12' },
    'no-core': { type: 'boolean', default: false },
    'no-etcd': { type: 'boolean', default: false },
    /** Where our members leave their processor profiles. */
    profile: { type: 'string' },
    /** Keeps the figures where README quotes them from. */
    save: { type: 'boolean', default: false },
  },
});

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

endAllOnExit();
passOnNiceness(process.pid);
const directory = mkdtempSync(join(tmpdir(), 'holdfast-raft-'));
try {
  if (!values['no-core']) say('the core in memory');
  const core = values['no-core'] ? null : measureCore();
  const { cluster, etcd, floor, machineLoad } = await measure({
    directory,
    rounds: Number(values.rounds),
    kills: Number(values.kills),
    etcd: values['no-etcd'] ? null : findEtcd(say),
    execArgv: values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile],
    say,
  });
  const machine = {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? '',
    node: process.version,
    loadAverage: machineLoad,
  };
  const result = { core, cluster, floor, etcd, machine };
  if (!values.json) process.stdout.write(`${table(result)}\n`);
  const line = JSON.stringify(result);
  if (values.save) {
    mkdirSync(dirname(RESULTS), { recursive: true });
    writeFileSync(RESULTS, `${JSON.stringify(result, null, 2)}\n`);
  }
  process.stdout.write(`${line}\n`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
