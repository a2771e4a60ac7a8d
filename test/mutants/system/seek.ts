/**
 * A process of its own that plays a scenario, with or without a mutant, until a promise is broken:
 * `node seek.ts SCENARIO SEEDS [MUTANT]`. Prints one line of JSON, `{"seed":…,"rule":…,"words":…}` or
 * `{"seed":null}`. The sources are replaced while Node loads them; those on the disk stay as they are.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import type { ScenarioName } from '../../simulation/scenarios.ts';
import type { Script } from '../../simulation/script.ts';
import { mutated } from '../mutant.ts';
import { SYSTEM } from './index.ts';
import { EXPLORATION, editsOf } from './system-mutant.ts';

type Found = {
  readonly seed: number | null;
  readonly rule?: string;
  readonly words?: string;
};

const MOST_STATES = 4_000_000;
const [scenario = 'mixed', seeds = '1', name] = process.argv.slice(2);
const root = new URL('../../../', import.meta.url);

function plant(wanted: string): void {
  const mutant = SYSTEM.find((one) => one.name === wanted);
  if (mutant === undefined) throw new Error(`no mutant is called ${wanted}`);
  const edits = editsOf(mutant);
  registerHooks({
    load: (asked, context, next) => {
      const loaded = next(asked, context);
      const here = edits.filter(({ file }) => new URL(file, root).href === asked);
      if (here.length === 0 || loaded.source == null) return loaded;
      let text = Buffer.from(loaded.source as Uint8Array).toString('utf8');
      for (const edit of here) {
        const mutation = mutated(text, edit);
        if (mutation.kind === 'misfit') throw new Error(mutation.why);
        text = mutation.text;
      }
      return { ...loaded, source: text };
    },
  });
}

if (name !== undefined) plant(name);
process.stdout.write(`${JSON.stringify(await found())}\n`);

/** Nothing of `src` may be loaded before the mutant is planted. */
async function found(): Promise<Found> {
  if (scenario.startsWith(EXPLORATION)) return await explored(scenario.slice(EXPLORATION.length));
  const { play } = await import('../../simulation/run.ts');
  const { scenarioScript } = await import('../../simulation/scenarios.ts');
  for (let seed = 1; seed <= Number(seeds); seed += 1) {
    const script = scenario.endsWith('.json')
      ? kept(scenario)
      : scenarioScript(scenario as ScenarioName, seed);
    const [first] = (await play({ script })).violations;
    if (first === undefined) continue;
    return { seed, rule: first.rule, words: `${first.node}: ${first.words}` };
  }
  return { seed: null };
}

/** Every history of a scope, instead of seeds. */
async function explored(scope: string): Promise<Found> {
  const { Explorer } = await import('../../fencing/exploration/explorer.ts');
  const { REAL } = await import('../../fencing/exploration/protocol.ts');
  const { scopeOf } = await import('../../fencing/exploration/scope.ts');
  const explorer = new Explorer(scopeOf(scope), REAL, null, { maxStates: MOST_STATES });
  const { finding } = explorer.run();
  if (finding === null) return { seed: null };
  return { seed: 1, rule: finding.harm, words: `after ${finding.path.length} steps` };
}

function kept(file: string): Script {
  const text = readFileSync(new URL(`test/simulation/regressions/${file}`, root), 'utf8');
  return (JSON.parse(text) as { readonly script: Script }).script;
}
