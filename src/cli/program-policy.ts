/** The words about where groups run: moves and their end, modes, plans, definitions, drills. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ApplyOptions } from './apply.ts';
import type { Act } from './command.ts';
import type { PlanOptions } from './plan.ts';

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: HOUR_MS };

export function addPolicy(program: Command, act: Act): void {
  addMoves(program, act);
  addModes(program, act);
  addDefinitions(program, act);
}

function addMoves(program: Command, act: Act): void {
  program
    .command('move')
    .description('hand a group over in order, to a node or to wherever is best')
    .argument('<group>')
    .argument('[node]')
    .option('--for <duration>', 'how long it is wanted there; 0s: not at all', length, 8 * HOUR_MS)
    .action((group: string, node: string | undefined, options: { readonly for: number }) =>
      act(async (context) =>
        (await import('./act.ts')).move(context, group, node ?? null, options.for),
      ),
    );
  program
    .command('unmove')
    .description('undo what a move has wished: the group is wanted nowhere in particular')
    .argument('<group>')
    .action((group: string) =>
      act(async (context) => (await import('./act.ts')).unmove(context, group)),
    );
  program
    .command('drill')
    .description('a planned failover, watched to its end and held against its budgets')
    .argument('<group>')
    .argument('[node]')
    .option(
      '--within <duration>',
      'a budget for all of it, in place of the one of the group',
      length,
    )
    .option('--back', 'then back to where it was')
    .option('--timeout <duration>', 'how long it may take at all', length, 300_000)
    .action(
      (
        group: string,
        node: string | undefined,
        options: { readonly within?: number; readonly back?: boolean; readonly timeout: number },
      ) =>
        act(async (context) =>
          (await import('./drill.ts')).drill(context, group, node ?? null, options),
        ),
    );
}

function addModes(program: Command, act: Act): void {
  const modes = [
    ['online', 'let a node, a group or the cluster be used again; what failed there is mended'],
    ['standby', 'hand over what a node, a group or the cluster runs, and start nothing there'],
    ['maintenance', 'leave what runs running, and start, stop, move or monitor nothing'],
    ['unstandby', 'the end of `standby`'],
  ] as const;
  for (const [word, description] of modes) {
    const command = program
      .command(word)
      .description(description)
      .argument('[node]')
      .option('--group <group>', 'a group in place of a node')
      .option('--cluster', 'the whole cluster');
    if (word === 'maintenance' || word === 'online') {
      command.option('--resource <resource>', 'only this resource of the group');
    }
    if (word === 'standby' || word === 'maintenance') command.option('--off', 'the end of it');
    type Options = { group?: string; cluster?: boolean; resource?: string; off?: boolean };
    command.action((node: string | undefined, options: Options) =>
      act(async (context) => {
        const { setMode } = await import('./act.ts');
        const mode = word === 'unstandby' || options.off === true ? 'online' : word;
        return await setMode(context, mode, node ?? null, options);
      }),
    );
  }
  program
    .command('drain')
    .description('standby of a node, and wait until it carries nothing any more')
    .argument('<node>')
    .option('--timeout <duration>', 'how long to wait', length, 300_000)
    .action((node: string, options: { readonly timeout: number }) =>
      act(async (context) => (await import('./act.ts')).drain(context, node, options.timeout)),
    );
}

function addDefinitions(program: Command, act: Act): void {
  program
    .command('plan')
    .description('what would happen, and why; nothing is touched')
    .option(
      '--if <words>',
      '"NODE dies", "NODE returns", "NODE standby", "group GROUP stops", "group GROUP fails", "GROUP moves to NODE"',
      (one: string, before: readonly string[] = []) => [...before, one],
    )
    .option('--save <file>', 'keep what the answer depends on')
    .option('--from <file>', 'answer from what was kept, without a daemon')
    .action((options: PlanOptions) =>
      act(async (context) => (await import('./plan.ts')).plan(context, options)),
    );
  program
    .command('apply')
    .description('make groups what a file says; the difference is shown first')
    .option('-f, --file <file>', '`groups:`, `delete:` and `capacity:`')
    .option('--prune', 'groups that the file does not name are deleted')
    .option('--rollback <group>', 'in place of a file: the definition that a group had before')
    .option('--revision <number>', 'with --rollback: this one', Number)
    .option('--dry-run', 'only show the difference')
    .option('--yes', 'groups that are in use may be stopped for it')
    .action((options: ApplyOptions) =>
      act(async (context) => (await import('./apply.ts')).apply(context, options)),
    );
}

/** `200ms`, `2s`, `1min`, `8h`, in milliseconds; 0s is a length, too. */
function length(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|min|h)$/.exec(text);
  const value = Number(match?.[1] ?? Number.NaN) * (UNITS[match?.[2] ?? ''] ?? Number.NaN);
  if (Number.isFinite(value)) return value;
  throw new InvalidArgumentError('expected a duration such as 200ms, 2s, 1min or 8h');
}
