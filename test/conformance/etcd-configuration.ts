/**
 * etcd's commands for changing a configuration, asked of our code and answered in etcd's words.
 *
 * A real leader of ours, brought to the configuration that stands, is asked for the change: what it
 * appends or why it refuses is the decision. The mapping:
 *
 *   etcd                              ours
 *   voters incoming && outgoing       `voters`, `outgoing`
 *   learners, learners_next           `learners`; of a joint configuration those that still vote in
 *                                     `outgoing` are etcd's learners_next
 *   enter-joint                       a change of voters: always joint
 *   simple (one voter at most)        the same, and left at once: ours knows no step without a joint one
 *   leave-joint                       the leader does that by itself once the joint one is committed
 *   a list of vN lN rN                a target; the last word on a node counts
 *   "already joint", "in joint"       CHANGE_PENDING
 *
 * Where etcd allows what ours refuses, or keeps what ours does not have, this file answers, and the
 * answer says so in `own`: an empty configuration (ours begins with a bootstrap), a target of which no
 * present voter is part, a change that changes nothing, the limit of one voter in `simple`. The flag
 * `autoleave` (ours always leaves by itself) and `next` of a progress line are always kept here.
 *
 * Reference: etcd-io/raft `confchange/confchange.go`, `confchange/datadriven_test.go`.
 */
import { settled, towards } from '../../src/raft/change.ts';
import { membersOf, votersOf } from '../../src/raft/configuration.ts';
import type { ChangeTarget, Configuration } from '../../src/raft/types.ts';
import { Bench, configuration } from '../raft/bench.ts';
import type { Case } from './datadriven.ts';

export type Answer = {
  readonly lines: readonly string[];
  /** Why this file and not our code decided, or null. */
  readonly own: string | null;
};

/** Ours, or a wrong one that has to be found out. */
export type ChangeCode = { readonly settled: typeof settled; readonly towards: typeof towards };

type Decision =
  | { readonly next: Configuration; readonly own: string | null }
  | { readonly refusal: string; readonly own: string | null };

export class EtcdConfiguration {
  readonly #code: ChangeCode;
  #inForce: Configuration = configuration([]);
  #autoLeave = false;
  /** By member: the entry that it is sent first. etcd takes the last index when it became a member. */
  readonly #next = new Map<string, number>();
  #lastIndex = 0;

  constructor(code: ChangeCode = { settled, towards }) {
    this.#code = code;
  }

  answer(one: Case): Answer {
    const decision = this.#decide(one);
    this.#lastIndex += 1;
    if ('refusal' in decision) return { lines: [decision.refusal], own: decision.own };
    this.#inForce = decision.next;
    const isJoint = decision.next.outgoing.length > 0;
    this.#autoLeave = isJoint && one.arguments.get('autoleave')?.[0] === 'true';
    return { lines: this.#describe(), own: decision.own };
  }

  #decide({ command, input }: Case): Decision {
    const joint = command === 'enter-joint';
    if (command === 'leave-joint') return this.#leave();
    if (command !== 'simple' && !joint) throw new Error(`unknown command ${command}`);
    const target = targetOf(this.#inForce, input.join(' ').split(/\s+/));
    if (this.#inForce.voters.length === 0) return this.#decideFromNothing(target, joint);
    const refused = askLeader(this.#inForce, target);
    if (refused === 'CHANGE_PENDING') {
      const already = "can't apply simple config change in joint config";
      return { refusal: joint ? 'config is already joint' : already, own: null };
    }
    return this.#enter(target, joint, refused);
  }

  /** What the leader appended, or why it did not, compared with `towards`, which it asks. */
  #enter(target: ChangeTarget, joint: boolean, leaders: Configuration | string): Decision {
    const first = this.#code.towards(this.#inForce, target);
    let { next, own } = { next: this.#inForce, own: null as string | null };
    if (first.ok) {
      next = first.value;
      if (JSON.stringify(leaders) !== JSON.stringify(next)) {
        return { refusal: `the leader appends ${JSON.stringify(leaders)}`, own: null };
      }
    } else if (leaders !== first.error.code) {
      return { refusal: `the leader answers ${JSON.stringify(leaders)}`, own: null };
    } else if (first.error.detail === 'nobody would vote') {
      return { refusal: 'removed all voters', own: null };
    } else {
      own = first.error.detail;
      next = { ...target, outgoing: sameVoters(this.#inForce, target) ? [] : this.#inForce.voters };
    }
    if (joint) {
      if (next.outgoing.length === 0) own ??= 'ours is joint only where voters change';
      return { next: { ...next, outgoing: this.#inForce.voters }, own };
    }
    if (changedVoters(this.#inForce, target) > 1) {
      const refusal = 'more than one voter changed without entering joint config';
      return { refusal, own: 'ours changes any number of voters, through a joint configuration' };
    }
    return { next: this.#code.settled(next), own };
  }

  /** Nobody leads a configuration without voters, so nobody can change it. */
  #decideFromNothing(target: ChangeTarget, joint: boolean): Decision {
    const refused = askLeader(this.#inForce, target);
    if (refused !== 'NOT_LEADER') return { refusal: `somebody led: ${refused}`, own: null };
    if (joint) return { refusal: "can't make a zero-voter config joint", own: null };
    if (target.voters.length === 0) return { refusal: 'removed all voters', own: null };
    if (target.voters.length > 1) {
      return { refusal: 'more than one voter changed without entering joint config', own: null };
    }
    return { next: { ...target, outgoing: [] }, own: 'ours begins with a bootstrap' };
  }

  #leave(): Decision {
    const left = letLeave(this.#inForce);
    if (left === null) return { refusal: "can't leave a non-joint config", own: null };
    const next = this.#code.settled(this.#inForce);
    if (JSON.stringify(left) === JSON.stringify(next)) return { next, own: null };
    return { refusal: `the leader appends ${JSON.stringify(left)}`, own: null };
  }

  #describe(): readonly string[] {
    const { voters, outgoing, learners } = this.#inForce;
    const members = membersOf(this.#inForce);
    for (const node of this.#next.keys()) if (!members.includes(node)) this.#next.delete(node);
    for (const node of members) {
      if (!this.#next.has(node)) this.#next.set(node, Math.max(1, this.#lastIndex - 1));
    }
    const waiting = learners.filter((node) => outgoing.includes(node));
    const present = learners.filter((node) => !outgoing.includes(node));
    const parts = [
      `voters=${list(voters)}${outgoing.length > 0 ? `&&${list(outgoing)}` : ''}`,
      ...(present.length > 0 ? [`learners=${list(present)}`] : []),
      ...(waiting.length > 0 ? [`learners_next=${list(waiting)}`] : []),
      ...(this.#autoLeave ? ['autoleave'] : []),
    ];
    const counted = votersOf(this.#inForce);
    const progress = sorted(members).map((node) => {
      const learner = counted.includes(node) ? '' : ' learner';
      return `${node}: StateProbe match=0 next=${this.#next.get(node)}${learner}`;
    });
    return [parts.join(' '), ...progress];
  }
}

/** `vN`: voter, `lN`: learner, `rN`: neither, `uN`: as it is. Node 0 is nobody. */
function targetOf(now: Configuration, words: readonly string[]): ChangeTarget {
  const roles = new Map<string, string>([
    ...now.voters.map((node): [string, string] => [node, 'v']),
    ...now.learners.map((node): [string, string] => [node, 'l']),
  ]);
  for (const word of words.filter((one) => one !== '')) {
    const [, operation, node] = /^([vlru])(\d+)$/.exec(word) ?? [];
    if (operation === undefined || node === undefined) throw new Error(`unknown change ${word}`);
    if (node !== '0' && operation !== 'u') roles.set(node, operation);
  }
  const having = (role: string): readonly string[] =>
    [...roles].filter(([, one]) => one === role).map(([node]) => node);
  return { voters: having('v'), learners: having('l') };
}

/**
 * A leader whose newest entry is the configuration: committed if it is simple, and not yet if it is
 * joint, since a committed joint one would be left at once.
 */
function leaderOf(now: Configuration): Bench {
  const [id = 'nobody'] = now.voters;
  const entry = { index: 1, term: 1, kind: 'configuration', configuration: now } as const;
  const bench = new Bench({ entries: [entry], raft: { id } });
  const others = votersOf(now).filter((node) => node !== id);
  if (now.voters.length === 0) return bench;
  bench.becomeCandidate(others);
  bench.syncOne();
  for (const from of others) {
    bench.receive({ kind: 'vote-reply', from, term: 2, granted: true, quietMs: 0 });
  }
  if (now.outgoing.length === 0) acknowledgeAll(bench, others);
  return bench;
}

function acknowledgeAll(bench: Bench, nodes: readonly string[]): void {
  bench.sync();
  const { lastIndex } = bench.status;
  for (const node of nodes) bench.ack(node, lastIndex);
}

/** What the leader appends when it is asked for `target`, or the code of its refusal. */
function askLeader(now: Configuration, target: ChangeTarget): Configuration | string {
  const bench = leaderOf(now);
  const { rejected } = bench.step({ kind: 'change', proposalId: 1, target });
  return rejected[0]?.code ?? bench.status.configuration;
}

/** What the leader appends by itself when everything is committed, or null. */
function letLeave(now: Configuration): Configuration | null {
  const bench = leaderOf(now);
  acknowledgeAll(
    bench,
    votersOf(now).filter((node) => node !== bench.options.id),
  );
  return bench.status.configurationIndex > 1 ? bench.status.configuration : null;
}

function sameVoters(now: Configuration, target: ChangeTarget): boolean {
  return changedVoters(now, target) === 0;
}

function changedVoters(now: Configuration, target: ChangeTarget): number {
  const gone = now.voters.filter((node) => !target.voters.includes(node));
  const come = target.voters.filter((node) => !now.voters.includes(node));
  return gone.length + come.length;
}

function sorted(nodes: readonly string[]): readonly string[] {
  return [...nodes].sort((a, b) => Number(a) - Number(b));
}

function list(nodes: readonly string[]): string {
  return `(${sorted(nodes).join(' ')})`;
}
