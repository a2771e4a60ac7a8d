/**
 * Runs every case of the folder `etcd-raft` and answers with what was expected beside what we said.
 * The data is read where it is: beside the repository, or where HOLDFAST_CONFORMANCE points.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settled, towards } from '../../src/raft/change.ts';
import { quorumValue, tally } from '../../src/raft/quorum.ts';
import { type Case, parseCases } from './datadriven.ts';
import { type ChangeCode, EtcdConfiguration } from './etcd-configuration.ts';
import { answerQuorumCase, expectedAnswer, type QuorumCode } from './quorum-cases.ts';

export type Outcome = {
  readonly suite: 'quorum' | 'confchange';
  readonly one: Case;
  readonly expected: readonly string[];
  readonly actual: readonly string[];
  /** What the adapter decided in our code's stead, or null. */
  readonly own: string | null;
};

export type Code = QuorumCode & ChangeCode;
export const OURS: Code = { quorumValue, settled, tally, towards };

const BESIDE = fileURLToPath(new URL('../../../shared/conformance', import.meta.url));
const folder = join(process.env['HOLDFAST_CONFORMANCE'] ?? BESIDE, 'etcd-raft');

/** Why the cases cannot be run, or null. */
export function unavailable(): string | null {
  if (existsSync(folder)) return null;
  const asked = process.env['HOLDFAST_CONFORMANCE'];
  const where = asked === undefined ? '../shared/conformance' : asked;
  return `no folder etcd-raft in ${where}; set HOLDFAST_CONFORMANCE to where the cases are`;
}

/** All cases of a suite, by file; the cases of one file are one history. */
export function readSuite(suite: Outcome['suite']): readonly (readonly Case[])[] {
  const files = readdirSync(join(folder, suite)).filter((name) => name.endsWith('.txt'));
  return files.sort().map((name) => {
    return parseCases(`${suite}/${name}`, readFileSync(join(folder, suite, name), 'utf8'));
  });
}

export function runQuorum(files: readonly (readonly Case[])[], code: Code): readonly Outcome[] {
  return files.flat().map((one) => {
    const [expected, actual] = [[expectedAnswer(one)], answerQuorumCase(one, code)];
    return { suite: 'quorum', one, expected, actual, own: null };
  });
}

export function runConfchange(files: readonly (readonly Case[])[], code: Code): readonly Outcome[] {
  return files.flatMap((cases) => {
    const state = new EtcdConfiguration(code);
    return cases.map((one): Outcome => {
      const { lines, own } = state.answer(one);
      return { suite: 'confchange', one, expected: one.expected, actual: lines, own };
    });
  });
}

export function differs({ expected, actual }: Outcome): boolean {
  return expected.join('\n') !== actual.join('\n');
}
