/**
 * The five properties of Raft figure 3, over what a test recorded. Written apart from
 * src/raft/invariants.ts, and checked against made-up histories that break them: two opinions.
 */
import type { NodeId } from '../../../src/lib/ids.ts';

/** Index 1 is the first element. */
export type Log = readonly { readonly term: number; readonly content: string }[];

export type History = {
  /** Each moment at which a server led. */
  readonly led: { readonly node: NodeId; readonly term: number; readonly log: Log }[];
  /** Logs of all servers, moment by moment. */
  readonly logs: (readonly Log[])[];
  /** What a server applied, and in which term the cluster had committed it at the latest. */
  readonly applied: {
    readonly node: NodeId;
    readonly index: number;
    readonly term: number;
    readonly content: string;
    readonly inTerm: number;
  }[];
};

export const PROPERTIES: Readonly<Record<string, (history: History) => boolean>> = {
  'Election Safety': ({ led }) => {
    const leaders = new Map<number, NodeId>();
    return led.every(({ node, term }) => {
      const known = leaders.get(term) ?? node;
      leaders.set(term, known);
      return known === node;
    });
  },

  'Leader Append-Only': ({ led }) => {
    const before = new Map<string, Log>();
    return led.every(({ node, term, log }) => {
      const earlier = before.get(`${node}/${term}`) ?? [];
      before.set(`${node}/${term}`, log);
      return isPrefix(earlier, log);
    });
  },

  'Log Matching': ({ logs }) =>
    logs.every((all) =>
      all.every((one, i) => all.slice(i + 1).every((other) => match(one, other))),
    ),

  'Leader Completeness': ({ applied, led }) =>
    applied.every(({ index, term, content, inTerm }) =>
      led.every((leader) => {
        const held = leader.log[index - 1];
        return leader.term <= inTerm || (held?.term === term && held.content === content);
      }),
    ),

  'State Machine Safety': ({ applied }) => {
    const known = new Map<number, string>();
    return applied.every(({ index, content }) => {
      const earlier = known.get(index) ?? content;
      known.set(index, earlier);
      return earlier === content;
    });
  },
};

function isPrefix(one: Log, of: Log): boolean {
  return one.every(({ term, content }, i) => of[i]?.term === term && of[i]?.content === content);
}

/** Equal index and term anywhere: equal contents up to there. */
function match(one: Log, other: Log): boolean {
  let last = Math.min(one.length, other.length) - 1;
  while (last >= 0 && one[last]?.term !== other[last]?.term) last -= 1;
  return isPrefix(one.slice(0, last + 1), other);
}
