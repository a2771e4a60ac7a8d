/** Runs a runner of clauses in network and mount namespaces of its own (and `more`), and reads its report. */
import { basename } from 'node:path';
import { run } from '../../../src/system/run.ts';
import type { ClauseReport } from '../../contract/report-line.ts';
import { must, works } from './shell.ts';

const NAMESPACES = ['unshare', '--net', '--mount', '--propagation', 'private'];

export async function reportsOf(
  runner: string,
  words: readonly string[],
  timeoutMs: number,
  more: readonly string[] = [],
): Promise<readonly ClauseReport[]> {
  const { status, stdout, stderr } = await run(
    [...NAMESPACES, ...more, process.execPath, runner, ...words],
    { signal: AbortSignal.timeout(2 * timeoutMs), timeoutMs },
  );
  if (status !== 0) return [{ name: 'the runner', error: stderr, durationMs: 0 }];
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ClauseReport);
}

/** Also when the runner was killed: loop devices outlive its namespace, and forget the way to their files. */
export function detachLoops(directory: string): void {
  const list = must('losetup', '--list', '--noheadings', '--output', 'NAME,BACK-FILE');
  for (const line of list.split('\n')) {
    const [device = '', file = ''] = line.trim().split(/\s+/);
    if (file.includes(basename(directory))) works('losetup', '--detach', device);
  }
}
