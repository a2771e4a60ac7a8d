/**
 * Raft figure 3: the five properties, in clusters to which anything may happen in any order: loss,
 * repetition, delay, crashes, elections, proposals. Each property has a made-up history that breaks it.
 */
import { describe, expect, test } from 'vitest';
import type { NodeId } from '../../../src/lib/ids.ts';
import { type Random, seededRandom } from '../../../src/lib/random.ts';
import type { Entry } from '../../../src/raft/types.ts';
import { Arrangement } from './arrangement.ts';
import { voters } from './parts.ts';
import { type History, type Log, PROPERTIES } from './properties.ts';

const STEPS = 250;

describe('Raft figure 3: the five properties', () => {
  const names = Object.keys(PROPERTIES);
  const sizes = [3, 4, 5, 7];
  const seeds = [1, 2, 3, 4, 5, 6];
  const recorded = new Map<string, History>();
  const walkOnce = (size: number, seed: number): History => {
    const known = recorded.get(`${size}/${seed}`) ?? walk(size, seed);
    recorded.set(`${size}/${seed}`, known);
    return known;
  };

  test('there are five', () => {
    expect(names).toHaveLength(5);
  });

  for (const name of names) {
    test.each(sizes)(`${name} holds among %i servers, whatever happens`, (size) => {
      for (const seed of seeds)
        expect(PROPERTIES[name]?.(walkOnce(size, seed)), `seed ${seed}`).toBe(true);
    });
  }

  test.each(sizes)(
    'the histories of %i servers hold what can break: terms, conflicts, commits',
    (size) => {
      const histories = seeds.map((seed) => walkOnce(size, seed));
      const terms = new Set(
        histories.flatMap(({ led }, i) => led.map(({ term }) => `${i}/${term}`)),
      );
      expect(terms.size).toBeGreaterThan(seeds.length * 3);
      const diverged = histories
        .flatMap(({ logs }) => logs)
        .filter((all) => all.some((one) => all.some((other) => conflict(one, other))));
      expect(diverged.length).toBeGreaterThan(0);
      const commits = histories.map(({ applied }) =>
        Math.max(0, ...applied.map(({ index }) => index)),
      );
      expect(commits.filter((highest) => highest > 5).length).toBeGreaterThan(seeds.length / 2);
    },
  );
});

describe('Raft figure 3: each property is broken by a history that breaks it', () => {
  const x = { term: 1, content: 'x' };
  const y = { term: 1, content: 'y' };
  const y2 = { term: 2, content: 'y' };
  const quiet: History = { led: [], logs: [], applied: [] };
  const applied = { node: 'a', index: 1, term: 1, content: 'x', inTerm: 1 };

  test.each([
    [
      'Election Safety',
      {
        led: [
          { node: 'a', term: 1, log: [] },
          { node: 'b', term: 1, log: [] },
        ],
      },
    ],
    [
      'Leader Append-Only',
      {
        led: [
          { node: 'a', term: 2, log: [x, x] },
          { node: 'a', term: 2, log: [x] },
        ],
      },
    ],
    [
      'Leader Append-Only',
      {
        led: [
          { node: 'a', term: 2, log: [x] },
          { node: 'a', term: 2, log: [y] },
        ],
      },
    ],
    ['Log Matching', { logs: [[[x], [y]]] }],
    [
      'Log Matching',
      {
        logs: [
          [
            [x, y2],
            [y, y2],
          ],
        ],
      },
    ],
    ['Leader Completeness', { applied: [applied], led: [{ node: 'b', term: 2, log: [] }] }],
    ['Leader Completeness', { applied: [applied], led: [{ node: 'b', term: 2, log: [y] }] }],
    ['State Machine Safety', { applied: [applied, { ...applied, node: 'b', content: 'y' }] }],
  ])('%s', (name, part) => {
    expect(PROPERTIES[name]?.({ ...quiet, ...part })).toBe(false);
    expect(PROPERTIES[name]?.(quiet)).toBe(true);
  });
});

/** One history: what happens next is drawn; the arrangement's own checks are on as well. */
function walk(size: number, seed: number): History {
  const random = seededRandom(seed);
  const cluster = new Arrangement({ voters: voters(size) });
  const history: History = { led: [], logs: [], applied: [] };
  const cursors = new Map<NodeId, number>();
  for (let i = 0; i < STEPS; i += 1) {
    happen(cluster, random, i);
    record(cluster, history, cursors);
  }
  return history;
}

function happen(cluster: Arrangement, random: Random, i: number): void {
  const what = random.below(100);
  const id = cluster.ids[random.below(cluster.ids.length)] ?? 'a';
  if (!cluster.isUp(id)) cluster.start(id);
  else if (what < 4) cluster.crash(id);
  // What is written now is lost with a crash, or durable later.
  else if (what < 7) cluster.holdDisks(id);
  else if (what < 14) cluster.releaseDisks(id);
  else if (what < 16) cluster.delayMs = random.below(2) * 30;
  else if (what < 26) cut(cluster, random);
  else if (what < 32) cluster.lose = () => random.below(100) < 20;
  else if (what < 45) cluster.campaign(id);
  else if (what < 55) cluster.run(60);
  else for (const leader of cluster.leaders()) cluster.propose(leader, `${i}`);
}

/** Two sides that do not hear each other; a leader in the smaller one goes on appending for a while. */
function cut(cluster: Arrangement, random: Random): void {
  const side = new Map(cluster.ids.map((id) => [id, random.below(2)]));
  cluster.lose = ({ from, to }) => side.get(from) !== side.get(to);
}

function record(cluster: Arrangement, history: History, cursors: Map<NodeId, number>): void {
  const up = cluster.ids.filter((id) => cluster.isUp(id));
  const logs = new Map(up.map((id) => [id, logOf(cluster, id)]));
  history.logs.push([...logs.values()]);
  for (const node of cluster.leaders()) {
    history.led.push({ node, term: cluster.status(node).term, log: logs.get(node) ?? [] });
  }
  for (const node of up) {
    const applied = cluster.applied(node);
    const from = Math.min(cursors.get(node) ?? 0, applied.length);
    const inTerm = cluster.status(node).term;
    for (const entry of applied.slice(from)) {
      const { index, term } = entry;
      history.applied.push({ node, index, term, content: contentOf(entry), inTerm });
    }
    cursors.set(node, applied.length);
  }
}

function logOf(cluster: Arrangement, id: NodeId): Log {
  return cluster.entries(id).map((entry) => ({ term: entry.term, content: contentOf(entry) }));
}

function contentOf(entry: Entry): string {
  return entry.kind === 'command'
    ? new TextDecoder().decode(entry.data)
    : `${entry.kind}/${entry.term}`;
}

function conflict(one: Log, other: Log): boolean {
  return one.some(({ term }, i) => other[i] !== undefined && other[i].term !== term);
}
