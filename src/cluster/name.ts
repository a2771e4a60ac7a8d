/**
 * What members and groups may be called. Names become keys of tables, parts of paths and words on a
 * command line, so they are kept to what is harmless in all three.
 */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export const NAME_RULE =
  'a name has 1 to 64 letters, digits, dots, dashes or underscores and begins with a letter or digit';

export function isName(text: string): boolean {
  return NAME.test(text);
}
