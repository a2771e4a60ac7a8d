/**
 * etcd's quorum cases on our `tally` and `quorumValue`, with what etcd's own harness asserts beside the
 * expected answer: halves may be exchanged, an empty half or the same half twice changes nothing, and
 * an acknowledgement below the committed index may sink without moving it.
 *
 * Values are listed for the ids of `cfg` as written, then for those ids of `cfgj` that are new. `_` is
 * a voter of whom nothing is known: no vote, index 0.
 *
 * Answers what we say in etcd's words; compares nothing.
 */
import type { quorumValue, tally } from '../../src/raft/quorum.ts';
import type { Configuration } from '../../src/raft/types.ts';
import { configuration } from '../raft/bench.ts';
import type { Case } from './datadriven.ts';

/** Ours, or a wrong one that has to be found out. */
export type QuorumCode = {
  readonly tally: typeof tally;
  readonly quorumValue: typeof quorumValue;
};

const WORDS = { won: 'VoteWon', pending: 'VotePending', lost: 'VoteLost' } as const;

/** Our answer, in etcd's words; more lines than one where an assertion of the harness fails. */
export function answerQuorumCase(one: Case, code: QuorumCode): readonly string[] {
  const voters = one.arguments.get('cfg') ?? [];
  const partner = one.arguments.get('cfgj');
  const outgoing = (partner ?? []).filter((id) => id !== 'zero');
  const listed = one.arguments.get(one.command === 'vote' ? 'votes' : 'idx') ?? [];
  const ids = [...new Set([...voters, ...outgoing])];
  if (listed.length !== ids.length) {
    return [`${listed.length} values for the voters ${ids.join(' ')}`];
  }
  const values = new Map(ids.map((id, i) => [id, listed[i] ?? '_']));
  const evaluate = one.command === 'vote' ? voteWith(code, values) : indexWith(code, values);
  const answer = evaluate(configuration(voters, outgoing));
  const again: [string, string][] = [['symmetry', evaluate(configuration(outgoing, voters))]];
  if (partner === undefined) {
    again.push(['zero-joint quorum', evaluate(configuration([], voters))]);
    again.push(['self-joint quorum', evaluate(configuration(voters, voters))]);
  }
  if (one.command === 'committed') {
    again.push(...sunk(code, configuration(voters, outgoing), values));
  }
  const others = again.filter(([, other]) => other !== answer);
  return [answer, ...others.map(([via, other]) => `${other} <-- via ${via}`)];
}

/**
 * The answer that a block ends with; above it stands a drawing, which names the value of each voter
 * once more. Where they differ the values were read wrongly.
 */
export function drawnValues(one: Case): ReadonlyMap<string, string> {
  const rows = one.expected.map((line) => /(\d+)\s+\(id=(\d+)\)$/.exec(line));
  return new Map(rows.flatMap((row) => (row === null ? [] : [[row[2] ?? '', row[1] ?? '']])));
}

export function expectedAnswer(one: Case): string {
  return /(∞|\d+|Vote\w+)$/.exec(one.expected.at(-1) ?? '')?.[0] ?? 'nothing';
}

function voteWith(code: QuorumCode, values: ReadonlyMap<string, string>) {
  return (quorum: Configuration): string => {
    const voteOf = (id: string): boolean | undefined =>
      values.get(id) === '_' ? undefined : values.get(id) === 'y';
    return WORDS[code.tally(quorum, voteOf)];
  };
}

function indexOf(values: ReadonlyMap<string, string>, id: string): number {
  const value = values.get(id) ?? '_';
  return value === '_' ? 0 : Number(value);
}

function indexWith(code: QuorumCode, values: ReadonlyMap<string, string>) {
  return (quorum: Configuration): string => {
    const reached = code.quorumValue(quorum, (id) => indexOf(values, id));
    return reached === Number.POSITIVE_INFINITY ? '∞' : `${reached}`;
  };
}

/** What lies below the committed index may lie lower still. */
function sunk(
  code: QuorumCode,
  quorum: Configuration,
  values: ReadonlyMap<string, string>,
): readonly [string, string][] {
  const committed = code.quorumValue(quorum, (id) => indexOf(values, id));
  return [...values.keys()].flatMap((id): [string, string][] => {
    const reached = indexOf(values, id);
    if (reached === 0 || reached >= committed) return [];
    return [reached - 1, 0].map((lower) => [
      `sinking ${id} to ${lower}`,
      indexWith(code, new Map([...values, [id, `${lower}`]]))(quorum),
    ]);
  });
}
