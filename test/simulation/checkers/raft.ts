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
    // Nothing but a step changes a core, so the end of one is the beginning of the next.
    let before = core.status();
    const watched = (ready: Ready): Ready => {
      const after = core.status();
      const seen = { status: () => after, termAt: (index: number) => core.termAt(index) };
      this.#tell(node, checkStep(before, seen));
      this.#tell(node, this.#checker.observe(node, core, ready));
      before = after;
      return ready;
    };
    core.step = (...what) => watched(step(...what));
    core.stepAll = (...what) => watched(stepAll(...what));
  }

  sent(message: RaftMessage): void {
    this.#tell(message.from, this.#checker.observeMessage(message));
  }

  #tell(node: string, violations: readonly Violation[]): void {
    for (const { invariant, story } of violations) this.#report(`Raft ${invariant}`, node, story);
  }
}
