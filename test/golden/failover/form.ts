/** What a line of a script looks like: a pattern, and what is done with the words in its places. */
import type { NodeId } from '../../../src/lib/ids.ts';
import type { FailoverStage } from './stage.ts';

/** `words` are what stands in the places of the form; the answer is what there is to say at once. */
export type Command = (
  stage: FailoverStage,
  words: readonly string[],
) => readonly string[] | undefined;
export type Form = readonly [string, Command];

export const N = '([a-z][a-z0-9-]*)';
export const NODES = '([a-z][a-z0-9]*(?: [a-z][a-z0-9]*)*)';

/** The same, as few as the words behind it allow; names of groups may be odd. */
export const FEW = '([a-z][a-z0-9/]*(?: [a-z][a-z0-9/]*)*?)';

export function list(words: string | undefined): readonly NodeId[] {
  return words?.trim().split(' ') ?? [];
}
