/**
 * Random histories in which members come and go while everything else goes wrong: nothing may break,
 * and in the end Raft's configuration is what the operators want and every group is served.
 *
 * HOLDFAST_SEEDS: how many (default 30). HOLDFAST_FIRST_SEED: where to begin. HOLDFAST_LONG=1: 1000.
 */
import { describe, expect, it } from 'vitest';
import { type RunOutcome, randomRun } from './random-run.ts';

const LONG = process.env['HOLDFAST_LONG'] === '1';
const SEEDS = Number(process.env['HOLDFAST_SEEDS'] ?? (LONG ? 1_000 : 30));
const FIRST = Number(process.env['HOLDFAST_FIRST_SEED'] ?? 1);
const BATCH = 15;
const BATCH_LIMIT_MS = 600_000;

function story({ seed, broken, log }: RunOutcome): string {
  return [`seed ${seed}`, ...broken, ...log.slice(-200)].join('\n');
}

const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => FIRST + i * BATCH);

describe('members come and go, and nothing breaks', () => {
  it.each(batches)(
    'seeds from %i on',
    async (first) => {
      const end = Math.min(first + BATCH, FIRST + SEEDS);
      for (let seed = first; seed < end; seed += 1) {
        const outcome = await randomRun({ seed, members: true });
        expect(outcome.broken, story(outcome)).toEqual([]);
      }
    },
    BATCH_LIMIT_MS,
  );
});
