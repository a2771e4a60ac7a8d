/**
 * The suites of golden scenarios, and what is done with the files of one: tell each again, compare,
 * and rewrite where that is asked for. A story that fails is never rewritten: its expectations are
 * the part that no update may bend.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { difference } from './difference.ts';
import { FailoverStage } from './failover/stage.ts';
import { RaftStage } from './raft/stage.ts';
import { type Stage, tell, titleOf } from './story.ts';

export type Suite = {
  readonly name: string;
  readonly directory: string;
  /** A fresh world for each story. */
  readonly open: () => Stage;
};

export type Verdict = {
  /** `suite/file.txt`. */
  readonly path: string;
  readonly title: string;
  readonly state: 'same' | 'differs' | 'rewritten' | 'failed';
  /** The difference, or the failure with its line; empty when the file is right. */
  readonly detail: string;
};

const here = fileURLToPath(new URL('.', import.meta.url));

export const SUITES: readonly Suite[] = [
  { name: 'raft', directory: join(here, 'raft'), open: () => new RaftStage() },
  { name: 'failover', directory: join(here, 'failover'), open: () => new FailoverStage() },
];

export function storiesOf(suite: Suite): readonly string[] {
  return readdirSync(suite.directory)
    .filter((name) => name.endsWith('.txt'))
    .sort();
}

export function examine(suite: Suite, name: string, update: boolean): Verdict {
  const file = join(suite.directory, name);
  const text = readFileSync(file, 'utf8');
  const path = `${suite.name}/${name}`;
  const title = titleOf(text);
  const told = tell(path, text, suite.open());
  if (told.failure !== null) return { path, title, state: 'failed', detail: told.failure };
  const detail = difference(text, told.text);
  if (detail === '') return { path, title, state: 'same', detail };
  if (update) writeFileSync(file, told.text);
  return { path, title, state: update ? 'rewritten' : 'differs', detail };
}
