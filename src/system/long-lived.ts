/**
 * Starts a process that stays: an application that is supervised, or the guardian. It gets a session
 * (and so a process group) of its own, so that a signal to the daemon's group does not reach it, and
 * everything it starts can be found again.
 *
 * It does not restart anything and does not decide when to kill; `process.ts` and `cgroup.ts` do the
 * killing. Short commands go through `run.ts`.
 */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type Ending, type Launched, launch, requireProgram } from './launch.ts';
import type { ProcessMark } from './process.ts';
import { commandEnvironment } from './run.ts';

export type LongLived = {
  readonly mark: ProcessMark;
  /** Resolves when the process has ended; its children may live on. */
  readonly ended: Promise<Ending>;
  /** Null unless the pipes were asked for. */
  readonly pipes: Pipes | null;
  /** Its standard input; null unless it was asked for. */
  readonly input: NodeJS.WritableStream | null;
  /** The daemon may end although this process goes on. */
  unref(): void;
};

export type Pipes = {
  readonly input: NodeJS.WritableStream;
  readonly output: NodeJS.ReadableStream;
  readonly errors: NodeJS.ReadableStream;
};

export type LongLivedOptions = {
  readonly argv: readonly string[];
  /** Added to the daemon's own environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Joined before the program runs, so that nothing it starts is ever outside. */
  readonly cgroup?: string | null;
  /** A file for both outputs, appended to; or pipes to this process, one for its input among them. */
  readonly output:
    | { readonly kind: 'file'; readonly path: string; readonly input?: 'pipe' | 'nothing' }
    | { readonly kind: 'pipes' };
};

/** `$0` is the group's list of processes; the shell enters it and becomes the program. */
const ENTER_CGROUP = 'echo $$ > "$0" && exec "$@"';

/** @throws HoldfastError COMMAND_NOT_FOUND, COMMAND_NOT_STARTED */
export async function startLongLived(options: LongLivedOptions): Promise<LongLived> {
  const { mark, ended, input, output, errors, unref } = await begin(options);
  const all = input !== null && output !== null && errors !== null;
  return { mark, ended, input, pipes: all ? { input, output, errors } : null, unref };
}

async function begin({ argv, ...options }: LongLivedOptions): Promise<Launched> {
  const { cgroup = null, output, directory = null } = options;
  const environment = { ...commandEnvironment(), ...options.environment };
  const wanted = { environment, directory };
  // The shell would be started, and only end with status 127 a moment later.
  if (cgroup !== null) requireProgram({ argv, ...wanted });
  const words =
    cgroup === null ? argv : ['sh', '-c', ENTER_CGROUP, join(cgroup, 'cgroup.procs'), ...argv];
  if (output.kind === 'pipes') {
    return await launch({ argv: words, ...wanted, input: 'pipe', output: 'pipes' });
  }
  const log = openSync(output.path, 'a', 0o640);
  try {
    return await launch({ argv: words, ...wanted, input: output.input ?? 'nothing', output: log });
  } finally {
    closeSync(log);
  }
}
