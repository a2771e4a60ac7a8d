/** The processes of a node by what they are, so that a test can strike exactly one of them. */
import { readFileSync } from 'node:fs';
import { type EmbeddedCluster, PATIENCE_MS } from '../../demo/embedded-cluster.ts';
import { marked } from '../../demo/processes.ts';
import { until } from '../../lab/kernel/index.ts';

/** The guardian that the running daemon of this node has now; null: none. */
export function guardianOf(cluster: EmbeddedCluster, node: string): number | null {
  const daemon = cluster.pidOf(node);
  const found = marked(cluster.directory).find(
    ({ pid, argv }) =>
      argv.some((word) => /guardian(\/main\.ts|\.js)$/.test(word)) && parentOf(pid) === daemon,
  );
  return found?.pid ?? null;
}

/** The ledger that runs for this node; null: none. */
export function applicationOf(cluster: EmbeddedCluster, node: string): number | null {
  const found = marked(cluster.directory).find(
    ({ argv }) => argv.some((word) => word.endsWith('embedded-ledger.ts')) && argv.at(-1) === node,
  );
  return found?.pid ?? null;
}

/** Waits until `look` answers a process other than `not`. */
export async function another(
  what: string,
  look: () => number | null,
  not: number | null,
): Promise<number> {
  return await until(
    () => {
      const pid = look();
      return pid !== null && pid !== not ? pid : undefined;
    },
    { what, limitMs: PATIENCE_MS, intervalMs: 20 },
  );
}

export function isAlive(pid: number): boolean {
  try {
    // A zombie has ended: it only waits to be asked how.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}
