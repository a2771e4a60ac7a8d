/**
 * `npm run bench -- failover`: how long clients wait. One cluster in a laboratory, one fault after
 * the other; a client opens a connection every 5 ms. The last line of the output is the result.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LabError } from '../../test/lab/kernel/index.ts';
import { isLabKind, openLab } from '../../test/lab/open-lab.ts';
import { spread } from '../quantile.ts';
import { Campaign, type CampaignResult, type FaultResult } from './campaign.ts';
import { FAULTS } from './faults.ts';
import type { Floor } from './floor.ts';
import { html } from './html.ts';

const USAGE = `usage: npm run bench -- failover [--fault NAME[,NAME…]] [--lab native|kernel] [--runs N]
    [--profile fast|safe] [--start-ms N] [--prestart] [--label TEXT] [--json]
${FAULTS.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n')}
`;
const results = join(import.meta.dirname, '../results');

type Options = {
  readonly lab: string;
  readonly profile: string;
  readonly runs: number;
  readonly startMs: number;
  readonly prestart: boolean;
  readonly label: string;
  readonly faults: readonly string[];
};

function read(): Options {
  const { values } = parseArgs({
    options: {
      fault: { type: 'string', default: 'power-loss' },
      lab: { type: 'string', default: 'native' },
      runs: { type: 'string', default: '20' },
      profile: { type: 'string', default: 'fast' },
      'start-ms': { type: 'string', default: '20' },
      prestart: { type: 'boolean', default: false },
      label: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const runs = Number(values.runs);
  const startMs = Number(values['start-ms']);
  const all = FAULTS.map(({ name }) => name);
  const faults = values.fault === 'all' ? all : values.fault.split(',');
  const known = faults.every((name) => all.includes(name));
  if (values.help || !known || !Number.isSafeInteger(runs) || runs < 1 || !(startMs >= 0)) {
    throw new LabError('USAGE', USAGE);
  }
  const { lab, profile, label, prestart } = values;
  return { lab, profile, runs, startMs, prestart, label, faults };
}

function machine(): string {
  const release = readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim();
  return `${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release}`;
}

function loadAverage(): string {
  return readFileSync('/proc/loadavg', 'utf8').trim();
}

function keep(result: CampaignResult, options: Options): void {
  mkdirSync(results, { recursive: true });
  const label = options.label === '' ? '' : `-${options.label}`;
  const name = `failover-${options.lab}-${options.profile}-${result.fault}${label}`;
  writeFileSync(join(results, `${name}.json`), `${JSON.stringify(result, null, 1)}\n`);
  writeFileSync(join(results, `${name}.html`), html(result));
  process.stderr.write(`benchmarks/results/${name}.html\n`);
}

async function main(): Promise<void> {
  const options = read();
  const { lab: kind, profile, startMs, prestart } = options;
  if (!isLabKind(kind) || (profile !== 'fast' && profile !== 'safe')) {
    throw new LabError('USAGE', USAGE);
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const lab = await openLab(kind, { nodes: 3, luns: 1, say });
  const measured: (FaultResult & Pick<CampaignResult, 'machine' | 'load'>)[] = [];
  try {
    const campaign = await Campaign.start({ lab, profile, startMs, prestart, say });
    for (const fault of FAULTS.filter((one) => options.faults.includes(one.name))) {
      const before = loadAverage();
      const result = await campaign.run(fault, options.runs);
      measured.push({ ...result, machine: machine(), load: { before, after: loadAverage() } });
    }
    const floor = await campaign.floor();
    for (const one of measured) conclude(one, floor, options);
  } finally {
    await lab.down();
  }
}

function conclude(
  measured: FaultResult & Pick<CampaignResult, 'machine' | 'load'>,
  floor: Floor,
  options: Options,
): void {
  const floorMs = spread(floor.runs).p50;
  const ratio = Math.round((measured.outageMs.p50 / floorMs) * 100) / 100;
  const { runs, machine: on, load, ...line } = { ...measured, floorMs, ratio };
  keep({ ...line, floor, runs, machine: on, load }, options);
  console.log(JSON.stringify({ ...line, runs: runs.length }));
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = error instanceof LabError && error.code === 'USAGE' ? 2 : 1;
}
