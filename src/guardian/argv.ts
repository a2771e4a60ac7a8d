/** How a guardian is started: the daemon passes this to `startLongLived` and speaks over the pipes. */
import { fileURLToPath } from 'node:url';
import { isBundled } from '../system/release.ts';

export type GuardianArguments = {
  readonly clusterId: string;
  /** Fed by the guardian from its start on; left out: none. */
  readonly watchdog?: { readonly device: string; readonly timeoutMs: number } | undefined;
};

export function guardianArgv({ clusterId, watchdog }: GuardianArguments): readonly string[] {
  const main = fileURLToPath(new URL(isBundled ? 'guardian.js' : 'main.ts', import.meta.url));
  const last = watchdog === undefined ? [] : [watchdog.device, String(watchdog.timeoutMs)];
  return [process.execPath, '--max-old-space-size=64', main, clusterId, ...last];
}

/** The arguments behind `main.ts`, read back; null when they are none. */
export function parseGuardianArguments(words: readonly string[]): GuardianArguments | null {
  const [clusterId, device, timeout, ...rest] = words;
  if (clusterId === undefined || rest.length > 0) return null;
  if (device === undefined) return { clusterId };
  const timeoutMs = Number(timeout);
  return timeoutMs > 0 ? { clusterId, watchdog: { device, timeoutMs } } : null;
}
