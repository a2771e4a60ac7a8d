/**
 * `npm run mutants -- [--only NAME]… [--designated | --all] [--jobs N] [--json] [--counts FILE]`:
 * breaks one rule after the other and prints which test noticed. Exit status 0 when every mutant was
 * caught, 1 when one was not, 2 on misuse or when the tests fail without any mutant.
 *
 * `--designated` asks only the test that is named for a mutant (what CI does), `--all` lists every
 * test that catches it. With `--json` the last line of the standard output is one JSON object.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { AREAS } from './catalogue.ts';
import { CONTROLS } from './controls.ts';
import { faultsOfDesignatedTests, hunt, type Reach, type Verdict } from './hunt.ts';
import type { Mutant } from './mutant.ts';
import { counts, sums, table } from './table.ts';

type Prey = { readonly mutant: Mutant; readonly wider: readonly string[] };

function preyOf(only: readonly string[]): readonly Prey[] {
  const all = AREAS.flatMap(({ mutants, wider }) => mutants.map((mutant) => ({ mutant, wider })));
  if (only.length === 0) return all;
  // A control is met only by those who ask for it: it is there to survive.
  const any = [...all, ...CONTROLS.map((mutant) => ({ mutant, wider: [mutant.caughtBy.file] }))];
  return any.filter(({ mutant }) => only.includes(mutant.name));
}

/** As many at a time as `jobs`; the answers come in the order of the catalogue. */
async function huntAll(
  prey: readonly Prey[],
  reach: Reach,
  jobs: number,
): Promise<readonly Verdict[]> {
  const verdicts: (Verdict | undefined)[] = prey.map(() => undefined);
  const places = prey.entries();
  const worker = async (): Promise<void> => {
    for (const [place, { mutant, wider }] of places) {
      verdicts[place] = await hunt(mutant, reach, wider);
      const { outcome, seconds } = verdicts[place];
      console.error(`${outcome.padEnd(8)} ${mutant.name} (${seconds.toFixed(1)} s)`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  return verdicts.filter((verdict) => verdict !== undefined);
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
    },
  });
  const prey = preyOf(values.only);
  const names = prey.map(({ mutant }) => mutant.name);
  const unknown = values.only.filter((name) => !names.includes(name));
  if (unknown.length > 0) return misuse(`no mutant is called ${unknown.join(', ')}`);
  if (values.all && values.designated) return misuse('--all and --designated exclude each other');
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > 64) return misuse('--jobs: from 1 to 64');

  const started = performance.now();
  const faults = await faultsOfDesignatedTests(prey.map(({ mutant }) => mutant));
  if (faults.length > 0) return misuse(faults.join('\n'));
  const reach = values.all ? 'all' : values.designated ? 'designated' : 'first';
  const verdicts = await huntAll(prey, reach, jobs);
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
