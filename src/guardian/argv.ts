/** How a guardian is started: the daemon passes this to `startLongLived` and speaks over the pipes. */
import { fileURLToPath } from 'node:url';
import { isBundled } from '../system/release.ts';

export function guardianArgv(options: { readonly clusterId: string }): readonly string[] {
  const main = fileURLToPath(new URL(isBundled ? 'guardian.js' : 'main.ts', import.meta.url));
  return [process.execPath, '--max-old-space-size=64', main, options.clusterId];
}
