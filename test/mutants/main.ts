/**
 * `npm run mutants -- [--only NAME]… [--designated | --all] [--jobs N] [--json]
 * [--counts FILE] [--part NAME] [--reach N]`:
 * breaks one rule after the other and prints which test noticed. Exit status 0 when every mutant was
 * caught, 1 when one was not, 2 on misuse or when the tests fail without any mutant.
 *
 * `--part raft` or `--part system` hunts those of the consensus core, by tests, or those of the whole
 * system, by the simulation; both without it. `--reach N` gives the simulation N times the seeds.
 *
 * `--designated` asks only the test that is named for a mutant (what CI does), `--all` lists every
 * test that catches it. With `--json` the last line of the standard output is one JSON object.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { AREAS } from './catalogue.ts';
import { CONTROLS } from './controls.ts';
import { faultsOfDesignatedTests, hunt, type Verdict } from './hunt.ts';
import type { Mutant } from './mutant.ts';
import { faultsOfScenarios, huntSystem } from './system/hunt.ts';
import { SYSTEM } from './system/index.ts';
import type { SystemMutant } from './system/system-mutant.ts';
import { counts, sums, table } from './table.ts';

type Prey = { readonly mutant: Mutant; readonly wider: readonly string[] };

const PARTS = ['raft', 'system'] as const;

function preyOf(only: readonly string[]): readonly Prey[] {
  const all = AREAS.flatMap(({ mutants, wider }) => mutants.map((mutant) => ({ mutant, wider })));
  if (only.length === 0) return all;
  // A control is met only by those who ask for it: it is there to survive.
  const any = [...all, ...CONTROLS.map((mutant) => ({ mutant, wider: [mutant.caughtBy.file] }))];
  return any.filter(({ mutant }) => only.includes(mutant.name));
}

/** As many at a time as `jobs`; the answers come in the order of the catalogue. */
async function huntAll<T>(
  prey: readonly T[],
  jobs: number,
  hunted: (one: T) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  const verdicts: (Verdict | undefined)[] = prey.map(() => undefined);
  const places = prey.entries();
  const worker = async (): Promise<void> => {
    for (const [place, one] of places) {
      verdicts[place] = await hunted(one);
      const { mutant, outcome, seconds } = verdicts[place];
      console.error(`${outcome.padEnd(8)} ${mutant.name} (${seconds.toFixed(1)} s)`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return verdicts.filter((verdict) => verdict !== undefined);
}

function systemPreyOf(only: readonly string[]): readonly SystemMutant[] {
  return only.length === 0 ? SYSTEM : SYSTEM.filter(({ name }) => only.includes(name));
}

function misuse(why: string): number {
  console.error(why);
  return 2;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean', default: false },
      counts: { type: 'string' },
      designated: { type: 'boolean', default: false },
      jobs: { type: 'string', default: `${Math.min(2, availableParallelism())}` },
      json: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      part: { type: 'string' },
      reach: { type: 'string', default: '1' },
    },
  });
  const part = values.part;
  if (part !== undefined && !PARTS.some((one) => one === part)) return misuse(`no part ${part}`);
  const prey = part === 'system' ? [] : preyOf(values.only);
  const system = part === 'raft' ? [] : systemPreyOf(values.only);
  const names = [...prey.map(({ mutant }) => mutant.name), ...system.map(({ name }) => name)];
  const unknown = values.only.filter((name) => !names.includes(name));
  if (unknown.length > 0) return misuse(`no mutant is called ${unknown.join(', ')}`);
  if (values.all && values.designated) return misuse('--all and --designated exclude each other');
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64) return misuse('--jobs: from 1 to 64');

  const started = performance.now();
  const faults = [
    ...(await faultsOfDesignatedTests(prey.map(({ mutant }) => mutant))),
    ...(await faultsOfScenarios(system)),
  ];
  if (faults.length > 0) return misuse(faults.join('\n'));
  const reach = values.all ? 'all' : values.designated ? 'designated' : 'first';
  const verdicts = [
    ...(await huntAll(prey, jobs, ({ mutant, wider }) => hunt(mutant, reach, wider))),
    ...(await huntAll(system, jobs, (mutant) => huntSystem(mutant, Number(values.reach)))),
  ];
  const seconds = (performance.now() - started) / 1_000;

  const total = sums(verdicts);
  const { broken, caught, survived } = total;
  const closing = `${caught} caught, ${survived} survived, ${broken} broken, ${seconds.toFixed(0)} s`;
  console.log(`\n${table(verdicts)}\n\n${closing}`);
  if (values.counts !== undefined) {
    await writeFile(values.counts, JSON.stringify(counts(total)));
  }
  if (values.json)
    console.log(JSON.stringify({ ...total, seconds, verdicts: verdicts.map(plain) }));
  return survived + broken === 0 ? 0 : 1;
}

function plain({ by, mutant, outcome, seconds, why }: Verdict): object {
  const { breaks, file, name } = mutant;
  return { name, file, breaks, outcome, why, by, seconds };
}

process.exitCode = await main();
