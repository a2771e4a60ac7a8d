/** How many may fail before nothing is served. */
import { type Findings, findingsOf } from './finding.ts';

export type QuorumFacts = {
  /** null: no daemon answers. */
  readonly cluster: {
    readonly voters: number;
    readonly heard: number;
    readonly quorate: boolean;
    readonly why: string;
  } | null;
};

export function checkQuorum({ cluster }: QuorumFacts): Findings {
  const { good, unknown, warning, failure } = findingsOf('quorum');
  if (cluster === null) return [unknown('no daemon answers', 'start it; look at its log')];
  const { voters, heard, quorate, why } = cluster;
  if (!quorate) return [failure(`nothing is served: ${why}`, 'bring members back')];
  const spare = heard - (Math.floor(voters / 2) + 1);
  const text = `${heard} of ${voters} voters are heard; ${spare} more may fail`;
  if (spare === 0) return [warning(text, 'bring members back, or add voters: three is the least')];
  return voters % 2 === 0
    ? [warning(`${text}; an even number of voters bears no more than one less`, 'add a voter')]
    : [good(text)];
}
