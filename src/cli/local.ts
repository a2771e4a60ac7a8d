/**
 * The commands that need no daemon: `config check`, `identity`, and `run`, which is one. They load
 * what they need when they are called, so that `status` stays quick.
 */
import type { ConfigOverrides } from '../config/load.ts';
import { HoldfastError } from '../lib/error.ts';
import { type CommandContext, problemOf } from './command.ts';
import { EXIT, type ExitCode, exitCodeOf, startExitCodeOf } from './exit-codes.ts';
import { renderError, renderFaults } from './render-faults.ts';

/** Every fault of the file, and whether a daemon would start with it as far as a file can tell. */
export async function checkFile(
  context: CommandContext,
  file: string,
  node: string | undefined,
): Promise<ExitCode> {
  const { checkConfig } = await import('../config/load.ts');
  const { readConfigText } = await import('../config/source.ts');
  const text = await readConfigText(file);
  const { over, overridesOf } = await import('../config/environment.ts');
  const said = over({ node, anyNode: true }, overridesOf(process.env));
  const { config, faults } = checkConfig(file, text, said);
  const errors = faults.filter((fault) => fault.severity === 'error').length;
  const warnings = faults.length - errors;
  if (context.json) context.printJson({ ok: config !== null, errors, warnings, faults });
  else {
    const members = config?.members.length ?? 0;
    const good = `${file}: good for ${members} members, ${config?.groups.length ?? 0} groups`;
    const bad = `${file}: ${errors} errors, ${warnings} warnings`;
    context.print([...renderFaults(context.terminal, faults), config === null ? bad : good]);
  }
  const [first] = faults.filter((fault) => fault.severity === 'error');
  return first === undefined ? EXIT.ok : exitCodeOf(new HoldfastError(first.code));
}

/** For the editors of `holdfast.yaml`; the repository has it as `config/holdfast.schema.json`. */
export async function printSchema(context: CommandContext): Promise<ExitCode> {
  const { configJsonSchema } = await import('../config/json-schema.ts');
  context.print([JSON.stringify(configJsonSchema(), null, 2)]);
  return EXIT.ok;
}

/** Makes the key of this node where there is none, and prints the peer id that `members:` wants. */
export async function identity(context: CommandContext, dataDirectory: string): Promise<ExitCode> {
  const { loadOrCreateIdentity } = await import('../mesh/identity.ts');
  const { peerId } = await loadOrCreateIdentity(dataDirectory);
  if (context.json) context.printJson({ peerId });
  else context.print([peerId]);
  return EXIT.ok;
}

export type RunOptions = {
  readonly config: string;
  readonly node?: string | undefined;
  readonly dataDirectory?: string | undefined;
  readonly logFile?: string | undefined;
  readonly trace?: string | undefined;
  readonly sabotage?: readonly string[] | undefined;
};

/** What `src/main.ts` is called with; it stands above this layer and is handed in. */
export type DaemonEntry = {
  main(options: {
    readonly configPath: string;
    readonly logFile?: string;
    readonly tracePath?: string;
    readonly overrides: ConfigOverrides;
  }): Promise<void>;
};

export type LoadDaemon = () => Promise<DaemonEntry>;

/**
 * Starts the daemon in this process. Comes back when it runs; it then ends the process itself. What
 * could not start is said on stderr, and the process ends: nothing is left half-way.
 */
export async function run(
  context: CommandContext,
  options: RunOptions,
  socketPath: string | undefined,
  daemon: LoadDaemon,
): Promise<void> {
  try {
    const { SABOTAGES } = await import('../config/types.ts');
    const sabotage = SABOTAGES.filter((each) => options.sabotage?.includes(each));
    if (sabotage.length !== (options.sabotage?.length ?? 0)) {
      throw new HoldfastError('USAGE', { detail: `--sabotage is one of ${SABOTAGES.join(', ')}` });
    }
    const { over, overridesOf } = await import('../config/environment.ts');
    const entry = await daemon();
    const { config: configPath, node, dataDirectory, logFile, trace } = options;
    await entry.main({
      configPath,
      ...(logFile === undefined ? {} : { logFile }),
      ...(trace === undefined ? {} : { tracePath: trace }),
      overrides: over({ node, dataDirectory, socketPath, sabotage }, overridesOf(process.env)),
    });
  } catch (error) {
    if (context.json) context.printJson(problemOf(error));
    else process.stderr.write(`${renderError(context.terminal, error).join('\n')}\n`);
    const usage = error instanceof HoldfastError && error.code === 'USAGE';
    process.exit(usage ? EXIT.usage : startExitCodeOf(error));
  }
}
