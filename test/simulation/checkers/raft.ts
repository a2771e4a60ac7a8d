/**
 * Raft's five properties, after each step of each node, by the checker that the simulation of the
 * consensus core uses, too. Reference: Raft figure 3.
 */

import type { RaftCore } from '../../../src/raft/core.ts';
import { ClusterChecker, checkStep, type Violation } from '../../../src/raft/invariants.ts';
import type { RaftMessage, Ready } from '../../../src/raft/types.ts';
import type { Report } from './report.ts';

export class RaftChecker {
  readonly #report: Report;
  readonly #checker = new ClusterChecker();

  constructor(report: Report) {
    this.#report = report;
  }

  /** From here on no step of this core goes unseen. */
  attach(node: string, core: RaftCore): void {
    const step = core.step.bind(core);
    const stepAll = core.stepAll.bind(core);
    core.step = (...what) => this.#watched(node, core, () => step(...what));
    core.stepAll = (...what) => this.#watched(node, core, () => stepAll(...what));
  }

  #watched(node: string, core: RaftCore, take: () => Ready): Ready {
    const before = core.status();
    const ready = take();
    this.#tell(node, checkStep(before, core));
    this.#tell(node, this.#checker.observe(node, core, ready));
    return ready;
  }

  sent(message: RaftMessage): void {
    this.#tell(message.from, this.#checker.observeMessage(message));
  }

  #tell(node: string, violations: readonly Violation[]): void {
    for (const { invariant, story } of violations) this.#report(`Raft ${invariant}`, node, story);
  }
}
