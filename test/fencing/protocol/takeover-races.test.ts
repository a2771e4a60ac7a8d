/**
 * DESIGN §8, promise P2: races for one disk under thousands of seeded fates, and what each rule is
 * for.
 */
import { describe, expect, it } from 'vitest';
import { type Fate, play, QUIET, type Story } from './takeover-world.ts';

const SEEDS = 2500;

function stories(fate: Partial<Fate>, seeds = SEEDS): readonly Story[] {
  return Array.from({ length: seeds }, (_, seed) => play({ ...QUIET, ...fate, seed }));
}

function firstHarm(all: readonly Story[]): string | null {
  return harm(all, '');
}

/** The first story with a violation of the kind; told whole, since a bare claim helps nobody. */
function harm(all: readonly Story[], kind: string): string | null {
  const harmed = all.find((story) => story.violations.some((text) => text.includes(kind)));
  if (harmed === undefined) return null;
  return [...harmed.violations, ...harmed.ends, ...harmed.log].join('\n');
}

const HARD = { crash: 25, giveUp: 25, loseAttention: 40 };

describe('races for one disk', () => {
  it('two attackers and a frozen owner: no older write lands, and the newest holds (pain 9: both die)', () => {
    const all = stories({ attackers: 2 });
    expect(firstHarm(all)).toBeNull();
    for (const story of all) expect(story.ends.at(-1), story.log.join('\n')).toBe('3:held');
  });

  it('three attackers on two paths, type 5', () => {
    const all = stories({ attackers: 3, type: 5 });
    expect(firstHarm(all)).toBeNull();
    for (const story of all) expect(story.ends.at(-1), story.log.join('\n')).toBe('4:held');
  });

  it('attackers die at any step, give commands up that arrive later, and lose unit attentions', () => {
    const all = stories({ attackers: 3, ...HARD });
    expect(firstHarm(all)).toBeNull();
    const newest = all.filter((story) => story.ends.at(-1) === '4:held').length;
    expect(newest).toBeGreaterThan(SEEDS / 3);
  });

  it('the same on two paths', () => {
    expect(firstHarm(stories({ attackers: 3, type: 5, ...HARD }))).toBeNull();
  });

  it('paths that log in again and a target that loses power and keeps reservations', () => {
    const fate = { attackers: 3, type: 5, loginAgain: 40, targetPowerLoss: 20, ...HARD } as const;
    expect(firstHarm(stories(fate))).toBeNull();
  });

  it('a target without PREEMPT AND ABORT is reset instead', () => {
    const all = stories({ attackers: 3, ...HARD, target: { abort: false } });
    expect(firstHarm(all)).toBeNull();
    expect(all.some((story) => story.heldEpochs.includes(4))).toBe(true);
  });

  it('one seed tells one story', () => {
    const fate = { ...QUIET, ...HARD, attackers: 3, seed: 77 };
    expect(play(fate)).toEqual(play(fate));
  });
});

const LATE = 'landed although';
const NO_RIGHT = 'cannot write';

describe('each rule left out is missed', () => {
  it('no abort and no reset: a write in flight lands late', () => {
    expect(harm(stories({ omit: ['abort', 'reset'] }), LATE)).not.toBeNull();
  });

  it('no reset: a predecessor that died between the removal of a key and its aborts', () => {
    const all = stories({ attackers: 3, ...HARD, omit: ['reset'] });
    expect(harm(all, LATE)).not.toBeNull();
  });

  it('no superseded check: an older attacker preempts a newer one', () => {
    expect(harm(stories({ omit: ['superseded-check'] }), LATE)).not.toBeNull();
  });

  it('no verification on every path: a path that logged in again cannot write', () => {
    const fate = { attackers: 2, type: 5, loginAgain: 60, omit: ['verify-every-path'] } as const;
    expect(harm(stories(fate), NO_RIGHT)).not.toBeNull();
  });

  it('no verification at all', () => {
    const fate = { attackers: 2, loginAgain: 60, omit: ['verify'] } as const;
    expect(harm(stories(fate), NO_RIGHT)).not.toBeNull();
  });
});
