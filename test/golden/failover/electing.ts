/**
 * Raft's configuration as a story needs it: who votes, whether a change is under way, how far
 * learners are. It follows the electorate's steps at once when the story says `do it`.
 */
import { CatchUp } from '../../../src/failover/catch-up.ts';
import {
  type ElectorateOutput,
  type ElectorateStep,
  electorate,
} from '../../../src/failover/electorate.ts';
import type { NodeId } from '../../../src/lib/ids.ts';
import type { Configuration, RaftStatus } from '../../../src/raft/types.ts';
import { TIMES } from './machine.ts';
import type { World } from './world.ts';

const LAST_INDEX = 10_000;
/** As in `src/node/electorate-desk.ts`. */
const CLOSE_ENTRIES = 64;

export class Electing {
  readonly #world: World;
  configuration: Configuration = { voters: [], outgoing: [], learners: [] };
  /** False: the latest change is joint, or not committed. */
  settled = true;
  transferring = false;
  failedTransfers = 0;
  /** Entries that a node lacks. */
  readonly lacks = new Map<NodeId, number>();
  #catchUp = newCatchUp();

  constructor(world: World) {
    this.#world = world;
  }

  becameLeader(): void {
    this.#catchUp = newCatchUp();
    this.failedTransfers = 0;
    this.transferring = false;
  }

  observe(): ReadonlySet<NodeId> {
    if (this.configuration.learners.length === 0) return new Set();
    return this.#catchUp.observe(this.#status(), this.#world.now);
  }

  plan(): ElectorateOutput {
    const { state, leader } = this.#world;
    const alive = this.#alive();
    const fit = this.configuration.voters.filter(
      (node) => node !== leader && alive.has(node) && (this.lacks.get(node) ?? 0) <= CLOSE_ENTRIES,
    );
    return electorate({
      state,
      self: leader,
      configuration: this.configuration,
      settled: this.settled,
      transferring: this.transferring,
      alive,
      caughtUp: this.observe(),
      fitToLead: new Set(fit),
      failedTransfers: this.failedTransfers,
      inFlight: new Set(this.#world.inFlight.keys()),
    });
  }

  perform(step: ElectorateStep): void {
    if (step.kind === 'change') this.configuration = { ...step.target, outgoing: [] };
    if (step.kind === 'transfer') this.transferring = true;
  }

  #alive(): ReadonlySet<NodeId> {
    const nodes = Object.values(this.#world.view().nodes);
    return new Set(nodes.filter(({ state }) => state === 'alive').map(({ node }) => node));
  }

  #status(): RaftStatus {
    const { now, leader, network } = this.#world;
    const alive = this.#alive();
    const { voters, learners } = this.configuration;
    const others = [...voters, ...learners].filter((node) => node !== leader);
    return {
      role: 'leader',
      term: 3,
      leader,
      votedFor: leader,
      commitIndex: LAST_INDEX,
      appliedIndex: LAST_INDEX,
      lastIndex: LAST_INDEX,
      lastTerm: 3,
      firstIndex: 1,
      configuration: this.configuration,
      configurationIndex: 1,
      diskStalled: false,
      followers: others.map((node) => ({
        node,
        state: 'replicate',
        matchIndex: LAST_INDEX - (this.lacks.get(node) ?? 0),
        contactMs: alive.has(node) && network.wire.reaches(leader, node) ? now : 0,
      })),
      transferringTo: null,
    };
  }
}

function newCatchUp(): CatchUp {
  return new CatchUp({
    shortestRoundMs: TIMES.heartbeatMs,
    longestRoundMs: TIMES.electionTimeoutMs,
    freshMs: TIMES.checkQuorumMs,
  });
}
