/**
 * The daemon's entry: reads the configuration, starts the node, and ends it in order on SIGTERM or
 * SIGINT. Everything that can be wrong before anything runs is said here, with code and remedy.
 */
import { flushCompileCache } from 'node:module';
import { type ConfigOverrides, loadConfig } from './config/load.ts';
import type { NodeConfig } from './config/types.ts';
import { HoldfastError } from './lib/error.ts';
import { createLogger, type Logger } from './observability/logger.ts';
import type { AccessRules } from './operator/access.ts';
import type { Daemon } from './operator/api.ts';
import { Notifier } from './operator/notify/notifier.ts';
import type { Receiver } from './operator/notify/outbox.ts';
import { receiverOf } from './operator/notify/receivers.ts';
import { groupId } from './system/accounts.ts';
import { monotonicClock } from './system/clock.ts';
import { releaseVersion } from './system/release.ts';
import { enterRealTime } from './system/scheduling.ts';
import { Supervisor } from './system/sd-notify.ts';

export type MainOptions = {
  readonly configPath: string;
  /** Which member this is, and whatever else the command line says in place of the file. */
  readonly overrides: ConfigOverrides;
  readonly logFile?: string;
  readonly tracePath?: string;
};

/**
 * Resolves when the daemon runs. What can be wrong with the file is said before the rest is loaded.
 * @throws HoldfastError for everything an operator can mend.
 */
export async function main(options: MainOptions): Promise<void> {
  const supervisor = Supervisor.of(process.env, process.pid);
  const warnings: string[] = [];
  const config = await loadConfig(options.configPath, options.overrides, (fault) =>
    warnings.push(`${fault.code}: ${fault.detail}`),
  );
  const { sabotage, log } = config;
  const logger = createLogger({
    level: log?.level ?? 'info',
    file: options.logFile ?? log?.file ?? null,
    identity: { node: config.node, cluster: config.clusterId },
  });
  for (const warning of warnings) logger.warn('configuration', { warning });
  const lastWords = (event: string, error: unknown): void => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const code = error instanceof HoldfastError ? error.code : 'INTERNAL';
    logger.error(event, { code, detail });
    logger.flush();
  };
  const crash = (error: unknown): void => {
    lastWords('the daemon ends', error);
    // The guardian sees its pipe close and tears down what was served.
    process.exit(70);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  if (sabotage.length > 0) logger.error('SABOTAGED for a test: promises are broken', { sabotage });
  logger.info('scheduling', { ...enterRealTime() });
  const { startDaemon } = await import('./node/daemon.ts');
  const { createOperatorServer } = await import('./operator/server.ts');
  const version = releaseVersion();
  const access = accessRules(config);
  const receivers = (config.notifications ?? []).map(receiverOf);
  const daemon = await startDaemon({
    config,
    logger,
    version,
    tracePath: options.tracePath ?? log?.trace ?? null,
    serve: (view) => {
      const server = createOperatorServer({
        daemon: view,
        socketPath: config.socketPath,
        version,
        access,
        failed: (error) => logger.error('the operator socket', { error: String(error) }),
      });
      const notifier = notifierOf(config, receivers, { view, logger });
      return {
        start: async () => {
          notifier.start((await view.status({ current: false })).data.leader);
          await server.start();
        },
        stop: async () => {
          await server.stop();
          notifier.stop();
        },
      };
    },
    supervisor,
    crash,
  }).catch((error: unknown) => {
    lastWords('the daemon does not start', error);
    throw error;
  });
  // With NODE_COMPILE_CACHE the next start is quicker, also when this process is killed one day.
  flushCompileCache();
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

function notifierOf(
  { clusterId: cluster, node }: NodeConfig,
  receivers: readonly Receiver[],
  { view, logger }: { readonly view: Daemon; readonly logger: Logger },
): Notifier {
  return new Notifier({
    cluster,
    node,
    receivers,
    clock: monotonicClock,
    subscribe: (listener) => view.subscribe(listener),
    failed: (receiver, { text }, error) =>
      logger.error('a notification was given up', { receiver, text, error: String(error) }),
  });
}

/** @throws HoldfastError OPERATOR_GROUP_UNKNOWN */
function accessRules({ operators }: NodeConfig): AccessRules {
  const numberOf = (group: string | null | undefined): number | null => {
    if (group === null || group === undefined) return null;
    const id = groupId(group);
    if (id === null) throw new HoldfastError('OPERATOR_GROUP_UNKNOWN', { group });
    return id;
  };
  return {
    adminGroup: numberOf(operators?.adminGroup),
    readOnlyGroup: numberOf(operators?.readOnlyGroup),
  };
}
