import { defineConfig } from 'vitest/config';
import { mutantPlugins } from './test/mutants/plugin.ts';

/** `npm test` runs both: what needs nothing, then (VITEST_LAB=1) what needs the laboratory. */
const lab = process.env['VITEST_LAB'] === '1';
/** `npm run containers` sets it, and where engine and image are. */
const containers = process.env['VITEST_CONTAINERS'] === '1';
const ELSEWHERE = ['test/**/*.lab.test.ts', 'test/**/*.containers.test.ts', 'node_modules/**'];
/** What takes the laboratory for many minutes: `npm test -- --long`. */
const LATER = process.env['HOLDFAST_LONG'] === '1' ? [] : ['test/**/*.long.lab.test.ts'];

function included(): string {
  if (containers) return 'test/**/*.containers.test.ts';
  return lab ? 'test/**/*.lab.test.ts' : 'test/**/*.test.ts';
}

export default defineConfig({
  plugins: mutantPlugins(process.env['HOLDFAST_MUTANT']),
  test: {
    setupFiles: ['test/one-seed.ts'],
    include: [included()],
    exclude: lab ? LATER : containers ? [] : ELSEWHERE,
    testTimeout: lab ? 600_000 : 30_000,
    hookTimeout: lab ? 300_000 : 60_000,
    // A laboratory is four machines on two cores: one at a time.
    fileParallelism: !lab,
    maxWorkers: lab ? 1 : 2,
    pool: 'forks',
  },
});
