/**
 * Hunts a mutant of the whole system with the simulation: caught means that a checker of a whole
 * cluster spoke within the seeds that the mutant names. A process that ends otherwise proves nothing,
 * and a scenario that breaks something without any mutant proves nothing about one.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Verdict } from '../hunt.ts';
import type { SystemMutant } from './system-mutant.ts';

const SEEK = fileURLToPath(new URL('seek.ts', import.meta.url));
const LIMIT_MS = 600_000;

type Found = {
  readonly seed: number | null;
  readonly rule?: string;
  readonly words?: string;
};

export async function huntSystem(mutant: SystemMutant, reach = 1): Promise<Verdict> {
  const started = performance.now();
  const { scenario, within, name } = mutant;
  const found = await seek([scenario, `${within * reach}`, name]);
  const seconds = (performance.now() - started) / 1_000;
  const common = { mutant: { ...mutant, caughtBy: { file: scenario, test: '' } }, seconds };
  if (typeof found === 'string') return { ...common, outcome: 'broken', by: [], why: found };
  const { seed, rule = '', words = '' } = found;
  if (seed === null) return { ...common, outcome: 'survived', by: [], why: '' };
  const by = [{ file: scenario, test: `seed ${seed} of ${within}, "${rule}"`, said: words }];
  return { ...common, outcome: 'caught', by, why: '' };
}

/** What the scenarios of these mutants break although nothing is broken on purpose. */
export async function faultsOfScenarios(
  mutants: readonly SystemMutant[],
): Promise<readonly string[]> {
  const most = new Map<string, number>();
  for (const { scenario, within } of mutants) {
    most.set(scenario, Math.max(within, most.get(scenario) ?? 0));
  }
  const faults: string[] = [];
  for (const [scenario, seeds] of most) {
    const found = await seek([scenario, `${seeds}`]);
    if (typeof found === 'string') faults.push(`scenario ${scenario}: ${found}`);
    else if (found.seed !== null) {
      const { seed, rule, words } = found;
      faults.push(
        `scenario ${scenario}, seed ${seed}, breaks "${rule}" without a mutant: ${words}`,
      );
    }
  }
  return faults;
}

/** What it printed, or why that says nothing. */
function seek(args: readonly string[]): Promise<Found | string> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [SEEK, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.stdout.on('data', (bytes) => {
      said.out += bytes;
    });
    child.stderr.on('data', (bytes) => {
      said.err += bytes;
    });
    child.on('error', (error) => resolve(error.message));
    child.on('close', (status) => {
      clearTimeout(late);
      if (status === 0) resolve(JSON.parse(said.out) as Found);
      else resolve(said.err.split('\n').find((line) => /Error/.test(line)) ?? `status ${status}`);
    });
  });
}
