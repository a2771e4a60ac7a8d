/**
 * Operators who change the members at the worst moments: machines join, voters are demoted, promoted
 * and sent away, while everything else goes wrong too. None of them looks whether it is wise.
 */
import type { Command, MemberRole } from '../../src/cluster/command.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Host } from './host.ts';
import type { MemoryCluster } from './memory-cluster.ts';

const LIMIT_MS = 1_000;
const ROLES: readonly MemberRole[] = ['voter', 'voter', 'learner', 'leaving'];

export class MemberOperator {
  readonly #cluster: MemoryCluster;
  readonly #random: Random;
  #keys = 0;

  constructor(cluster: MemoryCluster, random: Random) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** A machine that is no member yet, or was one, is invited and admitted, and its daemon started. */
  join(): string {
    const via = this.#via();
    if (via === null) return 'nobody to ask';
    const { usedNames } = via.driver.replica.state;
    const strangers = this.#cluster.hosts.filter(({ name }) => !usedNames.includes(name));
    const guest = this.#oneOf(strangers.length > 0 ? strangers : this.#cluster.hosts);
    this.#keys += 1;
    const peerId = `key-${this.#keys}`;
    const role = this.#random.below(3) === 0 ? 'learner' : 'voter';
    const member = this.#cluster.memberOf(guest.name);
    const by = 'nemesis';
    this.#submit(via, { kind: 'invite', peerId, node: null, role, expiresAtMs: 4e12, by });
    this.#submit(via, { kind: 'admit-member', member, invitation: peerId });
    guest.start();
    return `${guest.name} as ${role}, asked on ${via.name}`;
  }

  setRole(): string {
    const via = this.#via();
    if (via === null) return 'nobody to ask';
    const { name: node } = this.#oneOf(this.#cluster.hosts);
    const role = this.#oneOf(ROLES);
    this.#submit(via, { kind: 'set-role', node, role, by: 'nemesis' });
    return `${node} to ${role}, asked on ${via.name}`;
  }

  #submit({ driver }: Host, command: Command): void {
    const deadlineMs = this.#cluster.clock.now() + LIMIT_MS;
    driver.request('operator', () => driver.submit(command, deadlineMs));
  }

  #via(): Host | null {
    const awake = this.#cluster.hosts.filter((host) => host.awake);
    return awake.length === 0 ? null : this.#oneOf(awake);
  }

  #oneOf<T>(all: readonly T[]): T {
    const one = all[this.#random.below(all.length)];
    if (one === undefined) throw new Error('nothing to choose from');
    return one;
  }
}

/**
 * What is not yet as the operators want it, in words; null: Raft's configuration is committed, simple
 * and exactly what the committed roles say, and whoever was leaving is gone.
 */
export function unsettled(cluster: MemoryCluster): string | null {
  const leader = cluster.leader();
  if (leader === null) return 'nobody leads';
  const { configuration, configurationIndex, commitIndex } = leader.driver.raft.core.status();
  const { voters, outgoing, learners } = configuration;
  if (configurationIndex > commitIndex || outgoing.length > 0) return 'a change is under way';
  const members = Object.values(leader.driver.replica.state.members);
  const wanted = (role: MemberRole): string =>
    members
      .filter((one) => one.role === role)
      .map((one) => one.member.node)
      .sort()
      .join(' ');
  const is = `voters ${[...voters].sort().join(' ')}; learners ${[...learners].sort().join(' ')}`;
  const want = `voters ${wanted('voter')}; learners ${wanted('learner')}`;
  if (is !== want) return `${is}, and not ${want}`;
  return wanted('leaving') === '' ? null : `${wanted('leaving')} did not go`;
}
