/**
 * What may never happen, whatever a story says: checked after each step and for each message. Besides
 * the core's own invariants: what a leader calls committed is on the disks of a quorum, a confirmed
 * read sees all that was committed before it was asked, and equal applied indexes mean equal states.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { ClusterChecker, checkStep } from '../../../src/raft/invariants.ts';
import { tally } from '../../../src/raft/quorum.ts';
import type { RaftMessage, RaftStatus, Ready } from '../../../src/raft/types.ts';
import type { Machine } from './machine.ts';
import { isOnDisk } from './notation.ts';

export class Checks {
  readonly #checker = new ClusterChecker();
  readonly #machines: ReadonlyMap<NodeId, Machine>;
  /** By read: what was committed somewhere when it was asked. */
  readonly #floors = new Map<number, number>();
  readonly #digests = new Map<number, number>();
  readonly #violations: string[] = [];

  constructor(machines: ReadonlyMap<NodeId, Machine>) {
    this.#machines = machines;
  }

  /** The first violation, or null. */
  get violation(): string | null {
    return this.#violations[0] ?? null;
  }

  get highestCommitted(): number {
    return this.#checker.highestCommitted;
  }

  asked(readId: number): void {
    this.#floors.set(readId, this.highestCommitted);
  }

  sent(message: RaftMessage): void {
    for (const { invariant, story } of this.#checker.observeMessage(message)) {
      this.#violations.push(`${invariant}: ${story}`);
    }
  }

  stepped(machine: Machine, before: RaftStatus, ready: Ready): void {
    const { core, id } = machine;
    if (core === null) return;
    for (const { invariant, story } of checkStep(before, core)) {
      this.#violations.push(`${invariant}: ${id}: ${story}`);
    }
    for (const { invariant, story } of this.#checker.observe(id, core, ready)) {
      this.#violations.push(`${invariant}: ${story}`);
    }
    if (ready.role === 'leader' && ready.commitIndex > before.commitIndex) {
      this.#checkOnQuorum(before, ready.commitIndex, core.termAt(ready.commitIndex) ?? 0);
    }
    for (const { readId, index } of ready.reads) {
      const floor = this.#floors.get(readId) ?? Number.POSITIVE_INFINITY;
      this.#floors.delete(readId);
      if (index >= floor) continue;
      this.#violations.push(`ReadIndex: read ${readId} sees ${index}, ${floor} was committed`);
    }
    this.#checkState(machine);
  }

  /** Counted in the configuration before the step: a commit may end a joint one. */
  #checkOnQuorum({ configuration }: RaftStatus, index: number, term: number): void {
    const result = tally(configuration, (voter) => {
      const machine = this.#machines.get(voter);
      return machine === undefined ? false : isOnDisk(machine, index, term);
    });
    if (result === 'won') return;
    this.#violations.push(`CommittedOnQuorum: ${index} of term ${term} is on too few disks`);
  }

  #checkState({ applied: { digest, index }, id }: Machine): void {
    const known = this.#digests.get(index) ?? digest;
    this.#digests.set(index, known);
    if (known !== digest) this.#violations.push(`SameState: ${id} differs at ${index}`);
  }
}
