/**
 * The daemon as its operator sees it: implements the port of `operator/api.ts`. Reads are answered
 * from what this node has applied and say so; with `current` a majority is asked first (P8).
 */
import type { Applied } from '../cluster/apply.ts';
import type { Command, Mode } from '../cluster/command.ts';
import { isLevel3, isTooNew } from '../cluster/level.ts';
import { policyOf } from '../cluster/policy.ts';
import { historySince, membersInOrder } from '../cluster/queries.ts';
import type { HistoryEntry } from '../cluster/state.ts';
import { overruns } from '../failover/budget.ts';
import { canSetRole } from '../failover/change-role.ts';
import { canMove } from '../failover/planner.ts';
import { maxFitnessAgeMs } from '../failover/planner-input.ts';
import { timelines } from '../failover/timeline.ts';
import { HoldfastError, isProblemCode } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { type JoinToken, oneTimeKey } from '../mesh/join-token.ts';
import type { Metrics } from '../observability/metrics.ts';
import type {
  Answer,
  ClusterEvent,
  ClusterStatus,
  Daemon,
  InvitationStatus,
  InviteAnswer,
  InviteRequest,
  MoveAnswer,
  MoveRequest,
  RoleAnswer,
  RoleRequest,
  Timeline,
} from '../operator/api.ts';
import type { Driver } from './driver.ts';
import type { DriverNews } from './driver-news.ts';
import { aliveIn } from './electorate-desk.ts';
import { observeStatus } from './observe.ts';
import { OperatorPolicy } from './operator-policy.ts';
import { clusterStatus } from './status.ts';

export type OperatorViewOptions = {
  readonly driver: Driver;
  readonly metrics: Metrics;
  readonly version: string;
  readonly incarnation: number;
  readonly now: () => Millis;
  readonly wallMs: () => Millis;
  readonly after: (ms: Millis, signal: AbortSignal) => Promise<void>;
  /** Signs with the key of this node, which stays with whoever makes the view. */
  readonly issueToken: (token: JoinToken) => Promise<string>;
};

const READ_LIMIT_MS = 2_000;
const COMMAND_LIMIT_MS = 10_000;

export class OperatorView implements Daemon {
  readonly #options: OperatorViewOptions;
  readonly #policy: OperatorPolicy;
  readonly #listeners = new Set<(event: ClusterEvent) => void>();

  constructor(options: OperatorViewOptions) {
    this.#options = options;
    const { driver, now, wallMs, after } = options;
    this.#policy = new OperatorPolicy({
      state: () => driver.replica.state,
      basis: () => ({
        state: { ...driver.replica.state, history: [] },
        view: driver.detection.viewWithSelf(now()),
        times: driver.config.times,
        wallMs: wallMs(),
      }),
      inLoop: (name, read) => this.#inLoop(name, read),
      command: (command) => this.#command(command),
      answer: (data) => this.#answer(data),
      subscribe: (listener) => this.subscribe(listener),
      after,
    });
  }

  async status({ current }: { readonly current: boolean }): Promise<Answer<ClusterStatus>> {
    const { driver, version, incarnation, now } = this.#options;
    const confirmed = current ? await this.#confirm() : null;
    return await this.#inLoop('status', () => {
      const data = clusterStatus({ driver, version, incarnation, now: now() });
      return this.#answer(data, confirmed === null ? !data.quorate : !confirmed);
    });
  }

  async timelines({
    group,
  }: {
    readonly group: string | null;
  }): Promise<Answer<readonly Timeline[]>> {
    const { driver } = this.#options;
    return await this.#inLoop('timelines', () => {
      const { history, groups } = driver.replica.state;
      const all = timelines(history).map((one) => {
        const definition = groups[one.group]?.definition;
        const budgets = definition === undefined ? {} : policyOf(definition).budgetsMs;
        return { ...one, overruns: overruns(one, budgets) };
      });
      return this.#answer(group === null ? all : all.filter((one) => one.group === group));
    });
  }

  async history({ limit }: { readonly limit: number }): Promise<Answer<readonly HistoryEntry[]>> {
    const { driver } = this.#options;
    return await this.#inLoop('history', () =>
      this.#answer(driver.replica.state.history.slice(-Math.max(0, limit))),
    );
  }

  async move({ group, to, wishMs }: MoveRequest, by: string): Promise<Answer<MoveAnswer>> {
    const { driver, now, wallMs } = this.#options;
    const { from, node } = await this.#inLoop('move', () => {
      const { state } = driver.replica;
      const view = driver.detection.viewWithSelf(now());
      const question = { state, view, maxFitnessAgeMs: maxFitnessAgeMs(driver.config) };
      const may = canMove(question, group, to);
      // Who is fit is the leader's to say: it may hear more than this node does, and it assigns.
      const left = !may.ok && may.error.code === 'NODE_NOT_ELIGIBLE' && !driver.leader.leads;
      if (!may.ok && !left) {
        throw refusal(may.error.code, { group, to: to ?? 'any', detail: may.error.detail });
      }
      return { from: state.groups[group], node: may.ok ? may.value : to };
    });
    const expectedEpoch = from?.epoch ?? 0;
    const release = { kind: 'release', group, expectedEpoch, to, reason: 'move', by } as const;
    await this.#command(release, { group, to: to ?? 'any' });
    if (node !== null && wishMs > 0 && isLevel3(driver.replica.state)) {
      const wish = { node, expiresAtMs: wallMs() + wishMs };
      await this.#command({ kind: 'set-wish', group, wish, by });
    }
    return this.#answer({ group, from: from?.owner ?? null, to });
  }

  basis = (): ReturnType<Daemon['basis']> => this.#policy.basis();
  plan = (...asked: Parameters<Daemon['plan']>): ReturnType<Daemon['plan']> =>
    this.#policy.plan(...asked);
  apply = (...asked: Parameters<Daemon['apply']>): ReturnType<Daemon['apply']> =>
    this.#policy.apply(...asked);
  rollback = (...asked: Parameters<Daemon['rollback']>): ReturnType<Daemon['rollback']> =>
    this.#policy.rollback(...asked);
  unmove = (...asked: Parameters<Daemon['unmove']>): ReturnType<Daemon['unmove']> =>
    this.#policy.unmove(...asked);

  async setMode(
    subject: Parameters<Daemon['setMode']>[0],
    mode: Mode,
    by: string,
  ): Promise<Answer<null>> {
    await this.#command({ kind: 'set-mode', subject, mode, by });
    return this.#answer(null);
  }

  async setRole({ node, role, force }: RoleRequest, by: string): Promise<Answer<RoleAnswer>> {
    const { driver, now } = this.#options;
    if (!(await this.#confirm())) throw new HoldfastError('NO_QUORUM', { command: 'set-role' });
    const from = await this.#inLoop('role', () => {
      const { state } = driver.replica;
      const alive = aliveIn(driver.detection.viewWithSelf(now()));
      const may = canSetRole(state, alive, node, role);
      const kept = !may.ok && may.error.code === 'WOULD_LOSE_QUORUM' && force;
      if (!may.ok && !kept) throw refusal(may.error.code, { node, detail: may.error.detail });
      return state.members[node]?.role ?? role;
    });
    await this.#command({ kind: 'set-role', node, role, by });
    return this.#answer({ node, from, to: role });
  }

  async invite(request: InviteRequest, by: string): Promise<Answer<InviteAnswer>> {
    const { driver, wallMs, issueToken } = this.#options;
    const { node, role, lifetimeMs } = request;
    const { seed, peerId } = await oneTimeKey();
    const expiresAtMs = wallMs() + lifetimeMs;
    await this.#command({ kind: 'invite', peerId, node, role, expiresAtMs, by });
    const peers = await this.#inLoop('invite', () =>
      membersInOrder(driver.replica.state)
        .filter((one) => one.role !== 'leaving')
        .map(({ member }) => member),
    );
    const { clusterId } = driver.config;
    const token = await issueToken({
      clusterId,
      seed,
      node,
      role,
      expiresAtMs,
      peers: peers.map(({ node: name, peerId: key, addresses }) => {
        return { node: name, peerId: key, addresses };
      }),
    });
    return this.#answer({ peerId, node, role, expiresAtMs, by, usedBy: null, token });
  }

  async invitations(): Promise<Answer<readonly InvitationStatus[]>> {
    const { driver } = this.#options;
    return await this.#inLoop('invitations', () => this.#answer(driver.replica.state.invitations));
  }

  async revokeInvitation(peerId: string, by: string): Promise<Answer<null>> {
    await this.#command({ kind: 'revoke-invitation', peerId, by });
    return this.#answer(null);
  }

  async metrics(): Promise<string> {
    const { driver, metrics, version, incarnation, now } = this.#options;
    await this.#inLoop('metrics', () => {
      const status = clusterStatus({ driver, version, incarnation, now: now() });
      observeStatus(metrics, status, driver.replica.appliedIndex);
    });
    return await metrics.text();
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What the driver tells becomes events for whoever watches. */
  news(news: DriverNews): void {
    for (const event of this.#events(news)) {
      for (const listener of this.#listeners) listener(event);
    }
  }

  #events(news: DriverNews): readonly ClusterEvent[] {
    switch (news.kind) {
      case 'applied': {
        const seen = news.before.history.at(-1)?.index ?? 0;
        return historySince(news.after, seen).map((entry) => ({ kind: 'history', entry }));
      }
      case 'leadership':
        return [{ kind: 'leader', leader: news.leader, term: news.term }];
      case 'configuration':
        return [{ kind: 'configuration', ...news.configuration }];
      case 'link': {
        const { node, over: interconnect, state } = news;
        return [{ kind: 'link', node, interconnect, state }];
      }
      case 'local':
        return [news];
    }
  }

  #answer<T>(data: T, stale?: boolean): Answer<T> {
    const { driver } = this.#options;
    return {
      clusterId: driver.config.clusterId,
      answeredBy: driver.config.node,
      stale: stale ?? driver.raft.leader === null,
      appliedIndex: driver.replica.appliedIndex,
      data,
    };
  }

  #confirm(): Promise<boolean> {
    const { driver, now } = this.#options;
    return new Promise((resolve) => {
      driver.request('read', () => driver.read(now() + READ_LIMIT_MS, resolve));
    });
  }

  /** `about` is told with a refusal. */
  #command(command: Command, about: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { driver, now } = this.#options;
    return new Promise((resolve, reject) => {
      const settled = (outcome: Applied | null): void => {
        if (outcome === null) reject(new HoldfastError('NO_QUORUM', { command: command.kind }));
        else if (outcome.ok) resolve();
        else reject(refusal(outcome.code, { ...about, detail: outcome.detail }));
      };
      driver.request(command.kind, () => {
        // An older leader would drop what it does not know, and commit the rest.
        if (isTooNew(driver.replica.state, command)) reject(refusal('FEATURE_LEVEL_LOW', {}));
        else driver.submit(command, now() + COMMAND_LIMIT_MS, settled);
      });
    });
  }

  #inLoop<T>(name: string, read: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#options.driver.request(name, () => {
        try {
          resolve(read());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

function refusal(code: string, context: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError(isProblemCode(code) ? code : 'INTERNAL', { ...context, code });
}
