/** The only source of chance in pure modules. `below(n)` answers an integer in [0, n). */
export type Random = {
  below(bound: number): number;
};

/**
 * A small seeded generator (sfc32, Chris Doty-Humphrey, PractRand). One seed, one sequence, forever:
 * simulations and tests are replayed by it. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i += 1) next();
  return { below: (bound) => Math.floor((next() / 0x1_0000_0000) * bound) };
}
