/**
 * What operators ask about policy: what would happen, definitions as they are to be, the way back, and
 * a wish that is undone. A part of `operator-view.ts`, which lends it the driver's loop.
 */
import type { Command } from '../cluster/command.ts';
import type { GroupDefinition } from '../cluster/definition.ts';
import { groupOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import { type Change, changesFor, refusalOf } from '../cluster/wanted.ts';
import { type Basis, type WhatIf, whatIf } from '../failover/what-if.ts';
import { HoldfastError, isProblemCode } from '../lib/error.ts';
import type { GroupId } from '../lib/ids.ts';
import type {
  Answer,
  ApplyAnswer,
  ApplyRequest,
  ClusterEvent,
  RollbackRequest,
} from '../operator/api.ts';

export type OperatorPolicyOptions = {
  /** Inside the driver's loop. */
  readonly state: () => ClusterState;
  /** Inside the driver's loop; without the history. */
  readonly basis: () => Basis;
  readonly inLoop: <T>(name: string, read: () => T) => Promise<T>;
  readonly command: (command: Command) => Promise<void>;
  readonly answer: <T>(data: T) => Answer<T>;
  readonly subscribe: (listener: (event: ClusterEvent) => void) => () => void;
  /** Resolves after so long on the node's clock. */
  readonly after: (ms: number, signal: AbortSignal) => Promise<void>;
};

/** A group that is deleted is stopped first; who stops slowly is asked again by the operator. */
const STOP_LIMIT_MS = 12_000;

export class OperatorPolicy {
  readonly #options: OperatorPolicyOptions;

  constructor(options: OperatorPolicyOptions) {
    this.#options = options;
  }

  async basis(): Promise<Answer<Basis>> {
    const { inLoop, basis, answer } = this.#options;
    return await inLoop('basis', () => answer(basis()));
  }

  async plan(texts: readonly string[]): Promise<Answer<WhatIf>> {
    const { inLoop, basis, answer } = this.#options;
    return await inLoop('plan', () => {
      const result = whatIf(basis(), texts);
      if (!result.ok) throw new HoldfastError(result.error.code, { detail: result.error.detail });
      return answer(result.value);
    });
  }

  async unmove(group: GroupId, by: string): Promise<Answer<null>> {
    const { command, answer } = this.#options;
    await command({ kind: 'set-wish', group, wish: null, by });
    return answer(null);
  }

  /** @throws HoldfastError WOULD_INTERRUPT, or what the state refuses: then nothing was done. */
  async apply(request: ApplyRequest, by: string): Promise<Answer<ApplyAnswer>> {
    const { inLoop, state, answer } = this.#options;
    const changes = await inLoop('apply', () => {
      const wanted = changesFor(state(), request, by);
      const refused = refusalOf(state(), wanted);
      if (refused === null) return wanted;
      const { code, name, detail } = refused;
      throw new HoldfastError(isProblemCode(code) ? code : 'INTERNAL', { name, detail });
    });
    const told = changes.map(({ command: _, ...change }) => change);
    if (request.dryRun) return answer({ changes: told, done: false });
    const stopped = changes.filter(({ interrupts }) => interrupts).map(({ name }) => name);
    if (stopped.length > 0 && !request.yes) {
      throw new HoldfastError('WOULD_INTERRUPT', { groups: stopped, changes: told });
    }
    for (const change of changes) await this.#make(change, by);
    return answer({ changes: told, done: true });
  }

  /** @throws HoldfastError REVISION_UNKNOWN, UNKNOWN_GROUP, or as `apply`. */
  async rollback(request: RollbackRequest, by: string): Promise<Answer<ApplyAnswer>> {
    const { inLoop, state } = this.#options;
    const { group, revision, dryRun, yes } = request;
    const definition = await inLoop('rollback', () => earlier(state(), group, revision));
    const wanted = { groups: [definition], gone: [], capacities: {}, prune: false };
    return await this.apply({ ...wanted, dryRun, yes }, by);
  }

  async #make({ name, what, interrupts, command }: Change, by: string): Promise<void> {
    if (what === 'delete' && interrupts) await this.#stop(name, by);
    await this.#options.command(command);
  }

  async #stop(group: GroupId, by: string): Promise<void> {
    const subject = { kind: 'group', group } as const;
    await this.#options.command({ kind: 'set-mode', subject, mode: 'standby', by });
    if (!(await this.#isDown(group))) {
      const detail = `${group} is in standby and not proven down yet; repeat the command`;
      throw new HoldfastError('GROUP_OWNED', { group, detail });
    }
  }

  async #isDown(group: GroupId): Promise<boolean> {
    const { inLoop, state, subscribe, after } = this.#options;
    const down = (): Promise<boolean> =>
      inLoop('is it down', () => {
        const known = groupOf(state(), group);
        return known === null || (known.owner === null && known.unfinished.length === 0);
      });
    const over = new AbortController();
    const changed = new Promise<boolean>((resolve) => {
      const look = (): void => {
        down().then(
          (is) => is && resolve(true),
          () => resolve(false),
        );
      };
      const unsubscribe = subscribe((event) => {
        if (event.kind === 'history') look();
      });
      over.signal.addEventListener('abort', unsubscribe);
      look();
    });
    const late = after(STOP_LIMIT_MS, over.signal).then(
      () => false,
      () => false,
    );
    const result = await Promise.race([changed, late]);
    over.abort();
    return result;
  }
}

/** The definition of this revision; null: the one before the present one, or of a group that is gone. */
function earlier(state: ClusterState, group: GroupId, revision: number | null): GroupDefinition {
  const lines = state.history.flatMap((line) =>
    line.group === group && line.defined !== undefined ? [line.defined] : [],
  );
  if (lines.length === 0 && groupOf(state, group) === null) {
    throw new HoldfastError('UNKNOWN_GROUP', { group });
  }
  const present = groupOf(state, group)?.revision ?? Number.POSITIVE_INFINITY;
  const found = lines.findLast((one) =>
    revision === null ? one.revision < present : one.revision === revision,
  );
  if (found !== undefined) return found.definition;
  throw new HoldfastError('REVISION_UNKNOWN', { group, revision: revision ?? 'an earlier one' });
}
