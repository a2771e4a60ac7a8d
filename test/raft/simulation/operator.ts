/**
 * An operator who changes the membership at bad moments: it adds, promotes, demotes, removes and
 * replaces nodes, the leader among them, without asking who is reachable or has caught up.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { membersOf } from '../../../src/raft/configuration.ts';
import type { ChangeTarget, Configuration } from '../../../src/raft/types.ts';
import type { Cluster } from './cluster.ts';

/** What is asked of whoever leads, or, once in a while, of anybody. */
export function operator(cluster: Cluster): void {
  const leaders = cluster.hosts.filter(({ core }) => core?.status().role === 'leader');
  const anybody = leaders.length === 0 || cluster.random.below(8) === 0;
  const host = cluster.pick(anybody ? cluster.hosts : leaders);
  const configuration = host.core?.status().configuration;
  if (configuration !== undefined) cluster.change(host, nextTarget(cluster, configuration));
}

function nextTarget(cluster: Cluster, { voters, learners }: Configuration): ChangeTarget {
  const { random } = cluster;
  const everyone = cluster.hosts.map(({ id }) => id);
  const members = membersOf({ voters, outgoing: [], learners });
  const strangers = everyone.filter((id) => !members.includes(id));
  const pick = (from: readonly NodeId[]): readonly NodeId[] =>
    from.length === 0 ? [] : [cluster.pick(from)];
  const without = (from: readonly NodeId[], gone: readonly NodeId[]): readonly NodeId[] =>
    from.filter((id) => !gone.includes(id));
  switch (random.below(6)) {
    case 0:
      return { voters, learners: [...learners, ...pick(strangers)] };
    case 1: {
      const promoted = pick(learners);
      return { voters: [...voters, ...promoted], learners: without(learners, promoted) };
    }
    case 2: {
      const demoted = pick(voters);
      return { voters: without(voters, demoted), learners: [...learners, ...demoted] };
    }
    case 3: {
      const removed = pick(members);
      return { voters: without(voters, removed), learners: without(learners, removed) };
    }
    case 4: {
      const joining = pick(strangers);
      return { voters: [...without(voters, pick(voters)), ...joining], learners };
    }
    default: {
      const wanted = everyone.filter(() => random.below(2) === 0);
      const some = wanted.filter(() => random.below(4) === 0);
      return { voters: without(wanted, some), learners: some };
    }
  }
}
