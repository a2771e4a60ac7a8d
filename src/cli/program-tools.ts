/** The words of what helps beside the cluster: the dashboard, the codes, the completion, a beginning. */
import { type Command, InvalidArgumentError } from 'commander';
import type { Act } from './command.ts';
import type { InitOptions } from './init.ts';
import type { ProblemsOptions } from './problems.ts';

export function addTools(program: Command, act: Act): void {
  program
    .command('init')
    .description(
      'begin a cluster on this machine: its key and its configuration, by questions or flags',
    )
    .option('--cluster <name>', 'how the cluster is called')
    .option('--node <name>', 'how this node is called')
    .option(
      '--address <interconnect=host:port>',
      'where it listens, once for each interconnect; at least two',
      (one: string, before: readonly string[] = []) => [...before, one],
    )
    .option('--profile <profile>', 'fast (a LAN, real-time scheduling) or safe')
    .option('--data-directory <path>', 'for its key and its log')
    .option('--config <file>', 'written for it (default: holdfast.yaml in its data directory)')
    .action((options: InitOptions) =>
      act(async (context) => {
        const { socket } = program.opts<{ readonly socket?: string }>();
        return (await import('./init.ts')).init(context, options, socket ?? null);
      }),
    );
  program
    .command('dashboard')
    .description('serve a page on 127.0.0.1 that shows the cluster as it is, until interrupted')
    .option('--port <port>', 'where it listens; 0: any free port', portNumber, 0)
    .action((options: { readonly port: number }) =>
      act(async (context) => (await import('./dashboard.ts')).dashboard(context, options)),
    );
  program
    .command('problems')
    .description('what a code means and what to do about it; without a code, all of them')
    .argument('[code]')
    .option('--markdown', 'as a table')
    .action((code: string | undefined, options: ProblemsOptions) =>
      act(async (context) => (await import('./problems.ts')).problems(context, code, options)),
    );
  program
    .command('completion')
    .description('print what a shell needs to complete the commands: bash, zsh or fish')
    .argument('<shell>')
    .action((shell: string) =>
      act(async (context) => {
        return (await import('./completion.ts')).completion(context, program, shell);
      }),
    );
  program
    .command('complete-names', { hidden: true })
    .argument('<kind>')
    .action((kind: string) =>
      act(async (context) => (await import('./completion.ts')).completeNames(context, kind)),
    );
}

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError('expected a port from 0 to 65535');
}
