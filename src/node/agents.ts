/** The resource agents of production, with what each of them needs of this node. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeConfig } from '../config/types.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Logger } from '../observability/logger.ts';
import type { ResourceAgent } from '../resources/agent.ts';
import { createDiskAgent, deviceOfDisk } from '../resources/agents/disk.ts';
import { createAgents } from '../resources/registry.ts';
import { monotonicClock } from '../system/clock.ts';
import { PacketFilter } from '../system/packet-filter.ts';

/** Test only, see `openUntil`: long enough to do harm in any scenario. */
const UNGUARDED_MS = 3_600_000;

export async function productionAgents(
  config: NodeConfig,
  logger: Logger,
): Promise<ReadonlyMap<string, ResourceAgent>> {
  const clock = monotonicClock;
  const logDirectory = join(config.dataDirectory, 'output');
  await mkdir(logDirectory, { recursive: true, mode: 0o750 }).catch((cause: unknown) => {
    const context = { directory: logDirectory, detail: String(cause) };
    throw new HoldfastError('DATA_DIRECTORY_UNUSABLE', context, { cause });
  });
  return createAgents({
    clock,
    filter: new PacketFilter({ clusterId: config.clusterId, clock }),
    logDirectory,
    log: (line) => logger.info('resource', { line }),
    // Sabotage: nobody holds the filter to the lease, so an address stays open for what it cannot see.
    ...(config.sabotage.includes('guardian')
      ? { openUntil: () => clock.now() + UNGUARDED_MS }
      : {}),
    disk: createDiskAgent({
      initiator: config.node,
      sabotage: { fence: config.sabotage.includes('fence') },
      clock,
    }),
    deviceOf: (disk) => deviceOfDisk(disk),
  });
}
