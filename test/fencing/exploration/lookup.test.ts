/**
 * What is looked up is what the real code does: random histories are walked once more on a target of
 * their own, which no lookup has touched, and each answer and each state is compared.
 */
import { expect, test } from 'vitest';
import type { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { keyOf, type Performed } from './catalogue.ts';
import { TARGET } from './layout.ts';
import { REAL } from './protocol.ts';
import { SCOPES, scopeOf } from './scope.ts';
import { Worlds } from './world.ts';

const WALKS = 60;
const STEPS = 80;

/** Says where a target of one history differs from the looked-up one. */
function walked(name: string, spoil: (own: EmulatedTarget) => void = () => {}): string {
  const worlds = new Worlds(scopeOf(name), REAL, null);
  const { catalogue } = worlds;
  const random = seededRandom(11);
  for (let walk = 0; walk < WALKS; walk += 1) {
    let world = worlds.first();
    const own = catalogue.targets.at(world[TARGET] as number).fork();
    spoil(own);
    for (let step = 0; step < STEPS; step += 1) {
      const ways: { after: Int32Array; done: readonly Performed[] }[] = [];
      catalogue.journal = [];
      worlds.follow(world, () => {
        ways.push({ after: worlds.next.slice(), done: catalogue.journal ?? [] });
        catalogue.journal = [];
      });
      const way = ways[random.below(Math.max(1, ways.length))];
      if (way === undefined) break;
      let at = world[TARGET] as number;
      for (const { from, operation, result } of way.done) {
        // Tried from the same disk for a step that was none.
        if (from !== at) continue;
        const reply = catalogue.apply(own, catalogue.operations.at(operation));
        if (reply.kind !== catalogue.reply(result).kind) return `walk ${walk}: another answer`;
        at = catalogue.after(result);
      }
      world = way.after;
      if (at !== world[TARGET]) return `walk ${walk}, step ${step}: steps are missing`;
      const mine = keyOf(own, worlds.sight);
      if (mine !== keyOf(catalogue.targets.at(at), worlds.sight)) return `walk ${walk}: ${mine}`;
    }
  }
  return 'alike';
}

test.each(SCOPES.map(({ name }) => name))('%s: walked and looked up are alike', (name) => {
  expect(walked(name)).toBe('alike');
});

test('control: a target that has told an attention before is noticed', () => {
  expect(walked('attentions', (own) => own.testUnitReady('m2:a'))).not.toBe('alike');
});

test('control: a target whose holder has another key is noticed', () => {
  const rekey = (own: EmulatedTarget) => {
    const out = { action: 'register-and-ignore', key: 0n, serviceKey: 5n, aptpl: true } as const;
    own.reserveOut('m1:a', out);
  };
  expect(walked('two-attackers', rekey)).not.toBe('alike');
});
