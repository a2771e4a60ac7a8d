/**
 * P6 in small: planner, ledger and state machine in a closed loop, with nodes that die, come back in a
 * new life, lose their disk, fail their takeovers and stop by themselves, in any order. Nothing is
 * assigned to a node that cannot have it, and when the trouble ends every group is served again.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply } from '../../src/cluster/apply.ts';
import type { Command } from '../../src/cluster/command.ts';
import type { ClusterState } from '../../src/cluster/state.ts';
import { applyAll, definition, founded } from '../cluster/a-cluster.ts';
import { alive, dead, Leader, type Seen } from './a-plan.ts';

const GROUPS = ['web', 'db'] as const;
const start = applyAll(founded, {
  kind: 'define-group',
  definition: definition('db', ['n2']),
  expectedRevision: 0,
  by: 'test',
});

type Trouble = {
  readonly node: string;
  readonly what:
    | 'dies'
    | 'returns'
    | 'loses its disk'
    | 'finds its disk'
    | 'fails'
    | 'stops'
    | 'serves';
  readonly afterMs: number;
};

const trouble: fc.Arbitrary<Trouble> = fc.record({
  node: fc.constantFrom('n1', 'n2', 'n3'),
  what: fc.constantFrom(
    ...([
      'dies',
      'returns',
      'loses its disk',
      'finds its disk',
      'fails',
      'stops',
      'serves',
    ] as const),
  ),
  afterMs: fc.integer({ min: 0, max: 1_500 }),
});

type Host = { up: boolean; disk: boolean; life: number; runs: Map<string, number>; diedMs: number };

class World {
  readonly hosts: Record<string, Host> = {};
  readonly leader: Leader;
  readonly faults: string[] = [];
  #faulty = true;
  /** The leader takes the dead for living: what the checker must find. */
  readonly #blind: boolean;

  constructor(blind = false) {
    this.#blind = blind;
    for (const node of ['n1', 'n2', 'n3']) {
      this.hosts[node] = { up: true, disk: true, life: 1, runs: new Map(), diedMs: 0 };
    }
    this.leader = new Leader(start, {});
  }

  get state(): ClusterState {
    return this.leader.state;
  }

  /** The trouble ends: every node is up and reaches its disk, and takeovers succeed. */
  heal(): void {
    this.#faulty = false;
    for (const node of Object.keys(this.hosts)) {
      this.happen({ node, what: 'finds its disk', afterMs: 0 });
      this.happen({ node, what: 'returns', afterMs: 0 });
    }
  }

  happen({ node, what }: Trouble): void {
    const host = this.hosts[node];
    if (host === undefined) return;
    if (what === 'dies' && node !== 'n1') {
      if (host.up) host.diedMs = this.leader.now;
      host.up = false;
      host.runs.clear();
    } else if (what === 'returns' && !host.up) {
      host.up = true;
      host.life += 1;
    } else if (what === 'loses its disk') host.disk = false;
    else if (what === 'finds its disk') host.disk = true;
    else for (const [group, epoch] of host.runs) this.#report(node, what, group, epoch);
  }

  #report(node: string, what: Trouble['what'], group: string, expectedEpoch: number): void {
    const guard = { group, expectedEpoch, node } as const;
    if (what === 'serves') this.#apply({ kind: 'serving', ...guard, stamps: [] });
    if (what === 'fails') {
      this.hosts[node]?.runs.delete(group);
      this.#apply({ kind: 'takeover-failed', ...guard, code: 'MOUNT', detail: '' });
    }
    if (what === 'stops') {
      this.hosts[node]?.runs.delete(group);
      this.#apply({ kind: 'stopped', ...guard, clean: true, proof: 'owner', secret: null });
    }
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 50) {
      this.leader.now += 50;
      this.leader.seen = this.#seen();
      this.leader.plan();
      for (const { command } of this.leader.last?.proposals ?? []) this.#propose(command);
      this.#act();
    }
  }

  #propose(command: Command): void {
    if (command.kind === 'assign') {
      const host = this.hosts[command.node];
      const visible = host?.up || this.leader.now - (host?.diedMs ?? 0) < 300;
      if (!visible)
        this.faults.push(`${command.group} was given to ${command.node}, which is dead`);
      const current = this.state.groups[command.group];
      const runsIt = current?.owner && this.hosts[current.owner]?.runs.has(command.group);
      if (runsIt && current?.epoch === this.hosts[current.owner ?? '']?.runs.get(command.group)) {
        this.faults.push(`${command.group} was taken from ${current.owner}, which runs it`);
      }
    }
    this.#apply(command);
  }

  #apply(command: Command): void {
    this.leader.state = apply(this.state, 1, command).state;
  }

  /** Nodes begin what they own; when all is well, they serve it a moment later. */
  #act(): void {
    for (const group of Object.values(this.state.groups)) {
      const host = group.owner === null ? undefined : this.hosts[group.owner];
      const name = group.definition.group;
      if (host === undefined || group.owner === null || !host.up) continue;
      if (host.runs.get(name) === group.epoch) {
        if (!this.#faulty) this.#report(group.owner, 'serves', name, group.epoch);
      } else if (group.phase === 'taking-over') host.runs.set(name, group.epoch);
    }
  }

  #seen(): Readonly<Record<string, Seen>> {
    const entries = Object.entries(this.hosts).map(([node, host]): [string, Seen] => {
      const silentMs = this.leader.now - host.diedMs;
      if (!host.up && silentMs > 250 && !this.#blind) return [node, dead(silentMs)];
      const groups = [...host.runs].map(([group, epoch]) => {
        return { group, epoch, state: 'serving' as const };
      });
      const free = GROUPS.filter((group) => !host.runs.has(group));
      const seen = host.disk
        ? { fit: free }
        : { unfit: Object.fromEntries(free.map((group) => [group, 'DISK_MISSING'])) };
      return [node, alive({ ...seen, groups, incarnation: host.life })];
    });
    return Object.fromEntries(entries);
  }
}

/** What went wrong, in words; nothing when every promise was kept. */
function tell(troubles: readonly Trouble[], blind: boolean): readonly string[] {
  const world = new World(blind);
  for (const it of troubles) {
    world.pass(it.afterMs);
    world.happen(it);
  }
  world.heal();
  // The longest back-off that so few failures can lead to, and a detection.
  world.pass(130_000);
  const groups = Object.values(world.state.groups);
  return [
    ...world.faults,
    ...groups.flatMap(({ phase, definition: { group } }) =>
      phase === 'serving' ? [] : [`${group} is ${phase} although all is well`],
    ),
    ...groups.flatMap(({ unfinished, definition: { group } }) =>
      unfinished.length === 1 ? [] : [`${group} has ${unfinished.length} unfinished epochs`],
    ),
  ];
}

describe('whatever happens to the nodes', () => {
  const troubles = fc.array(trouble, { maxLength: 25 });

  test('no group is given to the dead or taken from the well, and all are served in the end', () => {
    fc.assert(
      fc.property(troubles, (some) => {
        expect(tell(some, false)).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test('negative control: a leader that takes the dead for living is found', () => {
    const outcome = fc.check(
      fc.property(troubles, (some) => tell(some, true).length === 0),
      { numRuns: 2_000, endOnFailure: true },
    );
    expect(outcome.failed).toBe(true);
  });
});
