/**
 * A daemon that is expected not to start: what it says in JSON and in words, with which status it
 * ends, and whether it left anything behind. An attempt runs the real command twice, once for each
 * form, on the same spoiled data.
 */
import { existsSync, lstatSync } from 'node:fs';
import { expect } from 'vitest';
import { type ExitCode, startExitCodeOf } from '../../../src/cli/exit-codes.ts';
import { HoldfastError } from '../../../src/lib/error.ts';
import { PROBLEMS, type ProblemCode } from '../../../src/lib/problems.ts';
import type { EmbeddedCluster } from '../../demo/embedded-cluster.ts';
import { marked } from '../../demo/processes.ts';
import { printOf } from './directory-print.ts';
import { rememberedBy, SOUND } from './spoiled.ts';
import { holdfast, problemIn } from './workspace.ts';

export type Refusal = {
  readonly code: ProblemCode;
  readonly status: ExitCode;
  /** Words that name this case: a path, an address, a name. */
  readonly says: string;
};

export type Attempt = {
  /** `JSON` alone where another case of the same code is tried in words. */
  readonly say?: 'JSON and words' | 'JSON';
  readonly node?: string;
  /** Take the place of what the command line would say, since the last of two options counts. */
  readonly argv?: readonly string[];
  /**
   * What becomes of the data directory. LevelDB orders its files anew when it opens them; then what
   * they remember is compared, by the test itself where the owner is another one.
   */
  readonly data?: 'same bytes' | 'same memory' | 'judged by the test';
};

/** Runs the daemon of a node and shows that it was refused, in words, and that nothing is left. */
export async function refused(
  place: EmbeddedCluster,
  refusal: Refusal,
  { node = 'node1', argv = [], data = 'same bytes', say = 'JSON and words' }: Attempt = {},
): Promise<void> {
  const { code, status, says } = refusal;
  // The table of exit-codes.ts is what is documented; a test that expects another one is wrong.
  expect(startExitCodeOf(new HoldfastError(code))).toBe(status);
  const run = [...place.runArguments(node), ...argv];
  const runningBefore = pids(place);
  const filesBefore = printOf(place.config.dataOf(node));
  const socketBefore = kindOf(place.config.socketOf(node));

  const inJson = await holdfast(place, [...run, '--json']);
  expect({ status: inJson.status, problem: problemIn(inJson.stdout) }).toMatchObject({
    status,
    problem: { code, ...PROBLEMS[code] },
  });
  expect(inJson.stdout).toContain(JSON.stringify(says).slice(1, -1));

  if (say === 'JSON and words') {
    const inWords = await holdfast(place, run);
    expect(inWords.status).toBe(status);
    for (const words of [code, PROBLEMS[code].cause, PROBLEMS[code].remedy, says]) {
      expect(inWords.stderr).toContain(words);
    }
  }

  expect(pids(place)).toEqual(runningBefore);
  expect(kindOf(place.config.socketOf(node))).toBe(socketBefore);
  if (data === 'same bytes') expect(printOf(place.config.dataOf(node))).toEqual(filesBefore);
  if (data === 'same memory') expect(await rememberedBy(place)).toEqual(SOUND);
}

function pids(place: EmbeddedCluster): readonly number[] {
  return marked(place.directory).map(({ pid }) => pid);
}

function kindOf(path: string): string {
  if (!existsSync(path)) return 'nothing';
  const found = lstatSync(path);
  if (found.isSocket()) return 'socket';
  return found.isFile() ? 'file' : 'other';
}
