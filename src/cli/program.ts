/** The words of the command line. What a command does stands beside it and is loaded when it runs. */
import { Command, InvalidArgumentError } from 'commander';
import type { HistoryOptions, TimelineOptions } from './ask.ts';
import { type Act, type Action, contextOf, type GlobalOptions } from './command.ts';
import type { DoctorOptions } from './doctor/doctor.ts';
import type { ExitCode } from './exit-codes.ts';
import { addDepth } from './help.ts';
import type { InviteOptions } from './invite.ts';
import type { JoinOptions } from './join.ts';
import type { LoadDaemon, RunOptions } from './local.ts';
import { addDisk } from './program-disk.ts';
import { addTools } from './program-tools.ts';
import type { RecoverOptions } from './recover.ts';
import type { ReplayOptions } from './replay.ts';

const CURRENT = ['--current', 'ask a majority first; exit status 4 when none answers'] as const;

/** `ended` is told the exit status of the command that ran; `daemon` is what `run` starts. */
export function createProgram(
  version: string,
  ended: (code: ExitCode) => void,
  daemon: LoadDaemon,
): Command {
  const program = new Command('holdfast')
    .description('A high-availability failover cluster: disks, addresses and applications')
    .version(version)
    .option(
      '--socket <path>',
      'socket of the daemon (default: HOLDFAST_SOCKET, or the usual place)',
    )
    .option('--json', 'print one line of JSON')
    .option('--because <words>', 'why you do this; kept in the history with your name')
    .option('--no-color', 'no colour, as with NO_COLOR in the environment')
    .showHelpAfterError('(see `holdfast --help`)')
    .exitOverride();
  const act = async (action: Action): Promise<void> => {
    ended(await action(contextOf(program.opts<GlobalOptions>())));
  };
  addLocal(program, act, daemon);
  addQuestions(program, act);
  addActions(program, act);
  addMembership(program, act);
  addDisk(program, act);
  addTools(program, act);
  addDepth(program);
  return program;
}

function addLocal(program: Command, act: Act, daemon: LoadDaemon): void {
  program
    .command('run')
    .description('run the daemon of this node in the foreground')
    .requiredOption('--config <file>', 'configuration')
    .option('--node <name>', 'which member this is, when one file serves all nodes')
    .option('--data-directory <path>', 'in place of `data-directory:`')
    .option('--log-file <path>', 'in place of stderr')
    .option('--trace <path>', 'write every event there, for replay')
    .option('--sabotage <mechanism...>', 'test only: switch a mechanism off')
    .action(async (options: RunOptions) => {
      const globals = program.opts<GlobalOptions>();
      const { run } = await import('./local.ts');
      await run(contextOf(globals), options, globals.socket, daemon);
    });
  program
    .command('identity')
    .description("make this node's key if there is none, and print its peer id")
    .requiredOption('--data-directory <path>', 'data directory of this node')
    .action(({ dataDirectory }: { readonly dataDirectory: string }) =>
      act(async (context) => (await import('./local.ts')).identity(context, dataDirectory)),
    );
  program
    .command('replay')
    .description('step through a trace: of a daemon (`run --trace`), or of the simulation')
    .argument('<file>')
    .option('--all', 'also heartbeats, appends, and what else comes all the time')
    .option('--node <name>', 'only this node')
    .option('--from <ms>', 'begin there', Number)
    .action((file: string, options: ReplayOptions) =>
      act(async (context) => (await import('./replay.ts')).replay(context, file, options)),
    );
  const config = program.command('config').description('configuration files');
  config
    .command('check')
    .description('say everything that is wrong with a file')
    .argument('<file>')
    .option('--node <name>', 'check it for this member')
    .action((file: string, { node }: { readonly node?: string }) =>
      act(async (context) => (await import('./local.ts')).checkFile(context, file, node)),
    );
  config
    .command('schema')
    .description('print the JSON Schema of the file, for editors')
    .action(() => act(async (context) => (await import('./local.ts')).printSchema(context)));
}

function addQuestions(program: Command, act: Act): void {
  const questions = [
    ['status', 'everything at a glance'],
    ['members', 'members and the state of every interconnect'],
    ['groups', 'failover groups: owner, epoch, phase, and why one is not served'],
  ] as const;
  for (const [name, description] of questions) {
    program
      .command(name)
      .description(description)
      .option(...CURRENT)
      .action((options: { readonly current?: boolean }) =>
        act(async (context) => (await import('./ask.ts'))[name](context, options)),
      );
  }
  program
    .command('why')
    .description('why a group is where it is, or a node what it is: from committed evidence')
    .argument('<group-or-node>')
    .action((subject: string) =>
      act(async (context) => (await import('./ask.ts')).why(context, subject)),
    );
  program
    .command('doctor')
    .description('look at all that a failover will need on this machine, and say what to do')
    .option('--config <file>', 'also its disks, journals and data directory')
    .option('--node <name>', 'which member this is, when one file serves all nodes')
    .action((options: DoctorOptions) =>
      act(async (context) => (await import('./doctor/doctor.ts')).doctor(context, options)),
    );
  program
    .command('timeline')
    .description('the phases of the newest failovers as bar charts')
    .argument('[group]')
    .option('--last <count>', 'how many', count, 1)
    .option('--svg <file>', 'write the newest one as a picture; - writes it to stdout')
    .action((group: string | undefined, options: TimelineOptions) =>
      act(async (context) => (await import('./ask.ts')).timeline(context, group ?? null, options)),
    );
  program
    .command('history')
    .description('the newest entries of the replicated history')
    .option('--limit <count>', 'how many', count, 50)
    .option('--group <group>', 'only what is about this group')
    .option('--node <node>', 'only what this node did or lost')
    .action((options: HistoryOptions) =>
      act(async (context) => (await import('./ask.ts')).history(context, options)),
    );
  program
    .command('watch')
    .description('print what happens as it happens')
    .option('--after <index>', 'first what the history has after this entry', count)
    .option('--status', 'draw the whole status anew instead')
    .action((options: { readonly after?: number; readonly status?: boolean }) =>
      act(async (context) =>
        options.status === true
          ? await (await import('./live.ts')).live(context)
          : await (await import('./watch.ts')).watch(context, options),
      ),
    );
}

function addActions(program: Command, act: Act): void {
  program
    .command('move')
    .description('hand a group over in order, to a node or to wherever is best')
    .argument('<group>')
    .argument('[node]')
    .action((group: string, node: string | undefined) =>
      act(async (context) => (await import('./act.ts')).move(context, group, node ?? null)),
    );
  const roles = [
    ['leave', 'leaving', 'hand over what a member runs, and remove it from the cluster'],
    ['promote', 'voter', 'let a member vote, as soon as it has the whole log'],
    ['demote', 'learner', 'let a member receive the log without a vote'],
  ] as const;
  for (const [name, role, description] of roles) {
    program
      .command(name)
      .description(description)
      .argument('<node>')
      .option('--force', 'keep the wish though no majority of the voters left is heard')
      .action((node: string, options: { readonly force?: boolean }) =>
        act(async (context) => (await import('./act.ts')).setRole(context, role, node, options)),
      );
  }
  const modes = [
    ['online', 'let a node, a group or the cluster be used again'],
    ['standby', 'hand over what a node, a group or the cluster runs, and start nothing there'],
    ['maintenance', 'leave what runs running, and start, stop or move nothing'],
  ] as const;
  for (const [mode, description] of modes) {
    program
      .command(mode)
      .description(description)
      .argument('[node]')
      .option('--group <group>', 'a group in place of a node')
      .option('--cluster', 'the whole cluster')
      .action((node: string | undefined, options: { group?: string; cluster?: boolean }) =>
        act(async (context) =>
          (await import('./act.ts')).setMode(context, mode, node ?? null, options),
        ),
      );
  }
}

/** Who belongs to the cluster: words of a member, of a newcomer, and of the last survivor. */
function addMembership(program: Command, act: Act): void {
  program
    .command('invite')
    .description('make a token that brings one new node in; or list and take back invitations')
    .option('--node <name>', 'the only name that it is good for')
    .option('--learner', 'the new node receives the log and may own groups, but does not vote')
    .option('--expires <duration>', 'how long it is good (default: 1h, at most 168h)')
    .option('--revoke <invitation>', 'take one back, by the peer id that `--list` shows')
    .option('--list', 'show the invitations that are remembered')
    .action((options: InviteOptions) =>
      act(async (context) => (await import('./invite.ts')).invite(context, options)),
    );
  program
    .command('join')
    .description('bring this machine into a cluster, with a token of `holdfast invite`')
    .argument('<token>', 'the line that `holdfast invite` printed; - reads it from stdin')
    .option('--node <name>', 'how this node is called from now on')
    .requiredOption(
      '--address <interconnect=host:port>',
      'where it listens, once for each interconnect',
      (one: string, before: readonly string[] = []) => [...before, one],
    )
    .requiredOption('--data-directory <path>', 'for its key and its log')
    .option('--config <file>', 'written for it (default: holdfast.yaml in its data directory)')
    .action((token: string, options: JoinOptions) =>
      act(async (context) => {
        const { socket } = program.opts<GlobalOptions>();
        return (await import('./join.ts')).join(context, token, options, socket ?? null);
      }),
    );
  program
    .command('recover')
    .description('make one survivor a cluster of its own when the majority is lost for good')
    .requiredOption('--config <file>', 'configuration')
    .option('--node <name>', 'which member this is, when one file serves all nodes')
    .option('--data-directory <path>', 'in place of `data-directory:`')
    .option('--show', 'only say how far the log of this node goes')
    .option('--force', 'do it; the daemon must not run')
    .action((options: RecoverOptions) =>
      act(async (context) => (await import('./recover.ts')).recover(context, options)),
    );
}

const MAX_COUNT = 9_999_999;

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_COUNT) return value;
  throw new InvalidArgumentError(`expected a number from 1 to ${MAX_COUNT}`);
}
