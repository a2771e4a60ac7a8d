/** The ports of production's driver on one simulated machine. */

import { IdleProof } from '../../src/fencing/idle-proof.ts';
import type { Random } from '../../src/lib/random.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { failure, success } from '../../src/lib/result.ts';
import type { Mesh } from '../../src/mesh/mesh.ts';
import type { Guardian, World } from '../../src/node/world.ts';
import type { ResourceAgent } from '../../src/resources/agent.ts';
import { createDiskAgent } from '../../src/resources/agents/disk.ts';
import { AddressAgent, type AgentOptions, ApplicationAgent, FilesystemAgent } from './agents.ts';
import type { FreezableClock } from './freezable-clock.ts';
import type { Kernel } from './kernel.ts';
import type { Machine } from './machine.ts';
import { Mount } from './mount.ts';
import { SanDevice } from './san-device.ts';

/** Some day: every history begins on it. */
export const EPOCH_MS = 1_800_000_000_000;

export type Parts = {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly clock: FreezableClock;
  readonly mesh: Mesh;
  readonly guardian: Guardian;
  readonly random: Random;
};

export function worldOf(parts: Parts): World {
  const { machine, clock, mesh, guardian, random } = parts;
  const { cluster, name, life } = machine;
  const quiet = (): void => undefined;
  const say = (event: string, facts: object = {}): void => cluster.score.note(name, event, facts);
  let secrets = 0;
  return {
    clock,
    random: seededRandom(random.below(2 ** 31)),
    log: machine.log.open(clock),
    mesh,
    agents: agentsOf(parts),
    guardian,
    logger: { debug: quiet, info: say, warn: say, error: say, flush: quiet },
    secret: () => `${name}-${life}-${++secrets}`,
    wallMs: () => EPOCH_MS + cluster.clock.now(),
    record: (event) => cluster.recorded(machine, event),
    selfFence: (cause) => machine.selfFence(cause),
  };
}

function agentsOf({ machine, kernel, clock, random }: Parts): ReadonlyMap<string, ResourceAgent> {
  const { cluster, name } = machine;
  const { san, sabotage } = cluster;
  const options: AgentOptions = {
    clock,
    kernel,
    illness: () => machine.illness,
    mount: (group, epoch) =>
      new Mount({
        lun: cluster.lun(group),
        host: name,
        kernel: kernel.clock,
        later: (delayMs, action) => kernel.later(delayMs, action),
        san,
        epoch,
      }),
    mounted: (group, mount) => cluster.mounted(machine, group, mount),
    read: (group, mount, records) => cluster.wasRead(group, mount, records),
    acts: (act) => cluster.acted(machine, act),
    shown: (group) => cluster.shown(group),
    sabotage,
  };
  return new Map<string, ResourceAgent>([
    ['disk', diskAgent({ machine, kernel, clock, random })],
    ['filesystem', new FilesystemAgent(options)],
    ['floating-ip', new AddressAgent(options)],
    ['application', new ApplicationAgent(options)],
  ]);
}

/** Production's agent; what is watched is the moment at which a takeover has returned. */
function diskAgent({ machine, kernel, clock, random }: Omit<Parts, 'mesh' | 'guardian'>) {
  const { cluster, name } = machine;
  const { san, sabotage } = cluster;
  const agent = createDiskAgent({
    initiator: name,
    sabotage: {
      fence: sabotage.has('fence'),
      omit: sabotage.has('abort') ? ['abort', 'reset'] : [],
    },
    clock,
    open: async ({ device }) => {
      const lun = cluster.lun(String(device).replace(/^.*#/, ''));
      return new SanDevice({ san, lun, host: name, kernel: clock, random });
    },
    proveIdle: async (device) => {
      const group = (device as SanDevice).lun.name;
      const [mount] = kernel.unwritten(group);
      if (mount === undefined || sabotage.has('idle-proof')) {
        return success(new IdleProof([]));
      }
      return failure({ code: 'DISK_MOUNTED', device: group, users: [`epoch ${mount.epoch}`] });
    },
  });
  const start: ResourceAgent['start'] = async (definition, context) => {
    const outcome = await agent.start(definition, context);
    if (outcome.status === 0) cluster.takenOver(context.group, context.epoch);
    return outcome;
  };
  if (!sabotage.has('defence')) return { ...agent, start };
  return { ...agent, start, watch: () => undefined, monitor: agent.resume };
}
