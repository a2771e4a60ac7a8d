/**
 * Runs the contract of `ResourceAgent`, and what is particular to each agent, on real devices, and prints
 * a line of JSON for each: `node resource-agent-runner.ts DIRECTORY`. It changes the network and mounts of its
 * namespaces, so it is started in new ones (`unshare --net --mount`), on the host or in a guest.
 */

import { addressStories } from '../resources/stories/addresses.ts';
import {
  durabilityStories,
  injuryStories,
  refusalStories,
} from '../resources/stories/durability.ts';
import { filesystemStories } from '../resources/stories/filesystems.ts';
import { canFollow, followerStories } from '../resources/stories/followers.ts';
import { labs } from '../resources/stories/labs.ts';
import { DiskStage } from '../resources/support/disk-stage.ts';
import { NetworkStage } from '../resources/support/network-stage.ts';
import { reporting } from './report-line.ts';
import { RESOURCE_AGENT_CONTRACT, reset } from './resource-agent.ts';

const [directory, form] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: resource-agent-runner.ts DIRECTORY [brief]');
/** A guest formats ten times slower than its host: there the stories of many disks are left out. */
const brief = form === 'brief';

const report = reporting();
const network = await NetworkStage.build();
const disks = new DiskStage(directory);
try {
  for (const [name, lab] of Object.entries(labs(disks, directory))) {
    for (const clause of RESOURCE_AGENT_CONTRACT) {
      await report(`${name}: ${clause.name}`, async () => {
        await reset(lab);
        await clause.run(lab);
      });
    }
    await reset(lab);
  }
  const following = canFollow() ? followerStories : [];
  if (following.length === 0)
    process.stderr.write('no two nodes on a switch: no inet family here\n');
  const stories = [
    ...addressStories(network),
    ...following,
    ...filesystemStories(disks),
    ...(brief ? [] : [...durabilityStories(disks), ...injuryStories(disks)]),
    ...(brief ? [] : refusalStories(disks)),
  ];
  for (const { name, run } of stories) {
    await report(name, run);
  }
} finally {
  await network.destroy();
  disks.destroy();
}
// What a failed clause left running must not keep the report waiting.
process.exit(0);
