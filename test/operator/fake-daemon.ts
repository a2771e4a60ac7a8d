/**
 * A daemon that is all answers and no cluster: the test double of the port `Daemon`. It remembers
 * what it was asked, and can be told to be stale, to refuse, or never to answer.
 */
import { changesFor } from '../../src/cluster/wanted.ts';
import { type Basis, whatIf } from '../../src/failover/what-if.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import type {
  Answer,
  ClusterEvent,
  ClusterStatus,
  Daemon,
  GroupStatus,
  InvitationStatus,
  MemberStatus,
  Timeline,
} from '../../src/operator/api.ts';
import { serving } from '../cluster/a-cluster.ts';
import { alive, Leader, runs, TIMES } from '../failover/a-plan.ts';
import { HISTORY, TIMELINE } from './fake-history.ts';

export type Asked = readonly [string, ...unknown[]];

const member = (
  node: string,
  number: number,
  change: Partial<MemberStatus> = {},
): MemberStatus => ({
  node,
  number,
  peerId: `12D3KooW${node}`,
  addresses: { 'lan-a': `10.1.0.${number}:7400`, 'lan-b': `10.2.0.${number}:7400` },
  mode: 'online',
  role: 'voter',
  raft: 'voter',
  lag: null,
  waits: '',
  self: false,
  leader: false,
  state: 'alive',
  links: [
    { interconnect: 'lan-a', state: 'alive', silentMs: 12 },
    { interconnect: 'lan-b', state: 'alive', silentMs: 9 },
  ],
  ...change,
});

const group: GroupStatus = {
  group: 'ledger',
  mode: 'online',
  phase: 'serving',
  owner: 'node2',
  epoch: 6,
  previousOwner: 'node1',
  reason: 'failover',
  why: '',
  local: { state: 'stopped', epoch: 0, leaseRemainingMs: null, resources: [] },
  failures: [],
  fitness: [
    { node: 'node2', fit: true, code: null },
    { node: 'node3', fit: true, code: null },
  ],
};

export const QUORATE: ClusterStatus = {
  node: 'node3',
  version: '0.1.0',
  incarnation: 42,
  quorate: true,
  why: '',
  leader: 'node2',
  role: 'follower',
  term: 7,
  commitIndex: 1042,
  logStalled: false,
  mode: 'online',
  members: [
    member('node1', 1, {
      state: 'dead',
      links: [
        { interconnect: 'lan-a', state: 'dead', silentMs: 83_000 },
        { interconnect: 'lan-b', state: 'dead', silentMs: 83_012 },
      ],
    }),
    member('node2', 2, { leader: true }),
    member('node3', 3, { self: true, links: [] }),
  ],
  groups: [group],
};

/** Two of three nodes are gone. */
export const INQUORATE: ClusterStatus = {
  ...QUORATE,
  quorate: false,
  why: 'only 1 of 3 voters is heard; 2 are needed',
  leader: null,
  role: 'pre-candidate',
  members: QUORATE.members.map((each) =>
    each.self
      ? each
      : {
          ...each,
          leader: false,
          state: 'dead',
          links: [
            { interconnect: 'lan-a', state: 'dead', silentMs: 4_200 },
            { interconnect: 'lan-b', state: 'dead', silentMs: null },
          ],
        },
  ),
  groups: [
    {
      ...group,
      why: 'node2 owns it and is not heard; without a majority no other node may take it',
      fitness: [{ node: 'node3', fit: false, code: 'IDENTITY_MISMATCH' }],
      failures: [{ epoch: 5, node: 'node3', code: 'FOREIGN_RESERVATION', detail: 'key 0x99' }],
    },
  ],
};

export const TOKEN = 'hf1.AAAA';
export const INVITATION: InvitationStatus = {
  peerId: '12D3KooWKz233y1CGbsaU8Mpjus92eA4kqrCJdRoBZ7xkmD9ZuTn',
  node: null,
  role: 'voter',
  expiresAtMs: 1_800_000_000_000,
  by: 'root',
  usedBy: null,
};

/** Three nodes; n1 serves `web`, the others could take it. */
function servedBasis(): Basis {
  const fit = alive({ fit: ['web'] });
  const seen = { n1: alive(runs(1)), n2: fit, n3: fit };
  const { view } = new Leader(serving, seen).input();
  return { state: serving, view, times: TIMES, wallMs: null };
}

export class FakeDaemon implements Daemon {
  readonly asked: Asked[] = [];
  clusterStatus: ClusterStatus = QUORATE;
  stale = false;
  /** A move is over at once: the group is served in the next epoch. */
  servesAfterMove = false;
  /** What `plan` and `apply` are asked about. */
  planBasis: Basis = servedBasis();
  /** Thrown by `move`, `setMode` and `setRole`. */
  refusal: HoldfastError | Error | null = null;
  /** Nothing is ever answered. */
  mute = false;
  readonly #listeners = new Set<(event: ClusterEvent) => void>();

  status(options: { readonly current: boolean }): Promise<Answer<ClusterStatus>> {
    this.asked.push(['status', options]);
    return this.#answer(this.clusterStatus);
  }

  timelines(options: { readonly group: string | null }): Promise<Answer<readonly Timeline[]>> {
    this.asked.push(['timelines', options]);
    if (options.group === 'ghost') throw new HoldfastError('UNKNOWN_GROUP', { group: 'ghost' });
    return this.#answer([TIMELINE]);
  }

  history(options: { readonly limit: number }): Promise<Answer<typeof HISTORY>> {
    this.asked.push(['history', options]);
    return this.#answer(HISTORY.slice(-options.limit));
  }

  async move(request: Parameters<Daemon['move']>[0], by: string): ReturnType<Daemon['move']> {
    this.asked.push(['move', request, by]);
    if (this.refusal !== null) throw this.refusal;
    if (this.servesAfterMove) {
      const groups = this.clusterStatus.groups.map((one) => ({ ...one, epoch: one.epoch + 1 }));
      this.clusterStatus = { ...this.clusterStatus, groups };
    }
    return await this.#answer({ group: request.group, from: 'node2', to: request.to });
  }

  unmove(group: string, by: string): Promise<Answer<null>> {
    this.asked.push(['unmove', group, by]);
    return this.#answer(null);
  }

  basis(): ReturnType<Daemon['basis']> {
    this.asked.push(['basis']);
    return this.#answer(this.planBasis);
  }

  async plan(texts: readonly string[]): ReturnType<Daemon['plan']> {
    this.asked.push(['plan', texts]);
    const result = whatIf(this.planBasis, texts);
    if (!result.ok) throw new HoldfastError(result.error.code, { detail: result.error.detail });
    return await this.#answer(result.value);
  }

  async apply(request: Parameters<Daemon['apply']>[0], by: string): ReturnType<Daemon['apply']> {
    this.asked.push(['apply', request, by]);
    if (this.refusal !== null) throw this.refusal;
    const changes = changesFor(this.planBasis.state, request, by).map(
      ({ command: _, ...change }) => change,
    );
    const stops = changes.filter(({ interrupts }) => interrupts).map(({ name }) => name);
    if (stops.length > 0 && !request.yes && !request.dryRun) {
      throw new HoldfastError('WOULD_INTERRUPT', { groups: stops, changes });
    }
    return await this.#answer({ changes, done: !request.dryRun });
  }

  rollback(...[request, by]: Parameters<Daemon['rollback']>): ReturnType<Daemon['rollback']> {
    this.asked.push(['rollback', request, by]);
    return this.#answer({ changes: [], done: !request.dryRun });
  }

  async setMode(...[subject, mode, by]: Parameters<Daemon['setMode']>): Promise<Answer<null>> {
    this.asked.push(['setMode', subject, mode, by]);
    if (this.refusal !== null) throw this.refusal;
    return await this.#answer(null);
  }

  async setRole(...[request, by]: Parameters<Daemon['setRole']>): ReturnType<Daemon['setRole']> {
    this.asked.push(['setRole', request, by]);
    if (this.refusal !== null) throw this.refusal;
    return await this.#answer({ node: request.node, from: 'voter', to: request.role });
  }

  async invite(...[request, by]: Parameters<Daemon['invite']>): ReturnType<Daemon['invite']> {
    this.asked.push(['invite', request, by]);
    if (this.refusal !== null) throw this.refusal;
    const { node, role, lifetimeMs } = request;
    return await this.#answer({
      ...INVITATION,
      node,
      role,
      by,
      expiresAtMs: lifetimeMs,
      token: TOKEN,
    });
  }

  invitations(): ReturnType<Daemon['invitations']> {
    this.asked.push(['invitations']);
    return this.#answer([INVITATION, { ...INVITATION, node: 'node5', usedBy: 'node5' }]);
  }

  async revokeInvitation(peerId: string, by: string): Promise<Answer<null>> {
    this.asked.push(['revokeInvitation', peerId, by]);
    if (this.refusal !== null) throw this.refusal;
    return await this.#answer(null);
  }

  metrics(): Promise<string> {
    return Promise.resolve('holdfast_raft_term 7\n');
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  emit(event: ClusterEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #answer<T>(data: T): Promise<Answer<T>> {
    if (this.mute) return new Promise(() => undefined);
    return Promise.resolve({
      clusterId: 'lab',
      answeredBy: 'node3',
      stale: this.stale,
      appliedIndex: 1042,
      data,
    });
  }
}
