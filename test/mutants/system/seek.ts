/**
 * A process of its own that plays a scenario, with or without a mutant, until a promise is broken:
 * `node seek.ts SCENARIO SEEDS [MUTANT]`. Prints one line of JSON, `{"seed":…,"rule":…,"words":…}` or
 * `{"seed":null}`. The sources are replaced while Node loads them; those on the disk stay as they are.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { SCENARIOS, type ScenarioName } from '../../simulation/scenarios.ts';
import type { Script } from '../../simulation/script.ts';
import { mutated } from '../mutant.ts';
import { SYSTEM } from './index.ts';
import { editsOf } from './system-mutant.ts';

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
const simulation = pathToFileURL(new URL('test/simulation/', root).pathname).href;
const { play } = (await import(`${simulation}/run.ts`)) as typeof import('../../simulation/run.ts');
const { scriptOf } = (await import(
  `${simulation}/script.ts`
)) as typeof import('../../simulation/script.ts');

function scriptFor(seed: number): Script {
  if (!scenario.endsWith('.json')) {
    return scriptOf({ seed, ...SCENARIOS[scenario as ScenarioName] });
  }
  const kept = readFileSync(new URL(`test/simulation/regressions/${scenario}`, root), 'utf8');
  return (JSON.parse(kept) as { readonly script: Script }).script;
}

let found: object = { seed: null };
for (let seed = 1; seed <= Number(seeds); seed += 1) {
  const [first] = (await play({ script: scriptFor(seed) })).violations;
  if (first === undefined) continue;
  found = { seed, rule: first.rule, words: `${first.node}: ${first.words}` };
  break;
}
process.stdout.write(`${JSON.stringify(found)}\n`);
