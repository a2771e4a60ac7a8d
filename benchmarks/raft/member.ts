/**
 * One member of ours, as a process: the daemon of production as `startDaemon` puts it together, with a
 * door for puts in the place of the operator's socket. A put is a `set-mode` command whose author is
 * the payload; it goes the way of every operator's command.
 *
 * Told by messages what to do: `node benchmarks/raft/member.ts CONFIG.json`, forked.
 */
import { readFileSync } from 'node:fs';
import type { NodeConfig } from '../../src/config/types.ts';
import { startDaemon } from '../../src/node/daemon.ts';
import type { OperatorView } from '../../src/node/operator-view.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { Measured } from './figures.ts';
import { closedLoop, type Load } from './load.ts';
import { PutDoor } from './put-door.ts';

export type MemberSetup = { readonly config: NodeConfig; readonly door: string };

export type Request =
  | { readonly kind: 'leader' }
  | { readonly kind: 'load'; readonly load: Load }
  | { readonly kind: 'stop' };
export type Reply = {
  readonly leader?: string | null;
  readonly measured?: Measured;
  readonly cpuMs?: number;
};

const setup = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as MemberSetup;
const { config, door } = setup;
const logger = createLogger({ level: 'warn', file: null, identity: { node: config.node } });
const views: OperatorView[] = [];

function view(): OperatorView {
  const [only] = views;
  if (only === undefined) throw new Error('the daemon does not run yet');
  return only;
}

async function put(value: string): Promise<void> {
  await view().setMode({ kind: 'cluster' }, 'online', value);
}

async function leader(): Promise<string | null> {
  const { data } = await view().status({ current: false });
  return data.quorate ? data.leader : null;
}

async function answer(request: Request): Promise<Reply> {
  switch (request.kind) {
    case 'leader':
      return { leader: await leader() };
    case 'load': {
      const cpu = process.cpuUsage();
      const measured = await closedLoop(request.load, put);
      const { user, system } = process.cpuUsage(cpu);
      return { measured, cpuMs: (user + system) / 1000 };
    }
    case 'stop':
      await daemon.stop();
      process.exit(0);
  }
}

function crash(error: unknown): never {
  logger.error('the member ends', { error: String(error) });
  logger.flush();
  process.exit(70);
}

process.on('disconnect', () => process.exit(1));
process.on('unhandledRejection', crash);
const daemon = await startDaemon({
  config,
  logger,
  version: 'benchmark',
  supervisor: null,
  tracePath: null,
  serve: (operatorView) => {
    views.push(operatorView);
    const puts = new PutDoor(put);
    return { start: () => puts.start(door), stop: async () => puts.stop() };
  },
  crash,
});
process.on('message', (request: Request) => {
  answer(request).then((reply) => process.send?.(reply), crash);
});
process.send?.({});
