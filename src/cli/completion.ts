/**
 * `holdfast completion bash|zsh|fish`: a script for the shell, made from the commands themselves, so
 * that it knows each option. Names of groups and nodes are asked of the daemon when TAB is pressed; a
 * shell whose daemon does not answer completes the rest.
 */
import type { Command } from 'commander';
import { HoldfastError } from '../lib/error.ts';
import type { ClusterStatus } from '../operator/api.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** One command: its words (`config check`), what it says of itself, and what may follow. */
type Entry = {
  readonly words: string;
  readonly description: string;
  readonly options: readonly string[];
  readonly names: 'groups' | 'nodes' | 'both' | 'files' | 'none';
};

/** @throws {HoldfastError} USAGE */
export async function completion(
  context: CommandContext,
  program: Command,
  shell: string,
): Promise<ExitCode> {
  const known = SHELLS.find((one): one is Shell => one === shell);
  if (known === undefined) {
    throw new HoldfastError('USAGE', { detail: `the shell is one of ${SHELLS.join(', ')}` });
  }
  context.print([completionScript(program, known)]);
  return EXIT.ok;
}

/** Hidden: the names that the scripts ask for, one a line. Says nothing when nobody answers. */
export async function completeNames(context: CommandContext, kind: string): Promise<ExitCode> {
  const names = await context.client.get<ClusterStatus>('/v1/status').then(
    ({ data }) => namesIn(data, kind),
    () => [],
  );
  context.print(names);
  return EXIT.ok;
}

function namesIn({ groups, members }: ClusterStatus, kind: string): readonly string[] {
  const ofGroups = groups.map(({ group }) => group);
  const ofNodes = members.map(({ node }) => node);
  if (kind === 'groups') return ofGroups;
  return kind === 'nodes' ? ofNodes : [...ofGroups, ...ofNodes];
}

export function completionScript(program: Command, shell: Shell): string {
  const visible = program.createHelp().visibleCommands(program);
  const entries = visible.flatMap((command) => entriesOf(command, []));
  const globals = optionsOf(program);
  switch (shell) {
    case 'bash':
      return bash(entries, globals);
    case 'zsh':
      return `#compdef holdfast\nautoload -U +X bashcompinit && bashcompinit\n${bash(entries, globals)}`;
    case 'fish':
      return fish(entries, globals);
  }
}

function entriesOf(command: Command, before: readonly string[]): readonly Entry[] {
  const words = [...before, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((one) => entriesOf(one, words));
  const argument = command.registeredArguments[0]?.name() ?? '';
  return [
    {
      words: words.join(' '),
      description: command.description(),
      options: optionsOf(command),
      names: namesFor(argument),
    },
  ];
}

function namesFor(argument: string): Entry['names'] {
  if (argument === 'group-or-node') return 'both';
  if (argument === 'group') return 'groups';
  if (argument === 'node') return 'nodes';
  return argument === 'file' ? 'files' : 'none';
}

function optionsOf(command: Command): readonly string[] {
  return command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
}

function bash(entries: readonly Entry[], globals: readonly string[]): string {
  const first = [...new Set(entries.map(({ words }) => words.split(' ')[0]))].join(' ');
  const cases = entries.map(({ words, options, names }) => {
    const all = [...options, ...globals].join(' ');
    const ask = {
      groups: '$(holdfast complete-names groups 2>/dev/null)',
      nodes: '$(holdfast complete-names nodes 2>/dev/null)',
      both: '$(holdfast complete-names all 2>/dev/null)',
      files: '$(compgen -f -- "$word")',
      none: '',
    }[names];
    return `    "${words}"*) candidates="${all} ${ask}" ;;`;
  });
  const nested = Map.groupBy(
    entries.map(({ words }) => words.split(' ')).filter((words) => words.length > 1),
    ([head = '']) => head,
  );
  const families = [...nested].map(
    ([head, all]) => `    "${head} ") candidates="${all.map(([, second]) => second).join(' ')}" ;;`,
  );
  return `_holdfast() {
  local word="\${COMP_WORDS[COMP_CWORD]}" candidates="" line
  line="\${COMP_WORDS[*]:1:COMP_CWORD-1} "
  case "$line" in
    " ") candidates="${first} ${globals.join(' ')}" ;;
${[...families, ...cases].join('\n')}
  esac
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    --group) candidates="$(holdfast complete-names groups 2>/dev/null)" ;;
    --node) candidates="$(holdfast complete-names nodes 2>/dev/null)" ;;
    --config|--socket|--svg|--data-directory) candidates="$(compgen -f -- "$word")" ;;
  esac
  COMPREPLY=($(compgen -W "$candidates" -- "$word"))
}
complete -o default -F _holdfast holdfast`;
}

function fish(entries: readonly Entry[], globals: readonly string[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
  const lines = entries.flatMap(({ words, description, options, names }) => {
    const [head = '', second] = words.split(' ');
    const seen = `-n '__fish_seen_subcommand_from ${second ?? head}'`;
    const offer =
      second === undefined
        ? `complete -c holdfast -n __fish_use_subcommand -a ${head} -d ${quoted(description)}`
        : `complete -c holdfast -n '__fish_seen_subcommand_from ${head}' -a ${second} -d ${quoted(description)}`;
    const kind = names === 'both' ? 'all' : names;
    return [
      offer,
      ...options.map((option) => `complete -c holdfast ${seen} -l ${option.slice(2)}`),
      ...(names === 'none'
        ? []
        : names === 'files'
          ? [`complete -c holdfast ${seen} -F`]
          : [`complete -c holdfast ${seen} -a '(holdfast complete-names ${kind} 2>/dev/null)'`]),
    ];
  });
  const heads = [...new Set(entries.map(({ words }) => words.split(' ')[0] ?? ''))];
  const families = heads.filter((head) =>
    entries.some(({ words }) => words.startsWith(`${head} `)),
  );
  return [
    'complete -c holdfast -f',
    ...globals.map((option) => `complete -c holdfast -l ${option.slice(2)}`),
    ...families.map((head) => `complete -c holdfast -n __fish_use_subcommand -a ${head}`),
    ...lines,
  ].join('\n');
}
