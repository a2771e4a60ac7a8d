/**
 * A mutant: one rule of the sources broken on purpose, as data. A test suite that is worth its name
 * kills each of them; one that survives shows a rule that nobody holds.
 *
 * The text to replace must stand in its file exactly once, so that a later change of the sources
 * cannot silently disarm a mutant, nor let it hit another place than the one that was meant.
 *
 * Writes nothing: the sources on the disk stay as they are, see plugin.ts.
 *
 * Reference: DeMillo, Lipton, Sayward, *Hints on Test Data Selection*, 1978 (mutation analysis).
 */

/** One test, or the tests of one table, by a part of the full name. */
export type TestName = { readonly file: string; readonly test: string };

export type Mutant = {
  readonly name: string;
  /** From the root of the repository. */
  readonly file: string;
  /** Exact text, found once in the file. */
  readonly find: string;
  readonly replace: string;
  /** The rule that is broken, with its section. */
  readonly breaks: string;
  readonly caughtBy: TestName;
};

/** The mutated text, or why the mutant does not fit these sources. */
export type Mutation =
  | { readonly kind: 'mutated'; readonly text: string }
  | { readonly kind: 'misfit'; readonly why: string };

export function mutated(text: string, { file, find, name, replace }: Mutant): Mutation {
  const places = text.split(find).length - 1;
  if (find !== '' && find !== replace && places === 1) {
    return { kind: 'mutated', text: text.split(find).join(replace) };
  }
  const why =
    find === replace ? 'it replaces a text by itself' : `its text occurs ${places} times, not once`;
  return { kind: 'misfit', why: `mutant ${name} does not fit ${file}: ${why}` };
}
