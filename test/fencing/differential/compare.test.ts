/** The comparison itself: two targets that are one agree, and one that is spoilt is noticed. */
import { expect, it } from 'vitest';
import { EmulatedBench, type State } from './bench.ts';
import { compareSequence } from './compare.ts';

const scope = { nexuses: 3, commands: 80, known: () => null };

class Spoilt extends EmulatedBench {
  /** Forgets that a change counts. */
  override async state(nexus: number): Promise<State> {
    const state = await super.state(nexus);
    return { ...state, generation: Math.min(state.generation, 8) };
  }
}

it('a target agrees with itself', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const { steps, differences } = await compareSequence(new EmulatedBench(), new EmulatedBench(), {
      ...scope,
      seed,
    });
    expect(differences).toEqual([]);
    expect(steps).toBe(scope.commands);
  }
});

it('one that stops counting is noticed, and the sequence ends there', async () => {
  const { steps, differences } = await compareSequence(new EmulatedBench(), new Spoilt(), {
    ...scope,
    seed: 1,
  });
  expect(differences).toMatchObject([{ aspect: 'state' }]);
  expect(steps).toBeLessThan(scope.commands);
});

it('a difference that is known does not end it', async () => {
  const known = () => 'goes-on' as const;
  const { steps, differences } = await compareSequence(new EmulatedBench(), new Spoilt(), {
    ...scope,
    seed: 1,
    known,
  });
  expect(differences.length).toBeGreaterThan(1);
  expect(steps).toBe(scope.commands);
});
