/**
 * Which release this is, and whether it runs from a checkout or as one bundled file. The bundler
 * writes the version into the code; in a checkout `package.json` says it.
 */
import { readFileSync } from 'node:fs';

/** Defined by `config/package/bundle.ts`, and nowhere else. */
declare const HOLDFAST_BUNDLED_VERSION: string | undefined;

/** Neither sources nor `package.json` lie beside a bundle: what it starts are bundles too. */
export const isBundled: boolean = typeof HOLDFAST_BUNDLED_VERSION === 'string';

/** As in `package.json`: "0.1.0". */
export function releaseVersion(): string {
  if (typeof HOLDFAST_BUNDLED_VERSION === 'string') return HOLDFAST_BUNDLED_VERSION;
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
