/**
 * `holdfast`: the command line. It only speaks to the operator socket of this node, except for the
 * commands that need no daemon, and `run`, which starts one.
 */
import { CommanderError } from 'commander';
import { releaseVersion } from '../system/release.ts';
import { problemOf } from './command.ts';
import { EXIT, type ExitCode, exitCodeOf } from './exit-codes.ts';
import type { LoadDaemon } from './local.ts';
import { createProgram } from './program.ts';
import { renderError } from './render-faults.ts';
import { terminalOf } from './terminal.ts';

/** Runs one command and sets the exit status; see exit-codes.ts. `daemon` is loaded by `run` alone. */
export async function runCommandLine(argv: readonly string[], daemon: LoadDaemon): Promise<void> {
  // A reader that has seen enough (`| head`) is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.internal);
  });
  const ended = (code: ExitCode): void => {
    process.exitCode = code;
  };
  try {
    await createProgram(releaseVersion(), ended, daemon).parseAsync(argv, { from: 'user' });
  } catch (error) {
    ended(report(error, argv));
  }
}

function report(error: unknown, argv: readonly string[]): ExitCode {
  // Commander has printed its own words already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(problemOf(error))}\n`);
  else {
    const plain = argv.includes('--no-color') ? { NO_COLOR: '1' } : {};
    const lines = renderError(terminalOf(process.stderr, { ...process.env, ...plain }), error);
    process.stderr.write(`${lines.join('\n')}\n`);
  }
  return exitCodeOf(error);
}
