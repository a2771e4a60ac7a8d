/**
 * A cluster in memory whose members change: operators that invite, promote and send away, and a
 * client that writes all the time and remembers what was acknowledged.
 *
 * The client's register is the revision of a group that nobody owns: each write names the revision
 * that it expects. So a write that was acknowledged and is lost shows at the very next write.
 */
import type { Applied } from '../../src/cluster/apply.ts';
import type { Command, MemberRole } from '../../src/cluster/command.ts';
import type { ClusterState } from '../../src/cluster/state.ts';
import type { Host } from './host.ts';
import { MemoryCluster, type MemoryClusterOptions } from './memory-cluster.ts';

const REGISTER = 'register';
const LIMIT_MS = 30_000;
const COMMAND_MS = 2_000;
/** What an earlier attempt has done already, although nobody heard of it. */
const DONE_BEFORE: readonly string[] = ['INVITATION_EXISTS', 'MEMBER_EXISTS', 'UNKNOWN_NODE'];

export class MembershipCluster extends MemoryCluster {
  constructor(options: MemoryClusterOptions) {
    super({ seed: 1, ...options });
  }

  /** What the leader has applied; what any daemon has while there is no leader. */
  get state(): ClusterState {
    const host = this.leader() ?? this.hosts.find((one) => one.running);
    if (host === undefined) throw new Error('nobody runs');
    return host.driver.replica.state;
  }

  /** Asks on the first daemon that runs and is a member, as an operator would, until it is done. */
  async command(command: Command): Promise<void> {
    let answer: Applied | null = null;
    let asked = false;
    let attempts = 0;
    const answered = await this.clock.until(() => {
      if (answer !== null) return true;
      if (!asked) {
        asked = this.#submit(command, (outcome) => {
          answer = outcome;
          asked = false;
        });
        attempts += asked ? 1 : 0;
      }
      return false;
    }, LIMIT_MS);
    const outcome = answer as Applied | null;
    const done =
      outcome !== null && (outcome.ok || (attempts > 1 && DONE_BEFORE.includes(outcome.code)));
    if (!answered || !done) throw new Error(`${command.kind}: ${JSON.stringify(outcome)}`);
  }

  setRole(node: string, role: MemberRole): Promise<void> {
    return this.command({ kind: 'set-role', node, role, by: 'operator' });
  }

  /** Invites the machine, admits it, and starts its daemon. */
  async join(node: string, role: 'voter' | 'learner'): Promise<void> {
    const peerId = `key-${node}`;
    const by = 'operator';
    await this.command({ kind: 'invite', peerId, node, role, expiresAtMs: 4e12, by });
    const member = this.memberOf(node);
    await this.command({ kind: 'admit-member', member, invitation: peerId });
    this.host(node).start();
  }

  /** The committed, simple configuration of the leader as words, or null while it changes. */
  settled(): string | null {
    const leader = this.leader();
    if (leader === null) return null;
    const { configuration, configurationIndex, commitIndex } = leader.driver.raft.core.status();
    const { voters, outgoing, learners } = configuration;
    if (configurationIndex > commitIndex || outgoing.length > 0) return null;
    return [...voters].sort().join(' ') + learners.map((node) => ` (${node})`).join('');
  }

  /** Waits until the leader's configuration is exactly this: voters, and learners in brackets. */
  async becomes(configuration: string, limitMs = LIMIT_MS): Promise<void> {
    const done = await this.clock.until(() => this.settled() === configuration, limitMs);
    if (done) return;
    const last = this.log.slice(-60).join('\n');
    throw new Error(`${this.settled()} and not ${configuration}\n${last}`);
  }

  /** Answers whether there was anybody to ask. */
  #submit(command: Command, settled: (outcome: Applied | null) => void): boolean {
    const via = this.#member();
    if (via === undefined) return false;
    const deadlineMs = this.clock.now() + COMMAND_MS;
    let told = false;
    const tell = (outcome: Applied | null): void => {
      if (!told) settled(outcome);
      told = true;
    };
    via.driver.request('operator', () => via.driver.submit(command, deadlineMs, tell));
    // A daemon that dies meanwhile answers nobody.
    this.clock.schedule(COMMAND_MS + 100, () => tell(null));
    return true;
  }

  #member(): Host | undefined {
    return this.hosts.find((host) => host.awake && !host.driver.members.removed);
  }
}

export type Writer = {
  /** Acknowledged writes. */
  readonly acknowledged: number;
  /** What was acknowledged and is not there; null when nothing is lost. */
  readonly lost: string | null;
  stop(): void;
};

/** Begins to write, one write at a time, on one running daemon after the other. */
export async function startWriter(cluster: MembershipCluster): Promise<Writer> {
  await cluster.command(define(0));
  const subject = { kind: 'group', group: REGISTER } as const;
  await cluster.command({ kind: 'set-mode', subject, mode: 'standby', by: 'client' });
  return new RegisterWriter(cluster);
}

function define(expectedRevision: number): Command {
  const definition = { group: REGISTER, resources: [], preferred: [] };
  return { kind: 'define-group', definition, expectedRevision, by: 'client' };
}

class RegisterWriter implements Writer {
  readonly #cluster: MembershipCluster;
  /** The revision after the last acknowledged write. */
  #known = 1;
  /** Writes since then whose fate nobody knows: each may have counted. */
  #unknown = 0;
  #acknowledged = 0;
  #lost: string | null = null;
  #stopped = false;
  #turn = 0;

  constructor(cluster: MembershipCluster) {
    this.#cluster = cluster;
    this.#write(this.#known);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get lost(): string | null {
    const revision = this.#cluster.state.groups[REGISTER]?.revision ?? 0;
    if (this.#lost !== null || revision >= this.#known) return this.#lost;
    return `revision ${revision} after ${this.#known} was acknowledged`;
  }

  stop(): void {
    this.#stopped = true;
  }

  #write(expected: number): void {
    if (this.#stopped) return;
    const awake = this.#cluster.hosts.filter((host) => host.awake && !host.driver.members.removed);
    const via = awake[this.#turn % Math.max(1, awake.length)];
    this.#turn += 1;
    if (via === undefined) this.#later(expected);
    else {
      const { driver } = via;
      const deadlineMs = this.#cluster.clock.now() + COMMAND_MS;
      let answered = false;
      const answer = (outcome: Applied | null): void => {
        if (!answered) this.#answered(expected, outcome);
        answered = true;
      };
      driver.request('write', () => driver.submit(define(expected), deadlineMs, answer));
      // A daemon that dies meanwhile answers nobody.
      this.#cluster.clock.schedule(COMMAND_MS + 100, () => answer(null));
    }
  }

  #answered(expected: number, outcome: Applied | null): void {
    if (outcome === null) {
      this.#unknown += 1;
      this.#later(this.#known);
    } else if (outcome.ok) {
      this.#acknowledged += 1;
      this.#known = expected + 1;
      this.#unknown = 0;
      this.#later(this.#known);
    } else if (outcome.code === 'REVISION_MISMATCH') {
      if (expected < this.#known + this.#unknown) this.#later(expected + 1);
      else this.#lost = `${expected} was acknowledged: ${outcome.detail}`;
    } else this.#later(expected);
  }

  /** A millisecond later, so that the world may go on in between. */
  #later(expected: number): void {
    this.#cluster.clock.schedule(1, () => this.#write(expected));
  }
}
