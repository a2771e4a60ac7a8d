/**
 * The last words of guardians: a secret whose hash was pledged proves that its epoch was torn down
 * (DESIGN §7). They come many times, over every interconnect and to every member, and are worth one
 * command; from a stranger they are worth nothing. Who speaks is not asked, what is said is checked.
 */
import type { Applied } from '../cluster/apply.ts';
import type { Command } from '../cluster/command.ts';
import { unfinishedOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GuardianEvidence } from '../guardian/messages.ts';
import { sha256Hex } from '../lib/sha256.ts';

export type LastWordsOptions = {
  readonly clusterId: string;
  readonly state: () => ClusterState;
  readonly submit: (command: Command, settled: (outcome: Applied | null) => void) => void;
};

export class LastWords {
  readonly #options: LastWordsOptions;
  /** (group, epoch) on their way into the log; bounded by the unfinished epochs that there are. */
  readonly #underWay = new Set<string>();

  constructor(options: LastWordsOptions) {
    this.#options = options;
  }

  heard({ clusterId, group: name, epoch, secret }: GuardianEvidence): void {
    const { state, submit } = this.#options;
    const key = `${name}/${epoch}`;
    if (clusterId !== this.#options.clusterId || this.#underWay.has(key)) return;
    const unfinished = unfinishedOf(state(), name).find((one) => one.epoch === epoch);
    if (unfinished === undefined || unfinished.secretHash !== sha256Hex(secret)) return;
    const { node } = unfinished;
    const guard = { group: name, expectedEpoch: epoch, node } as const;
    this.#underWay.add(key);
    submit({ kind: 'stopped', ...guard, clean: false, proof: 'guardian', secret }, () =>
      this.#underWay.delete(key),
    );
  }
}
