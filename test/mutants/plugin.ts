/**
 * Breaks one rule while the tests load the sources: HOLDFAST_MUTANT names the mutant. Without the
 * variable there is no plugin.
 *
 * Reaches only what vitest itself loads: a daemon that a test starts as a process is not mutated.
 */
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vitest/config';
import { mutantNamed } from './catalogue.ts';
import { mutated } from './mutant.ts';

export function mutantPlugins(name: string | undefined): Plugin[] {
  if (name === undefined) return [];
  const mutant = mutantNamed(name);
  if (mutant === null) throw new Error(`HOLDFAST_MUTANT: no mutant is called ${name}`);
  const path = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url));
  const isMutated = (id: string): boolean => id.split('?')[0] === path;
  console.error(`HOLDFAST_MUTANT: ${mutant.file} is broken on purpose (${mutant.breaks})`);
  return [
    {
      name: 'holdfast:mutant',
      enforce: 'pre',
      // vitest keeps what it transformed across runs, by a key that does not know the mutant.
      configureVitest: ({ defineCacheKeyGenerator }) =>
        defineCacheKeyGenerator(({ id }) => (isMutated(id) ? false : null)),
      transform(code, id) {
        if (!isMutated(id)) return null;
        const mutation = mutated(code, mutant);
        if (mutation.kind === 'misfit') throw new Error(mutation.why);
        return { code: mutation.text, map: null };
      },
    },
  ];
}
