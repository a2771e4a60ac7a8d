/**
 * Every section that has rules for a core such as ours. `sections.test.ts` demands a `describe` with
 * at least one test for each: its title begins with the section's name.
 */

export const SECTIONS: readonly string[] = [
  'Raft figure 2: persistent state on all servers',
  'Raft figure 2: volatile state',
  'Raft figure 2: AppendEntries RPC',
  'Raft figure 2: RequestVote RPC',
  'Raft figure 2: rules for all servers',
  'Raft figure 2: rules for followers',
  'Raft figure 2: rules for candidates',
  'Raft figure 2: rules for leaders',
  'Raft figure 3',
  'Raft §5.1',
  'Raft §5.2',
  'Raft §5.3',
  'Raft §5.3, figure 7',
  'Raft §5.4.1',
  'Raft §5.4.2',
  'Raft §5.4.2, figure 8',
  'Raft §5.5',
  'Raft §5.6',
  'Raft §6',
  'Raft §7',
  'Raft §7, figure 13',
  'Raft §8',
  'Thesis §3.10',
  'Thesis §4.1',
  'Thesis §4.2.1',
  'Thesis §4.2.2',
  'Thesis §4.2.3',
  'Thesis §4.2.4',
  'Thesis §4.3',
  'Thesis §4.4',
  'Thesis §5.1',
  'Thesis §6.2',
  'Thesis §6.4',
  'Thesis §9.6',
  'Thesis §10.2.1',
  'Thesis §10.2.2',
];

export type Block = {
  /** Title of the `describe`. */
  readonly title: string;
  /** Calls of `test` and `test.each` in it; a table counts once. */
  readonly tests: number;
};

/** The `describe` blocks of a test file that is not nested, as they stand in its text. */
export function blocksOf(text: string): readonly Block[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const blocks = code.split(/^describe\(\s*/m).slice(1);
  return blocks.map((block) => ({
    title: /^'([^']*)'/.exec(block)?.[1] ?? '',
    tests: [...block.matchAll(/^\s*test(?:\.each)?\(/gm)].length,
  }));
}

/** Sections without a single test. */
export function uncovered(
  sections: readonly string[],
  blocks: readonly Block[],
): readonly string[] {
  return sections.filter(
    (section) => !blocks.some(({ title, tests }) => tests > 0 && isOf(title, section)),
  );
}

/** Blocks that name no section of the list. */
export function unlisted(sections: readonly string[], blocks: readonly Block[]): readonly string[] {
  return blocks
    .map(({ title }) => title)
    .filter((title) => !sections.some((one) => isOf(title, one)));
}

function isOf(title: string, section: string): boolean {
  return title === section || title.startsWith(`${section}: `);
}
