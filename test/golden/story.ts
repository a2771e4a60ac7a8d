/**
 * A golden scenario: a text file that reads as a story. Lines that start in the first column are the
 * script (what the world does); indented lines beneath are what came of it, written by the runner;
 * lines that start with `#` tell the reader what is shown and why it matters.
 *
 * This file knows the form only. What a script line means belongs to the suite, which hands in a
 * `Stage` for each story: one command in, the sentences that describe its outcome out. Outcomes are
 * made anew in each run, so a file is right when telling it again gives the same text.
 *
 * Does not read or write files: see suites.ts.
 */
import { AssertionFailure } from '../../src/lib/assert.ts';

export type Stage = {
  /** Performs one line of the script; throws `StoryFailure` when it cannot, or when a rule broke. */
  perform(line: string): readonly string[];
};

/** Something in a story is wrong: an unknown line, an expectation that fails, a broken invariant. */
export class StoryFailure extends Error {
  override readonly name = 'StoryFailure';
}

export type Told = {
  /** The whole file as it should be; up to the failure, if there is one. */
  readonly text: string;
  /** `file:line: what went wrong`, or null. */
  readonly failure: string | null;
};

const INDENT = '  ';
const ABOUT_LINES = 3;

/** Tells a story again: comments and script as they stand, outcomes as they come out now. */
export function tell(path: string, text: string, stage: Stage): Told {
  const lines = text.trimEnd().split('\n');
  const told: string[] = [];
  const missing = lines.slice(0, ABOUT_LINES).findIndex((line) => !/^# \S/.test(line));
  if (missing >= 0) {
    const failure = `${path}:${missing + 1}: begin with a title and two lines about it (# …)`;
    return { text, failure };
  }
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(INDENT)) continue;
    told.push(line);
    if (line === '' || line.startsWith('#')) continue;
    try {
      told.push(...stage.perform(line).map((sentence) => INDENT + sentence));
    } catch (error) {
      if (!(error instanceof StoryFailure || error instanceof AssertionFailure)) throw error;
      const what = error instanceof StoryFailure ? '' : 'an assertion of the code failed: ';
      return { text: ended(told), failure: `${path}:${at + 1}: ${what}${error.message}` };
    }
  }
  return { text: ended(told), failure: null };
}

export function titleOf(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/^# /, '');
}

function ended(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
