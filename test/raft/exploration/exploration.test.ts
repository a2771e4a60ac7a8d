/**
 * Every small world of three cores, in the form that fits CI. HOLDFAST_LONG adds the larger scopes,
 * HOLDFAST_STATES says how many states of each. `npm run explore` is the same as a command.
 */
import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/lib/random.ts';
import { keyOf } from './catalogue.ts';
import { Explorer } from './explorer.ts';
import type { Node } from './node.ts';
import { Replay } from './replay.ts';
import type { Sabotage } from './sabotage.ts';
import { SCOPES, scopeOf, WIDE } from './scopes.ts';
import { story } from './story.ts';

const LONG = process.env['HOLDFAST_LONG'] !== undefined;
const WIDE_STATES = Number(process.env['HOLDFAST_STATES'] ?? 3_000_000);
/** A scope takes one to five seconds of a processor of its own; others may share the machine. */
const LIMIT_MS = 120_000;
/** No scope of CI is larger; a mistake must not fill the memory. */
const MAX_STATES = 4_000_000;

/** What must have happened somewhere in a scope, or it would prove nothing. */
const REACHED: Readonly<Record<string, readonly string[]>> = {
  'two-elections': ['a leader of term 1', 'a leader of term 2', 'a commit of [no-op@1 no-op@2]'],
  'crash-in-election': ['a leader of term 1', 'a leader of term 2', 'a commit of [no-op@2]'],
  'repeated-votes': ['a leader of term 1', 'a commit of [no-op@1]'],
  'old-messages': ['a leader of term 1', 'a leader of term 2', 'a commit of [no-op@1 no-op@2]'],
  succession: ['a commit of [no-op@1 x0@1]', 'a commit of [no-op@1 no-op@2]'],
  'succession-by-crash': ['a commit of [no-op@1 x0@1 no-op@2]', 'a commit of [no-op@1 no-op@2]'],
  'figure-8': ['a commit of [no-op@1 no-op@2 no-op@4]', 'a commit of [no-op@1 no-op@3 no-op@5]'],
  reads: ['a read is confirmed', 'a read is refused', 'a leader of term 2'],
  'check-quorum': ['a leader of term 2', 'a commit of [no-op@1 no-op@2]'],
  'handing-over': ['a leader of term 2', 'a commit of [no-op@1 x0@1 no-op@2]'],
  'false-news': ['a disk hangs', 'a leader of term 2'],
  removal: ['a commit of [no-op@1 {a|abc}@1 {a}@1]', 'a commit of [no-op@1 {a|abc}@1 no-op@2]'],
  replacement: ['a commit of [no-op@1 {ac|ab}@1 {ac}@1]', 'a leader of term 2'],
  'own-snapshot': ['a snapshot on a', 'a snapshot on c', 'a leader of term 2'],
  gathered: ['a leader of term 1', 'a leader of term 2', 'a commit of [no-op@1 no-op@2]'],
  snapshot: ['a snapshot on c', 'a leader of term 2', 'a commit of [no-op@1 no-op@1 no-op@2]'],
};

let total = 0;

for (const scope of SCOPES) {
  test(`${scope.name}: ${scope.about}`, { timeout: LIMIT_MS }, () => {
    const explorer = new Explorer(scope, 'none', { maxStates: MAX_STATES });
    const { complete, depth, finding, states } = explorer.run();
    expect(finding === null ? '' : story(explorer, finding)).toBe('');
    expect(complete).toBe(true);
    expect([...explorer.catalogue.landmarks()]).toEqual(
      expect.arrayContaining([...(REACHED[scope.name] ?? ['a scope without a landmark'])]),
    );
    expect(depth).toBeGreaterThan(20);
    total += states;
  });
}

test('the scopes hold at least a million states', () => {
  expect(total).toBeGreaterThan(1_000_000);
});

/** How each mechanism, switched off, does harm; the shortest history is told by real cores. */
const CONTROLS: readonly {
  readonly sabotage: Sabotage;
  readonly scope: string;
  readonly finds: string;
  readonly blindTo?: readonly string[];
}[] = [
  { sabotage: 'promises-before-the-disk', scope: 'crash-in-election', finds: 'OneVotePerTerm' },
  {
    sabotage: 'durable-before-the-disk',
    scope: 'crash-in-election',
    finds: 'DurableIsOnDisk',
  },
  {
    sabotage: 'durable-before-the-disk',
    scope: 'crash-in-election',
    finds: 'CommittedOnQuorum',
    blindTo: ['DurableIsOnDisk'],
  },
  {
    sabotage: 'durable-before-the-disk',
    scope: 'crash-in-election',
    finds: 'ElectionSafety',
    blindTo: ['DurableIsOnDisk', 'CommittedOnQuorum', 'OneVotePerTerm'],
  },
  {
    sabotage: 'vote-forgotten-at-restart',
    scope: 'crash-in-election',
    finds: 'OneVotePerTerm',
    blindTo: ['DurableIsOnDisk'],
  },
  { sabotage: 'vote-forgotten-at-step-down', scope: 'two-elections', finds: 'OneVotePerTerm' },
  { sabotage: 'prior-term-commit', scope: 'figure-8', finds: 'LeaderCompleteness' },
  {
    sabotage: 'prior-term-commit',
    scope: 'figure-8',
    finds: 'StateMachineSafety',
    blindTo: ['LeaderCompleteness'],
  },
  { sabotage: 'one-half-of-joint', scope: 'removal', finds: 'CommittedOnQuorum' },
  {
    sabotage: 'one-half-of-joint',
    scope: 'removal',
    finds: 'LeaderCompleteness',
    blindTo: ['CommittedOnQuorum'],
  },
  { sabotage: 'no-log-check', scope: 'succession', finds: 'LeaderCompleteness' },
  { sabotage: 'no-previous-check', scope: 'figure-8', finds: 'LogMatching' },
  { sabotage: 'echo-of-unseen-round', scope: 'reads', finds: 'ReadIsCurrent' },
];

for (const { sabotage, scope, finds, blindTo = [] } of CONTROLS) {
  test(`control: ${sabotage} breaks ${finds} in ${scope}`, { timeout: LIMIT_MS }, () => {
    const limits = { maxStates: MAX_STATES, blindTo };
    const explorer = new Explorer(scopeOf(scope), sabotage, limits);
    const { finding } = explorer.run();
    const told = finding === null ? 'nothing was found' : story(explorer, finding);
    expect(told).toContain(`=> ${finds}: `);
    console.log(`control ${sabotage}, ${finding?.path.length ?? 0} steps:\n${told}`);
  });
}

const WALKS = 150;
const WALK_STEPS = 45;

/** Random histories, each walked by cores of its own and compared with what was looked up. */
function walk(name: string, key: (node: Node) => string): string {
  const random = seededRandom(7);
  const explorer = new Explorer(scopeOf(name), 'none', { maxStates: 0, keyOf: key });
  try {
    for (let walks = 0; walks < WALKS; walks += 1) {
      const replay = new Replay(explorer);
      for (let steps = 0; steps < WALK_STEPS; steps += 1) {
        const choices = replay.choices();
        if (choices.length === 0) break;
        replay.take(choices[random.below(choices.length)] as number);
      }
    }
  } catch (difference) {
    return String(difference);
  }
  return 'alike';
}

for (const { name } of SCOPES) {
  test(`states with one fingerprint behave alike in ${name}`, { timeout: LIMIT_MS }, () => {
    expect(walk(name, keyOf)).toBe('alike');
  });
}

test.each([
  ['when the leader was heard', /leaderContactMs:\S+/, 'succession'],
  ['whom it follows', /\bleader:\S+/, 'two-elections'],
  ['which round is open', /\bround:\S+/, 'reads'],
  ['how far the followers are', /\b(?:next|inflight|match):\S+/g, 'succession'],
  ['that the disk hangs', /diskStalled:\S+/g, 'false-news'],
])('control: a fingerprint that forgets %s is noticed', { timeout: LIMIT_MS }, (_, part, scope) => {
  expect(walk(scope, (node) => keyOf(node).replace(part, ''))).toContain('differs');
});

for (const scope of LONG ? WIDE : []) {
  test(`${scope.name}: ${scope.about}`, { timeout: LIMIT_MS + WIDE_STATES / 10 }, () => {
    const explorer = new Explorer(scope, 'none', { maxStates: WIDE_STATES });
    const { finding } = explorer.run();
    expect(finding === null ? '' : story(explorer, finding)).toBe('');
  });
}
