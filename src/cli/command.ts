/**
 * What every command shares: where the daemon is, how to print, and what the exit status becomes.
 * A command is a function from this context to an exit code; it never ends the process itself.
 */
import { HoldfastError } from '../lib/error.ts';
import type { Answer } from '../operator/api.ts';
import { Client, DEFAULT_SOCKET } from './client.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { type Terminal, terminalOf } from './terminal.ts';

export type GlobalOptions = {
  readonly socket?: string | undefined;
  readonly json?: boolean | undefined;
  readonly because?: string | undefined;
  /** false: `--no-color`. */
  readonly color?: boolean | undefined;
};

export type CommandContext = {
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly client: Client;
  print(lines: readonly string[]): void;
  printJson(value: unknown): void;
  /** How far a long command is, on stderr; the same line is said once. Nothing with `--json`. */
  progress(line: string): void;
};

/** What a command does; its status is that of the process. */
export type Action = (context: CommandContext) => Promise<ExitCode>;
/** Runs an action with what the global options say. */
export type Act = (action: Action) => Promise<void>;

export function contextOf(options: GlobalOptions): CommandContext {
  const json = options.json === true;
  let said = '';
  const socket = options.socket ?? process.env['HOLDFAST_SOCKET'] ?? DEFAULT_SOCKET;
  return {
    json,
    terminal: terminalOf(process.stdout, environmentOf(options)),
    client: new Client(socket, options.because),
    print: (lines) => {
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
    printJson: (value) => {
      process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    progress: (line) => {
      if (json || line === said) return;
      said = line;
      process.stderr.write(`${line}\n`);
    },
  };
}

/** `--no-color` says for one command what NO_COLOR says for all. */
function environmentOf({ color }: GlobalOptions): NodeJS.ProcessEnv {
  return color === false ? { ...process.env, NO_COLOR: '1' } : process.env;
}

/** Prints an answer in the form that was asked for; stale only counts where `current` was asked. */
export function printAnswer<T>(
  context: CommandContext,
  answer: Answer<T>,
  { current, render }: { readonly current: boolean; readonly render: () => readonly string[] },
): ExitCode {
  if (context.json) context.printJson(answer);
  else context.print(render());
  return current && answer.stale ? EXIT.stale : EXIT.ok;
}

/** What `--json` prints when a command fails: the problem, on one line. */
export function problemOf(error: unknown): object {
  const known =
    error instanceof HoldfastError
      ? error
      : new HoldfastError('INTERNAL', { detail: String(error) }, { cause: error });
  return { ok: false, problem: known.toProblem() };
}
