/**
 * The files of the page. Its modules are TypeScript, as everything here; the types are taken out when
 * a file is read for the first time, so that nothing has to be built and the page is what stands in
 * the repository. Only what a page needs is given out: its own folder, and the pure modules it shares.
 *
 * In a package the same folders lie below `web/`, beside the program.
 */
import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';

export type Asset = { readonly type: string; readonly body: string };

const BESIDE = new URL('./web/', import.meta.url);
const ROOT = existsSync(BESIDE) ? BESIDE : new URL('../', import.meta.url);

/** Path of the request → file below the root. */
const SHARED = /^\/(dashboard\/page|observability\/(?:chart|story)|lib)\/[a-z-]+\.(ts|css)$/;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.ts': 'text/javascript; charset=utf-8',
};

const read = new Map<string, Asset>();

/** null: there is no such file, or it is nobody's business. */
export function assetAt(path: string): Asset | null {
  const file = path === '/' ? '/dashboard/page/index.html' : path;
  if (path !== '/' && !SHARED.test(path)) return null;
  const known = read.get(file);
  if (known !== undefined) return known;
  try {
    const text = readFileSync(new URL(`.${file}`, ROOT), 'utf8');
    const extension = extname(file);
    const asset = {
      type: TYPES[extension] ?? 'application/octet-stream',
      body: extension === '.ts' ? withoutTypes(text) : text,
    };
    read.set(file, asset);
    return asset;
  } catch {
    // A path of the right form that is no file.
    return null;
  }
}

/** Node warns that the function may change: the test of this file would notice, an operator cannot. */
function withoutTypes(text: string): string {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(text);
  } finally {
    process.emitWarning = emitWarning;
  }
}
