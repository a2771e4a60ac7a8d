/**
 * The daemon's entry: reads the configuration, starts the node, and ends it in order on SIGTERM or
 * SIGINT. Everything that can be wrong before anything runs is said here, with code and remedy.
 */
import { readFileSync } from 'node:fs';
import { loadConfig } from './config/load.ts';
import { SABOTAGES, type Sabotage } from './config/types.ts';
import { HoldfastError } from './lib/error.ts';
import { startDaemon } from './node/daemon.ts';
import { createLogger } from './observability/logger.ts';
import { createOperatorServer } from './operator/server.ts';
import { enterRealTime } from './system/scheduling.ts';

export type MainOptions = {
  readonly configPath: string;
  /** Which member this is, when one file serves all nodes. */
  readonly node?: string;
  readonly logFile?: string;
  readonly tracePath?: string;
};

/** Resolves when the daemon runs. @throws HoldfastError for everything an operator can mend. */
export async function main(options: MainOptions): Promise<void> {
  const { configPath, node } = options;
  const sabotage = requestedSabotage();
  const config = await loadConfig(configPath, {
    ...(node === undefined ? {} : { node }),
    sabotage,
  });
  const logger = createLogger({
    level: 'info',
    file: options.logFile ?? null,
    identity: { node: config.node, cluster: config.clusterId },
  });
  const crash = (error: unknown): void => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const code = error instanceof HoldfastError ? error.code : 'INTERNAL';
    logger.error('the daemon ends', { code, detail });
    logger.flush();
    // The guardian sees its pipe close and tears down what was served.
    process.exit(70);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  if (sabotage.length > 0) logger.error('SABOTAGED for a test: promises are broken', { sabotage });
  logger.info('scheduling', { ...enterRealTime() });
  const daemon = await startDaemon({
    config,
    logger,
    version: packageVersion(),
    tracePath: options.tracePath ?? null,
    serve: (view) => createOperatorServer({ daemon: view, socketPath: config.socketPath }),
    crash,
  });
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    if (ending) return;
    ending = true;
    logger.info('asked to end', { signal });
    daemon.stop().then(() => process.exit(0), crash);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
}

/** Tests switch a mechanism off (HOLDFAST_SABOTAGE=lease) to see that a checker reports the harm. */
function requestedSabotage(): readonly Sabotage[] {
  const words = (process.env['HOLDFAST_SABOTAGE'] ?? '').split(',').filter((word) => word !== '');
  return words.map((word) => {
    const known = SABOTAGES.find((sabotage) => sabotage === word);
    if (known === undefined) throw new HoldfastError('CONFIG_INVALID', { HOLDFAST_SABOTAGE: word });
    return known;
  });
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
