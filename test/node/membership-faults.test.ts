/**
 * Random histories in which members come and go while everything else goes wrong: nothing may break,
 * and in the end Raft's configuration is what the operators want and every group is served.
 *
 * HOLDFAST_SEEDS: how many (default 30). HOLDFAST_FIRST_SEED: where to begin. HOLDFAST_LONG=1: 1000.
 */
import { describe, expect, it } from 'vitest';
import { MembershipCluster } from './membership-cluster.ts';
import { unsettled } from './nemesis-members.ts';
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

describe('the checker at the end of a history', () => {
  it('sees what does not become as it is wanted, and who does not go', async () => {
    const cluster = new MembershipCluster({ nodes: 3 });
    cluster.start();
    await cluster.clock.until(() => cluster.serving() !== null, 20_000);
    expect(unsettled(cluster)).toBeNull();
    const owner = cluster.serving() ?? '';
    const others = cluster.hosts.filter(({ name }) => name !== owner);
    for (const { name: node } of others) {
      const subject = { kind: 'node', node } as const;
      await cluster.command({ kind: 'set-mode', subject, mode: 'standby', by: 'operator' });
    }
    // Nobody else may take its group, so it stays, and votes.
    await cluster.setRole(owner, 'leaving');
    await cluster.clock.advance(2_000);
    const [one, two] = others.map(({ name }) => name);
    expect(unsettled(cluster)).toBe(
      `voters node1 node2 node3; learners , and not voters ${one} ${two}; learners `,
    );
    for (const host of cluster.hosts) host.powerOff();
    expect(unsettled(cluster)).toBe('nobody leads');
    cluster.end();
  });
});
