/** Interconnects: cuts of every shape, and weather. */
import { type Cluster, INTERCONNECTS } from '../cluster.ts';
import type { Fault } from '../faults.ts';
import type { Weather } from '../network.ts';

type Path = readonly [from: string, to: string, over: string];

function cut(cluster: Cluster, paths: readonly Path[]): () => void {
  for (const [from, to, over] of paths) cluster.network.addCut(from, to, over, 1);
  return () => {
    for (const [from, to, over] of paths) cluster.network.addCut(from, to, over, -1);
  };
}

function both(a: string, b: string, over: readonly string[]): readonly Path[] {
  return over.flatMap((one): readonly Path[] => [
    [a, b, one],
    [b, a, one],
  ]);
}

function one(amount: number): string {
  return INTERCONNECTS[amount % INTERCONNECTS.length] ?? 'ic1';
}

function weather(cluster: Cluster, paths: readonly Path[], what: Weather): () => void {
  for (const path of paths) cluster.network.setWeather(...path, what);
  return () => {
    for (const path of paths) cluster.network.setWeather(...path, null);
  };
}

export const networkFaults: readonly Fault[] = [
  {
    name: 'cut-one-way',
    rate: 4,
    longestMs: 4_000,
    begin: ({ cluster, machine, other, amount }) =>
      cut(cluster, [[machine.name, other.name, one(amount)]]),
  },
  {
    name: 'cut-pair',
    rate: 4,
    longestMs: 4_000,
    begin: ({ cluster, machine, other, amount }) =>
      cut(
        cluster,
        both(machine.name, other.name, amount % 3 === 0 ? [one(amount)] : INTERCONNECTS),
      ),
  },
  {
    name: 'interconnect-down',
    rate: 2,
    longestMs: 4_000,
    begin: ({ cluster, amount }) => {
      const names = cluster.machines.map(({ name }) => name);
      return cut(
        cluster,
        names.flatMap((a) => names.filter((b) => a < b).flatMap((b) => both(a, b, [one(amount)]))),
      );
    },
  },
  {
    name: 'isolated',
    rate: 5,
    longestMs: 4_000,
    begin: ({ cluster, machine, amount }) => {
      const way = amount % 4;
      const others = cluster.machines.filter((other) => other !== machine);
      return cut(
        cluster,
        others.flatMap((other) =>
          INTERCONNECTS.flatMap((over): readonly Path[] => [
            ...(way !== 0 ? [[machine.name, other.name, over] as const] : []),
            ...(way !== 1 ? [[other.name, machine.name, over] as const] : []),
          ]),
        ),
      );
    },
  },
  {
    // Two sides; with an uneven number one machine, the bridge, is heard by both.
    name: 'partition',
    rate: 3,
    longestMs: 4_000,
    begin: ({ cluster, machine, amount }) => {
      const bridge = amount % 2 === 0 ? machine : null;
      const rest = cluster.machines.filter((one) => one !== bridge);
      const left = rest.filter((_, i) => i % 2 === 0);
      const right = rest.filter((_, i) => i % 2 === 1);
      return cut(
        cluster,
        left.flatMap((a) => right.flatMap((b) => both(a.name, b.name, INTERCONNECTS))),
      );
    },
  },
  {
    // Two machines are left with one neighbour, the same for both; the rest is whole.
    name: 'two-leaves',
    rate: 2,
    longestMs: 4_000,
    begin: ({ cluster, machine, other, amount }) => {
      const rest = cluster.machines.filter((one) => one !== machine && one !== other);
      const far = rest.filter((_, i) => i !== amount % rest.length);
      const apart = [
        ...far.flatMap(
          (one) =>
            [
              [machine, one],
              [other, one],
            ] as const,
        ),
        [machine, other] as const,
      ];
      return cut(
        cluster,
        apart.flatMap(([a, b]) => both(a.name, b.name, INTERCONNECTS)),
      );
    },
  },
  {
    // Every pair has one interconnect, and not all the same.
    name: 'patchwork',
    rate: 2,
    longestMs: 4_000,
    begin: ({ cluster, amount }) => {
      const names = cluster.machines.map(({ name }) => name);
      const pairs = names.flatMap((a) => names.filter((b) => a < b).map((b) => [a, b] as const));
      return cut(
        cluster,
        pairs.flatMap(([a, b], i) => both(a, b, [one((amount >> (i % 8)) & 1)])),
      );
    },
  },
  {
    name: 'bad-weather',
    rate: 4,
    longestMs: 3_000,
    begin: ({ cluster, machine, other, amount }) =>
      weather(cluster, both(machine.name, other.name, INTERCONNECTS), {
        lossPerMille: (amount % 7) * 30,
        jitterMs: amount % 40,
        delayMs: amount % 11,
      }),
  },
  {
    name: 'slow-interconnect',
    rate: 2,
    longestMs: 3_000,
    begin: ({ cluster, amount }) => {
      const names = cluster.machines.map(({ name }) => name);
      const paths = names.flatMap((a) =>
        names.filter((b) => a < b).flatMap((b) => both(a, b, [one(amount)])),
      );
      const what = { lossPerMille: amount % 100, jitterMs: amount % 150, delayMs: amount % 60 };
      return weather(cluster, paths, what);
    },
  },
];
