/**
 * Puts a daemon together out of real parts and starts it in written order: data before network,
 * guardian before anything that it guards, the operator's socket last. Stopping is the reverse; the
 * groups are stopped in order first, so that another node takes them over without waiting.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Member } from '../cluster/definition.ts';
import type { NodeConfig } from '../config/types.ts';
import { known } from '../lib/assert.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { seededRandom } from '../lib/random.ts';
import { loadIdentity } from '../mesh/identity.ts';
import { encodeToken } from '../mesh/join-token.ts';
import { Libp2pMesh } from '../mesh/libp2p-mesh.ts';
import type { Logger } from '../observability/logger.ts';
import { createMetrics } from '../observability/metrics.ts';
import { openTrace } from '../observability/trace.ts';
import { isVoter } from '../raft/configuration.ts';
import { noteFirstStart, refuseForgottenLog } from '../storage/first-start.ts';
import { LevelLogStore } from '../storage/level-log-store.ts';
import { monotonicClock, wallMs } from '../system/clock.ts';
import { isLoaded } from '../system/pressure.ts';
import type { Supervisor } from '../system/sd-notify.ts';
import { productionAgents } from './agents.ts';
import { Driver } from './driver.ts';
import { UdpEvidenceListener } from './evidence-listener.ts';
import { GuardianClient } from './guardian-client.ts';
import { JoinDesk } from './join-desk.ts';
import { Lifecycle } from './lifecycle.ts';
import { observe, observeEvent } from './observe.ts';
import { OperatorView } from './operator-view.ts';
import { checkFormats } from './replica.ts';
import { selfFence } from './self-fence.ts';
import { SignsOfLife } from './signs-of-life.ts';
import { serviceSummary } from './status.ts';
import type { World } from './world.ts';

export type DaemonOptions = {
  readonly config: NodeConfig;
  readonly logger: Logger;
  readonly version: string;
  /** Writes every event of the driver, for replay; null: no trace. */
  readonly tracePath: string | null;
  /** Starts what answers operators; given by the layer above. */
  readonly serve: (view: OperatorView) => {
    readonly start: () => Promise<void>;
    readonly stop: () => Promise<void>;
  };
  /** Whoever started the daemon and watches it; null: nobody does. */
  readonly supervisor: Supervisor | null;
  /** The daemon cannot go on. */
  readonly crash: (error: unknown) => void;
};

export type RunningDaemon = { readonly stop: () => Promise<void> };

/** Largest incarnation + 1: fits exactly into a double. */
const INCARNATIONS = 2 ** 47;
/** Shorter than a newcomer waits, so that it hears that there is no majority. */
const JOIN_LIMIT_MS: Millis = 8_000;
const LEAVE_LIMIT_MS: Millis = 60_000;
const LEAVE_POLL_MS: Millis = 20;

export async function startDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const { config, logger, version } = options;
  const incarnation = randomInt(1, INCARNATIONS);
  const self = selfOf(config);
  const identity = await loadIdentity(config.dataDirectory);
  if (identity.peerId !== self.peerId) {
    throw new HoldfastError('IDENTITY_MISMATCH', {
      node: self.node,
      configured: self.peerId,
      found: identity.peerId,
    });
  }
  const directory = join(config.dataDirectory, 'log');
  const { clusterId, interconnects, node } = config;
  await refuseForgottenLog(config.dataDirectory, directory);
  const log = await LevelLogStore.open({ directory, clusterId, node });
  const lifecycle = new Lifecycle(logger);
  await lifecycle.start([{ name: 'log', start: () => undefined, stop: () => log.close() }]);
  await noteFirstStart(config.dataDirectory);
  const trace = options.tracePath === null ? null : await openTrace({ path: options.tracePath });
  const agents = await productionAgents(config, logger);
  const late: { view: OperatorView | null; desk: JoinDesk | null } = { view: null, desk: null };
  const mesh = new Libp2pMesh({
    clusterId,
    self,
    incarnation,
    identity,
    interconnects,
    leaseMs: config.times.leaseMs,
    redialMs: config.times.heartbeatMs * 2,
    connectTimeoutMs: Math.max(1_000, config.times.detectionMs * 2),
    clock: monotonicClock,
    onJoin: (request) => known(late.desk, 'the driver runs before the mesh').answer(request),
  });
  const { watchdog } = config;
  const guardian = new GuardianClient({ clock: monotonicClock, logger, clusterId, watchdog });
  const metrics = createMetrics({ build: { version, node, cluster: clusterId } });
  const world: World = {
    clock: monotonicClock,
    wallMs,
    random: seededRandom(randomInt(2 ** 31)),
    log,
    mesh,
    agents,
    guardian,
    logger,
    isLoaded,
    secret: () => randomBytes(32).toString('hex'),
    record: (event) => {
      observeEvent(event, metrics);
      trace?.record({ atMs: monotonicClock.now(), node: config.node, event });
    },
    selfFence: (cause) => selfFence(cause, logger),
  };
  const restored = await log.load();
  checkFormats(restored);
  const driver = new Driver({
    config,
    world,
    incarnation,
    restored,
    news: (news) => {
      observe(news, metrics, logger);
      late.view?.news(news);
    },
    crash: options.crash,
  });
  const view = new OperatorView({
    driver,
    metrics,
    version,
    incarnation,
    now: () => monotonicClock.now(),
    wallMs,
    issueToken: (token) => encodeToken(token, identity),
  });
  late.view = view;
  late.desk = joinDesk(config, driver);
  const evidence = new UdpEvidenceListener(Object.values(self.addresses));
  const operator = options.serve(view);
  const life = new SignsOfLife({
    supervisor: options.supervisor,
    clock: monotonicClock,
    inLoop: (run) => driver.request('sign of life', run),
    summary: () => serviceSummary(driver),
  });
  logger.info('starting', { node, clusterId, host: hostname(), incarnation, version });
  await lifecycle.start([
    {
      name: 'guardian',
      start: () => guardian.start((message) => driver.post({ kind: 'guardian', message })),
      stop: () => guardian.stop(),
    },
    {
      name: 'evidence',
      start: () => evidence.start((word) => driver.post({ kind: 'evidence', evidence: word })),
      stop: () => evidence.stop(),
    },
    // The driver listens to the mesh before the mesh can say anything.
    { name: 'driver', start: () => driver.start(), stop: () => driver.stop() },
    { name: 'signs of life', start: () => life.start(), stop: () => life.stop() },
    { name: 'mesh', start: () => mesh.start(), stop: () => mesh.stop() },
    { name: 'groups', start: () => undefined, stop: () => leave(driver, logger) },
    { name: 'operator', start: () => operator.start(), stop: () => operator.stop() },
    { name: 'service manager', start: () => life.ready(), stop: () => life.stopping() },
  ]);
  logger.info('running', { node });
  return {
    stop: async () => {
      await lifecycle.stop();
      await trace?.close();
      logger.flush();
    },
  };
}

function joinDesk(config: NodeConfig, driver: Driver): JoinDesk {
  return new JoinDesk({
    config,
    state: () => driver.replica.state,
    wallMs,
    votes: (node) => isVoter(driver.raft.core.status().configuration, node),
    inLoop: (run) => driver.request('join', run),
    submit: (command, settled) =>
      driver.submit(command, monotonicClock.now() + JOIN_LIMIT_MS, settled),
  });
}

/** Stops the groups in order and says so to the cluster; bounded, since there may be no cluster. */
async function leave(driver: Driver, logger: Logger): Promise<void> {
  driver.request('leave', () => driver.groups.leave(monotonicClock.now()));
  const stopped = await until(() => driver.groups.idle, LEAVE_LIMIT_MS);
  if (!stopped) logger.error('groups did not stop in time; the guardian ends them');
  await until(() => driver.quiet, driver.config.times.leaseMs);
}

async function until(holds: () => boolean, limitMs: Millis): Promise<boolean> {
  const endMs = monotonicClock.now() + limitMs;
  const never = new AbortController().signal;
  while (!holds() && monotonicClock.now() < endMs) {
    await monotonicClock.after(LEAVE_POLL_MS, never);
  }
  return holds();
}

function selfOf(config: NodeConfig): Member {
  const self = config.members.find((member) => member.node === config.node);
  if (self === undefined) throw new HoldfastError('NODE_NOT_IN_MEMBERS', { node: config.node });
  return self;
}
