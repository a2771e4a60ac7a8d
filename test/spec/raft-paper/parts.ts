/** One core in a given role, the messages that come to it, and its log as the paper draws it. */
import type { RaftMessage, Ready, Role } from '../../../src/raft/types.ts';
import { Bench, type BenchOptions, type Incoming } from '../../raft/bench.ts';

export const ROLES: readonly Role[] = ['follower', 'pre-candidate', 'candidate', 'leader'];

/** The names of `size` voters; the core on the bench is always `a`. */
export function voters(size: number): readonly string[] {
  return ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, size);
}

/** Term 2, log [1], everything durable, in a cluster of three whose last sign of life is long ago. */
export function inRole(role: Role): Bench {
  const raised = role === 'follower' || role === 'pre-candidate';
  const bench = new Bench({ terms: [1], term: raised ? 2 : 1 });
  if (role === 'pre-candidate') bench.deadline();
  if (role === 'candidate') bench.becomeCandidate();
  if (role === 'leader') bench.becomeLeader();
  bench.sync();
  bench.elapse(1000);
  bench.takeSent();
  return bench;
}

/** A leader of the term after the last one in `terms`; its no-op is durable with itself only. */
export function leaderOf(terms: readonly number[], options: BenchOptions = {}): Bench {
  const bench = new Bench({ terms, ...options });
  bench.becomeLeader(bench.status.configuration.voters.filter((voter) => voter !== 'a'));
  bench.sync();
  bench.takeSent();
  return bench;
}

type Asked = {
  readonly from: string;
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly transfer?: boolean;
};

export const voteRequest = (asked: Asked): Incoming => ({
  kind: 'vote',
  transfer: false,
  ...asked,
});

export const preVoteRequest = (asked: Asked): Incoming => ({
  kind: 'pre-vote',
  transfer: false,
  ...asked,
});

export function voteReply(from: string, term: number, granted: boolean): Incoming {
  return { kind: 'vote-reply', from, term, granted, quietMs: 1000 };
}

export function preVoteReply(from: string, term: number, granted: boolean): Incoming {
  return { kind: 'pre-vote-reply', from, term, granted, quietMs: 1000 };
}

export function append(
  from: string,
  term: number,
  parts: Partial<
    Omit<Extract<RaftMessage, { kind: 'append' }>, 'kind' | 'from' | 'to' | 'term'>
  > = {},
): Incoming {
  const empty = { prevIndex: 0, prevTerm: 0, entries: [], commitIndex: 0, readId: 1 } as const;
  return { kind: 'append', from, term, ...empty, ...parts };
}

export function refusal(
  from: string,
  term: number,
  conflict: { readonly index: number; readonly term: number },
): Incoming {
  return { kind: 'append-reply', from, term, matchIndex: 0, conflict, readId: 0 };
}

/** The terms of the log from entry 1 on, as figures 6 to 8 show logs. */
export function termsOf(bench: Bench): readonly number[] {
  const { firstIndex, lastIndex } = bench.status;
  return Array.from(
    { length: lastIndex - firstIndex + 1 },
    (_, i) => bench.core.entryAt(firstIndex + i)?.term ?? Number.NaN,
  );
}

/** Everything that leaves with or after this step, in order. */
export function answers(ready: Ready): readonly RaftMessage[] {
  return [...ready.sendNow, ...ready.sendAfterPersist];
}
