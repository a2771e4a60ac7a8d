/**
 * What `iscsi-test-cu` (libiscsi) says of a real target: its suites about persistent reservations, each
 * test by name. Its two initiators use names that the target lets in.
 */
import type { KernelLab } from '../../lab/kernel/index.ts';

export type Verdict = { readonly test: string; readonly passed: boolean };

const SUITES = ['ALL.Prin*', 'ALL.Prout*'];
const INITIATORS = ['-i', 'iqn.2026-01.lab:node2', '-I', 'iqn.2026-01.lab:node3'];
const LIMIT_MS = 60_000;

export async function conformance(lab: KernelLab, url: string): Promise<readonly Verdict[]> {
  const said: string[] = [];
  for (const suite of SUITES) {
    const argv = ['iscsi-test-cu', '-d', ...INITIATORS, '-t', suite, url];
    // Its exit status tells that a test failed, which is what is asked for.
    said.push(await lab.client.run(['sh', '-c', '"$@" 2>&1; true', 'sh', ...argv], LIMIT_MS));
  }
  return parseConformance(said.join('\n'));
}

/** CUnit's words: `Suite: S`, `Test: T ...passed`, or the verdict on a line of its own. */
export function parseConformance(text: string): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  let suite = '';
  let test: string | null = null;
  for (const line of text.split('\n')) {
    suite = /^Suite: (\S+)/.exec(line)?.[1] ?? suite;
    const begun = /^\s*Test: (\S+) \.\.\./.exec(line)?.[1];
    if (begun !== undefined) test = begun;
    const end = /(?:^|\.\.\.)(passed|FAILED)\b/.exec(line)?.[1];
    if (end === undefined || test === null) continue;
    verdicts.push({ test: `${suite}.${test}`, passed: end === 'passed' });
    test = null;
  }
  return verdicts;
}
