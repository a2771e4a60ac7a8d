/**
 * Whatever operators ask of groups and whatever happens to nodes: no assignment breaks what was asked,
 * every plan is applied without a refusal, and when nothing happens any more nothing moves any more.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apply } from '../../src/cluster/apply.ts';
import type { Command } from '../../src/cluster/command.ts';
import { DEFAULT_POLICY, type GroupPolicy, policyOf } from '../../src/cluster/policy.ts';
import type { ClusterState, GroupState } from '../../src/cluster/state.ts';
import { applyAll, definition, founded } from '../cluster/a-cluster.ts';
import { alive, dead, Leader, type Seen } from './a-plan.ts';

const NODES = ['n1', 'n2', 'n3'] as const;
const GROUPS = ['db', 'web', 'mail', 'wiki'] as const;
type Name = (typeof GROUPS)[number];

/** A group waits only for those before it, so that no circle is asked for. */
function policy(index: number): fc.Arbitrary<GroupPolicy> {
  const earlier = fc.subarray(GROUPS.slice(0, index), { maxLength: Math.min(1, index) });
  const lists = fc.record({ with: earlier, after: earlier, apart: earlier });
  return fc
    .tuple(lists, fc.constantFrom('never' as const, 'now' as const), fc.nat(8), fc.nat(3))
    .map(([neighbours, failback, memory, priority]) => ({
      ...DEFAULT_POLICY,
      ...neighbours,
      apart: neighbours.apart.filter((one) => !neighbours.with.includes(one)),
      failback,
      uses: { memory },
      priority,
    }));
}

const policies = fc.tuple(policy(0), policy(1), policy(2), policy(3));
const preferred = fc.array(fc.subarray([...NODES]), { minLength: 4, maxLength: 4 });

type Event =
  | { readonly kind: 'dies' | 'returns' | 'standby' | 'online'; readonly node: string }
  | { readonly kind: 'fails'; readonly group: Name }
  | { readonly kind: 'pass' };

const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(
      'dies' as const,
      'returns' as const,
      'standby' as const,
      'online' as const,
    ),
    node: fc.constantFrom('n2', 'n3'),
  }),
  fc.record({ kind: fc.constant('fails' as const), group: fc.constantFrom(...GROUPS) }),
  fc.constant({ kind: 'pass' as const }),
);

class World {
  readonly leader: Leader;
  readonly faults: string[] = [];
  readonly #up = new Set<string>(NODES);
  /** The planner is not told what was asked: what the checker must find. */
  readonly #blind: boolean;

  constructor(state: ClusterState, blind: boolean) {
    this.leader = new Leader(state, {});
    this.#blind = blind;
  }

  happen(it: Event): void {
    if (it.kind === 'dies') this.#up.delete(it.node);
    if (it.kind === 'returns') this.#up.add(it.node);
    if (it.kind === 'standby' || it.kind === 'online') {
      const subject = { kind: 'node', node: it.node } as const;
      this.#commit({ kind: 'set-mode', subject, mode: it.kind, by: 'op' });
    }
    if (it.kind === 'fails') this.#fail(it.group);
  }

  #fail(name: string): void {
    const group = this.leader.state.groups[name];
    if (group?.owner == null || !this.#up.has(group.owner)) return;
    const guard = { group: name, expectedEpoch: group.epoch, node: group.owner } as const;
    this.#commit({ kind: 'stopped', ...guard, clean: true, proof: 'owner', secret: null });
    this.#commit({ kind: 'takeover-failed', ...guard, code: 'APPLICATION_EXITED', detail: '' });
  }

  /** Answers what was proposed, in words. */
  step(): readonly string[] {
    this.leader.now += 500;
    this.leader.seen = this.#seen();
    const truth = this.leader.state;
    if (this.#blind) this.leader.state = withoutPolicies(truth);
    const words = this.leader.plan();
    this.leader.state = truth;
    const proposals = this.leader.last?.proposals ?? [];
    for (const { command } of proposals) {
      if (command.kind === 'assign') this.#judge(command);
      this.#commit(command);
    }
    for (const { key, code } of this.leader.last?.refused ?? []) {
      this.faults.push(`${key} was planned and is refused: ${code}`);
    }
    this.#act();
    return proposals.length === 0 ? [] : words;
  }

  #commit(command: Command): void {
    const { state, outcome } = apply(this.leader.state, 1, command);
    this.leader.state = state;
    if (!outcome.ok) this.faults.push(`${command.kind} was refused: ${outcome.code}`);
  }

  /** Owners that live serve what they were given, and stop what they are to stop. */
  #act(): void {
    for (const [name, group] of Object.entries(this.leader.state.groups)) {
      const { owner, phase, epoch } = group;
      if (owner === null || !this.#up.has(owner)) continue;
      const guard = { group: name, expectedEpoch: epoch, node: owner } as const;
      if (phase === 'taking-over') this.#commit({ kind: 'serving', ...guard, stamps: [] });
      if (phase === 'releasing') {
        this.#commit({ kind: 'stopped', ...guard, clean: true, proof: 'owner', secret: null });
      }
    }
  }

  #judge({ group: name, node }: { readonly group: string; readonly node: string }): void {
    const { groups, members } = this.leader.state;
    const mine = groups[name];
    if (mine === undefined) return;
    const asked = policyOf(mine.definition);
    const here = (one: GroupState | undefined): boolean => one?.owner === node;
    for (const rival of asked.apart) {
      if (here(groups[rival])) this.faults.push(`${name} came to ${node}, where ${rival} is`);
    }
    for (const beside of asked.with) {
      const other = groups[beside];
      const target = other?.phase === 'releasing' ? other.releaseTo : other?.owner;
      if (target !== node) this.faults.push(`${name} came to ${node}, and ${beside} is not there`);
    }
    for (const leader of asked.after) {
      const phase = groups[leader]?.phase;
      if (phase !== 'serving') this.faults.push(`${name} started while ${leader} was ${phase}`);
    }
    const others = Object.values(groups).filter((one) => one !== mine && here(one));
    const used = [mine, ...others].reduce(
      (sum, one) => sum + (policyOf(one.definition).uses['memory'] ?? 0),
      0,
    );
    const room = members[node]?.capacity?.['memory'] ?? 0;
    if (used > room) this.faults.push(`${node} has ${room} and was given ${used}`);
  }

  #seen(): Readonly<Record<string, Seen>> {
    const { groups } = this.leader.state;
    return Object.fromEntries(
      NODES.map((node): [string, Seen] => {
        if (!this.#up.has(node)) return [node, dead(5_000)];
        const runs = Object.entries(groups).flatMap(([group, { owner, epoch, phase }]) =>
          owner === node
            ? [{ group, epoch, state: phase === 'releasing' ? 'stopping' : 'serving' }]
            : [],
        );
        const fit = GROUPS.filter((name) => !runs.some(({ group }) => group === name));
        return [node, alive({ fit, groups: runs as never })];
      }),
    );
  }
}

function withoutPolicies(state: ClusterState): ClusterState {
  const groups = Object.entries(state.groups).map(([name, group]): [string, GroupState] => {
    const { policy: _, ...definition } = group.definition;
    return [name, { ...group, definition }];
  });
  return { ...state, groups: Object.fromEntries(groups) };
}

function worldOf(
  asked: readonly GroupPolicy[],
  wanted: readonly (readonly string[])[],
  blind = false,
): World {
  const { web: _, ...groups } = founded.groups;
  const empty = applyAll({ ...founded, groups }, { kind: 'set-level', level: 3 });
  const capacities = NODES.map(
    (node): Command => ({ kind: 'set-capacity', node, capacity: { memory: 12 }, by: 'op' }),
  );
  const definitions = GROUPS.map((group, i): Command => {
    const what = { ...definition(group, wanted[i] ?? []), policy: asked[i] ?? DEFAULT_POLICY };
    return { kind: 'define-group', definition: what, expectedRevision: 0, by: 'op' };
  });
  return new World(applyAll(empty, ...capacities, ...definitions), blind);
}

describe('whatever is asked of groups', () => {
  const history = fc.array(event, { maxLength: 30 });

  test('no assignment breaks it, no plan is refused, and calm is calm (pain 23: promoted and demoted in turns)', () => {
    fc.assert(
      fc.property(policies, preferred, history, (asked, wanted, events) => {
        const world = worldOf(asked, wanted);
        for (const it of events) {
          world.happen(it);
          world.step();
          world.step();
        }
        // Longer than failures are remembered, and than any pause.
        for (let passed = 0; passed < 1_400; passed += 1) world.step();
        const restless = Array.from({ length: 20 }, () => world.step()).flat();
        expect({ faults: world.faults, restless }).toEqual({ faults: [], restless: [] });
      }),
      { numRuns: 25 },
    );
  });

  test('control: a planner that does not know what is asked is found out', () => {
    const apart: GroupPolicy = { ...DEFAULT_POLICY, apart: ['db'], uses: { memory: 8 } };
    const later: GroupPolicy = { ...DEFAULT_POLICY, after: ['db'], with: ['db'] };
    const asked = [{ ...DEFAULT_POLICY, uses: { memory: 8 } }, apart, later];
    const world = worldOf(asked, [['n1'], ['n1'], ['n2']], true);
    world.step();
    expect(world.faults).toEqual([
      'web came to n1, where db is',
      'n1 has 12 and was given 16',
      'mail came to n2, and db is not there',
      'mail started while db was taking-over',
    ]);
  });
});
