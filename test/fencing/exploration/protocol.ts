/**
 * The state machines of `src/fencing/protocol`: as they are, or with one rule taken out of their
 * source. A patch names a piece of text that must stand there exactly once; the patched files are
 * loaded beside the real ones, as modules of their own.
 */
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { beginDefence, defend } from '../../../src/fencing/protocol/defence.ts';
import { begin, step } from '../../../src/fencing/protocol/takeover.ts';

export type Protocol = {
  readonly begin: typeof begin;
  readonly step: typeof step;
  readonly beginDefence: typeof beginDefence;
  readonly defend: typeof defend;
};

export type Patch = {
  readonly file: 'takeover.ts' | 'takeover-rules.ts' | 'defence.ts';
  readonly find: string;
  readonly replace: string;
};

export const REAL: Protocol = { begin, step, beginDefence, defend };

const FOLDER = new URL('../../../src/fencing/protocol/', import.meta.url);

/** @throws RangeError where a patch does not fit the source any more. */
export async function patched(patches: readonly Patch[]): Promise<Protocol> {
  if (patches.length === 0) return REAL;
  const rules = moduleOf('takeover-rules.ts', patches, {});
  const takeover = moduleOf('takeover.ts', patches, { './takeover-rules.ts': rules });
  const defence = moduleOf('defence.ts', patches, { './takeover.ts': takeover });
  const [one, other] = await Promise.all([load(takeover), load(defence)]);
  return { ...(one as Protocol), ...(other as Protocol) };
}

/** Not resolved by the test runner: the module is made of its own text. */
async function load(url: string): Promise<unknown> {
  return await import(/* @vite-ignore */ url);
}

function moduleOf(
  file: Patch['file'],
  patches: readonly Patch[],
  replaced: Readonly<Record<string, string>>,
): string {
  let text = readFileSync(new URL(file, FOLDER), 'utf8');
  for (const { find, replace } of patches.filter((patch) => patch.file === file)) {
    const pieces = text.split(find);
    if (pieces.length !== 2) throw new RangeError(`not once in ${file}: ${find}`);
    text = pieces.join(replace);
  }
  const code = stripTypeScriptTypes(text).replace(
    /from '(\.[^']+)'/g,
    (_, path: string) => `from '${replaced[path] ?? new URL(path, FOLDER).href}'`,
  );
  return `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`;
}
