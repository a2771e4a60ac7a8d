import { describe, expect, test } from 'vitest';
import { Bench, BOTH, D, H, settled } from './a-detector.ts';

describe('a peer is alive while any interconnect brings its heartbeats', () => {
  test('it is suspect until it is first heard, then alive', () => {
    const bench = new Bench(['n2']);
    expect(bench.node('n2')).toMatchObject({ state: 'suspect', silentMs: null, incarnation: null });
    bench.beat('n2');
    expect(bench.node('n2')).toMatchObject({ state: 'alive', silentMs: 0, incarnation: 1 });
    expect(bench.told()).toEqual(['n2 alive']);
  });

  test('a peer that never says anything is dead after the detection time and one heartbeat', () => {
    const bench = new Bench(['n2']);
    bench.pass(D + H - 1);
    expect(bench.node('n2').state).toBe('suspect');
    bench.pass(1);
    expect(bench.node('n2').state).toBe('dead');
  });

  test('losing one interconnect changes that link and not the node', () => {
    const bench = settled();
    bench.run(1_000, { n2: { over: ['net-b'] }, n3: {} });
    expect(bench.told('link-changed')).toEqual(['n2 net-a suspect', 'n2 net-a dead']);
    expect(bench.told()).toEqual([]);
    expect(bench.node('n2')).toMatchObject({
      state: 'alive',
      links: { 'net-a': { state: 'dead' }, 'net-b': { state: 'alive' } },
    });
    expect(bench.detector.view(bench.now).hears).not.toContainEqual({
      node: 'n2',
      interconnect: 'net-a',
    });
  });

  test('silence on every interconnect makes it suspect after D and dead one heartbeat later', () => {
    const bench = settled();
    const silentFrom = bench.now;
    for (let i = 0; i < 10; i += 1) {
      bench.pass(H);
      bench.beat('n3');
    }
    const n2 = bench.effects.filter((effect) => effect.kind === 'node-changed');
    expect(n2).toMatchObject([
      { node: 'n2', state: 'suspect', proof: false, at: silentFrom + D },
      { node: 'n2', state: 'dead', proof: false, at: silentFrom + D + H },
    ]);
    expect(n2[1]).toMatchObject({
      evidence: { kind: 'silence', observer: 'n1', perInterconnectMs: { 'net-a': D + H } },
    });
  });

  test('a silent connection is reset once and probed a few times, not for ever', () => {
    const bench = settled(['n2']);
    bench.pass(10_000);
    expect(bench.told('reset-link')).toEqual(['n2 net-a', 'n2 net-b']);
    expect(bench.told('probe').filter((line) => line === 'n2 net-a')).toHaveLength(5);
  });

  test('a heartbeat brings it back, and the next silence is reset again', () => {
    const bench = settled(['n2']);
    bench.pass(1_000);
    bench.beat('n2');
    expect(bench.told()).toEqual(['n2 suspect', 'n2 dead', 'n2 alive']);
    bench.pass(1_000);
    expect(bench.told('reset-link')).toHaveLength(4);
  });

  test('a copy of an old heartbeat is no sign of life', () => {
    const bench = settled(['n2']);
    bench.pass(D - 1);
    bench.beat('n2', { sequence: 3 });
    bench.pass(1);
    expect(bench.node('n2').state).toBe('suspect');
  });

  test('heartbeats of strangers, over unknown interconnects and of members that left are ignored', () => {
    const bench = settled();
    bench.beat('n9');
    bench.beat('n2', { over: ['net-z'] });
    bench.step({ kind: 'peers', peers: ['n1', 'n3'] });
    bench.beat('n2');
    expect(Object.keys(bench.detector.view(bench.now).nodes)).toEqual(['n3']);
  });
});

describe('proof of death', () => {
  test('closed and refused on every interconnect: dead at once, with proof', () => {
    const bench = settled();
    bench.pass(7);
    bench.close('n2');
    expect(bench.node('n2')).toMatchObject({ state: 'suspect', proofOfDeath: false });
    expect(bench.told('probe')).toEqual(['n2 net-a', 'n2 net-b']);
    bench.pass(3);
    bench.refuse('n2');
    expect(bench.node('n2')).toMatchObject({ state: 'dead', proofOfDeath: true });
    expect(bench.effects.at(-1)).toMatchObject({
      kind: 'node-changed',
      proof: true,
      evidence: { kind: 'proof-of-death', perInterconnectMs: { 'net-a': 10, 'net-b': 10 } },
    });
  });

  test('the side that may not dial gets its proof from a probe', () => {
    const bench = settled();
    bench.close('n2');
    for (const over of BOTH) bench.step({ kind: 'probe', node: 'n2', over, result: 'refused' });
    expect(bench.node('n2').proofOfDeath).toBe(true);
  });

  test('one interconnect that refuses and one that is silent prove nothing', () => {
    const bench = settled();
    bench.close('n2');
    bench.refuse('n2', ['net-a']);
    bench.step({ kind: 'probe', node: 'n2', over: 'net-b', result: 'silent' });
    expect(bench.node('n2')).toMatchObject({ state: 'suspect', proofOfDeath: false });
    bench.pass(D + H);
    expect(bench.node('n2')).toMatchObject({ state: 'dead', proofOfDeath: false });
  });

  test('a refused probe beside a living connection proves nothing', () => {
    const bench = settled();
    for (const over of BOTH) bench.step({ kind: 'probe', node: 'n2', over, result: 'refused' });
    expect(bench.node('n2')).toMatchObject({ state: 'alive', proofOfDeath: false });
  });

  test('a process that accepts connections again takes the proof away, but not the silence', () => {
    const bench = settled();
    bench.close('n2');
    bench.refuse('n2');
    bench.step({ kind: 'probe', node: 'n2', over: 'net-a', result: 'connected' });
    expect(bench.node('n2')).toMatchObject({ state: 'dead', proofOfDeath: false });
  });

  test('a closed connection that comes back at once is a blip', () => {
    const bench = settled();
    bench.close('n2');
    bench.pass(5);
    bench.open('n2');
    bench.beat('n2');
    expect(bench.told()).toEqual(['n2 suspect', 'n2 alive']);
  });
});

describe('a new life of a daemon', () => {
  test('is told at once, even when the restart was faster than the detection', () => {
    const bench = settled();
    bench.beat('n2', { incarnation: 2, sequence: 1 });
    expect(bench.node('n2')).toMatchObject({ state: 'alive', incarnation: 2, proofOfDeath: false });
    expect(bench.effects.find((effect) => effect.kind === 'node-changed')).toMatchObject({
      node: 'n2',
      state: 'alive',
      evidence: { detail: 'a new daemon speaks there' },
    });
  });

  test('stragglers of the old life neither keep it alive nor bring its groups back', () => {
    const bench = settled();
    bench.beat('n2', { incarnation: 2, sequence: 1 });
    const groups = [{ group: 'web', epoch: 3, state: 'serving' as const }];
    bench.beat('n2', { incarnation: 1, sequence: 9_999, groups });
    expect(bench.node('n2')).toMatchObject({ incarnation: 2, groups: [] });
  });

  test('two lives that arrive in the wrong order are told apart by which one goes on', () => {
    const bench = new Bench(['n2']);
    bench.beat('n2', { incarnation: 2 });
    bench.beat('n2', { incarnation: 1 }); // a straggler, taken for a newer life
    bench.run(1_000, { n2: { incarnation: 2 } });
    expect(bench.node('n2')).toMatchObject({ state: 'alive', incarnation: 2 });
  });
});

describe('one-way loss is seen from both ends', () => {
  test('a peer that is heard and does not hear us', () => {
    const bench = settled();
    bench.run(500, { n2: { hears: [] }, n3: {} });
    expect(bench.node('n2').links['net-a']).toMatchObject({ state: 'alive', hearsUs: false });
    expect(bench.node('n3').links['net-a']).toMatchObject({ state: 'alive', hearsUs: true });
  });

  test('a peer that we do not hear, and somebody else does', () => {
    const bench = settled();
    const hears = [{ node: 'n2', interconnect: 'net-a' }];
    bench.run(1_000, { n3: { hears } });
    expect(bench.node('n2')).toMatchObject({ state: 'dead', heardByOthers: true });
    bench.pass(1_000); // the witness falls silent as well
    expect(bench.node('n2').heardByOthers).toBe(false);
  });
});

describe('doubt yourself first', () => {
  test('a loop that slept accuses nobody until it has listened for a round (pain 20: late, and it accuses)', () => {
    const bench = settled();
    bench.now += 3_000; // nothing ran, not even a deadline
    bench.step({ kind: 'woke-late', byMs: 2_800 });
    bench.step({ kind: 'deadline' });
    expect(bench.told()).toEqual([]);
    bench.beat('n2');
    bench.pass(H);
    bench.beat('n3');
    bench.run(500, { n2: {}, n3: {} });
    expect(bench.told()).toEqual([]);
  });

  test('it notices by itself that its deadline came late', () => {
    const bench = settled();
    bench.now += 3_000;
    bench.step({ kind: 'deadline' });
    expect(bench.told()).toEqual([]);
  });

  test('after the doubt, a peer that really died is found', () => {
    const bench = settled();
    bench.now += 3_000;
    bench.step({ kind: 'woke-late', byMs: 2_800 });
    bench.run(1_000, { n3: {} });
    expect(bench.told()).toEqual(['n2 suspect', 'n2 dead']);
  });

  test('a loop that is always a little late still finds the dead, later', () => {
    const bench = settled();
    const from = bench.now;
    for (let i = 0; i < 40; i += 1) {
      bench.pass(40);
      bench.step({ kind: 'woke-late', byMs: 20 });
      bench.beat('n3');
    }
    const died = bench.effects.find((it) => it.kind === 'node-changed' && it.state === 'dead');
    expect(died?.at).toBeGreaterThan(from + D + H);
    expect(died?.at).toBeLessThanOrEqual(from + 3 * D);
  });

  test('a clock that stood still shows in the clocks of the peers', () => {
    const bench = settled();
    bench.pass(H);
    bench.beat('n2', { sentMs: bench.now + 700 });
    bench.beat('n3', { sentMs: bench.now + 700 });
    expect(bench.told('paused')).toEqual(['700']);
    bench.run(500, { n2: { sentMs: bench.now + 1_250 }, n3: {} });
    expect(bench.told()).toEqual([]);
  });

  test('slow and jittery heartbeats, and clocks that differ, show no pause', () => {
    const bench = new Bench(['n2']);
    for (let i = 0; i < 400; i += 1) {
      bench.pass(H);
      const delay = (i * 37) % 120;
      bench.beat('n2', { sentMs: bench.now * 1.001 - 5_000_000 - delay });
    }
    expect(bench.told('paused')).toEqual([]);
  });

  test('a pause is found after hours of drift as well', () => {
    const bench = settled(['n2']);
    const peerClock = (now: number): number => now * 1.0005;
    for (let i = 0; i < 2_000; i += 1) {
      bench.pass(H);
      bench.beat('n2', { sentMs: peerClock(bench.now) });
    }
    bench.forget();
    bench.pass(H);
    bench.beat('n2', { sentMs: peerClock(bench.now) + 4 * H });
    expect(bench.told('paused')).toHaveLength(1);
  });

  test('all connections closed at once: it was us', () => {
    const bench = settled();
    bench.close('n2');
    expect(bench.told('paused')).toEqual([]);
    bench.close('n3');
    expect(bench.told('paused')).toEqual(['0']);
  });

  test('also when some are open again before the last is closed', () => {
    const bench = settled();
    bench.close('n2');
    bench.open('n2');
    bench.pass(H / 4);
    bench.close('n3');
    expect(bench.told('paused')).toEqual(['0']);
    bench.forget();
    bench.pass(H / 4);
    bench.open('n3');
    bench.beat('n2');
    bench.close('n3');
    expect(bench.told('paused')).toEqual([]);
  });

  test('connections that we reset ourselves are no such sign', () => {
    const bench = settled();
    bench.pass(D);
    expect(bench.told('reset-link')).toHaveLength(4);
    bench.close('n2');
    bench.close('n3');
    expect(bench.told('paused')).toEqual([]);
  });
});

describe('jitter', () => {
  const jittery = (gaps: readonly number[], rounds: number): Bench => {
    const bench = new Bench(['n2']);
    bench.beat('n2');
    for (let i = 0; i < rounds; i += 1) {
      bench.pass(gaps[i % gaps.length] ?? H);
      bench.beat('n2');
    }
    bench.forget();
    return bench;
  };
  const silentUntilSuspect = (bench: Bench): number => {
    const from = bench.now;
    bench.pass(5_000);
    return (bench.effects.find((it) => it.kind === 'node-changed')?.at ?? Number.NaN) - from;
  };

  test('a regular peer is suspected after exactly D', () => {
    expect(silentUntilSuspect(jittery([H], 100))).toBe(D);
    expect(silentUntilSuspect(jittery([H - 6, H], 100))).toBe(D);
  });

  test('a noisy one is given more, but never more than twice as much', () => {
    const noisy = silentUntilSuspect(jittery([10, 130, 20, 60], 100));
    expect(noisy).toBeGreaterThan(D);
    expect(noisy).toBeLessThanOrEqual(2 * D);
    expect(silentUntilSuspect(jittery([1, 195], 100))).toBe(2 * D);
  });

  test('a link that has calmed down is watched closely again', () => {
    const bench = jittery([1, 190], 100);
    bench.run(5_000, { n2: {} });
    bench.forget();
    expect(silentUntilSuspect(bench)).toBe(D);
  });
});
