/**
 * A laboratory that dies leaves nothing: no guest, not even a frozen one, no process in the
 * namespace, no namespace, no directory. Each way to die is tried on a second laboratory beside
 * the first, which must not notice.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { guestAddress, until } from '../kernel/index.ts';
import type { Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';

const signals = ['SIGKILL', 'SIGTERM', 'SIGINT'] as const;
const limitMs = 20_000;

export const leftovers: Scenario = {
  name: 'leftovers',
  about:
    'a laboratory is killed while a guest of it is frozen: nothing is left, and its neighbour lives',
  lab: { nodes: 1, luns: 1 },
  run,
};

async function run({ lab, report }: ScenarioContext): Promise<ScenarioReport> {
  for (const signal of signals) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'frozen-lab.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const { namespace, directory } = JSON.parse(line) as { namespace: string; directory: string };
    const before = processesOf(directory, namespace).length;
    child.kill(signal);
    const began = performance.now();
    await until(() => leftOf(directory, namespace).length === 0, {
      what: 'nothing is left',
      limitMs,
    }).catch(() => {});
    const left = leftOf(directory, namespace);
    report.measure(`goneAfter${signal}Ms`, performance.now() - began);
    report.check(
      `${signal}: nothing is left of ${before} processes`,
      before > 2 && left.length === 0,
      left.join(', '),
    );
  }
  report.check('the neighbour lives', await lab.client.reaches(guestAddress(1, 3)));
  return report.done();
}

function leftOf(directory: string, namespace: string): readonly string[] {
  return [
    ...processesOf(directory, namespace),
    ...[directory, `/run/netns/${namespace}`].filter((path) => existsSync(path)),
  ];
}

/** Processes that name the run directory or the namespace among their arguments. */
function processesOf(directory: string, namespace: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.some((word) => word.includes(directory) || word === namespace);
      } catch {
        return false;
      }
    });
}
