/** What `expect` and `until` may ask of a plan, of what is committed, and of an operator's question. */
import { memberOf } from '../../../src/cluster/queries.ts';
import { canSetRole } from '../../../src/failover/change-role.ts';
import { ranking } from '../../../src/failover/placement.ts';
import { canMove, type PlannerOutput } from '../../../src/failover/planner.ts';
import { maxFitnessAgeMs } from '../../../src/failover/planner-input.ts';
import { StoryFailure } from '../story.ts';
import type { World } from './world.ts';

export type Condition = (world: World, plan: PlannerOutput) => boolean;
type Words = readonly (string | undefined)[];
type Form = readonly [RegExp, (world: World, plan: PlannerOutput, words: Words) => boolean];

const N = '([a-z][a-z0-9-]*)';
const CODE = '([A-Z_]+)';

const FORMS: readonly Form[] = [
  // web goes to n3 as failover on silence after 320ms
  form(
    `${N} goes to ${N}(?: as ([a-z]+))?(?: on ([a-z-]+))?(?: after (\\d+)ms| (at once))?`,
    (_, { proposals }, [group, node, reason, kind, ms, atOnce]) =>
      proposals.some(({ command: it }) => {
        if (it.kind !== 'assign' || it.group !== group || it.node !== node) return false;
        const waits = Math.round(it.leaseRemainderMs);
        return (
          (reason === undefined || it.reason === reason) &&
          (kind === undefined || it.evidence.kind === kind) &&
          (ms === undefined || waits === Number(ms)) &&
          (atOnce === undefined || waits === 0)
        );
      }),
  ),
  form(`${N} is to be stopped for ${N}`, (_, { proposals }, [group, to]) =>
    proposals.some(
      ({ command: it }) =>
        it.kind === 'release' && it.group === group && (it.to ?? 'nobody') === to,
    ),
  ),
  form(`${N} waits: ${CODE}(?: for (\\d+)ms)?`, ({ now }, { waiting }, [group, code, ms]) =>
    waiting.some(
      (one) =>
        one.group === group &&
        one.code === code &&
        (ms === undefined || Math.round((one.untilMs ?? now) - now) === Number(ms)),
    ),
  ),
  form(`${N} is left alone`, ({ state }, { proposals, waiting }, [group = '']) => {
    const named = proposals.some(({ command: it }) => 'group' in it && it.group === group);
    return (
      Object.hasOwn(state.groups, group) && !named && waiting.every((one) => one.group !== group)
    );
  }),
  form('nothing is proposed', (_, { proposals }) => proposals.length === 0),
  // By the key of the proposal: define:web, admit:n3, create-cluster.
  form('(\\S+) is proposed', (_, { proposals }, [key]) => proposals.some((one) => one.key === key)),
  form(`(\\S+) is refused: ${CODE}`, (_, { refused }, [key, code]) =>
    refused.some((one) => one.key === key && one.code === code),
  ),
  form(`${N} could take ${N}`, (world, _, [node, group]) => codeOf(world, node, group) === null),
  form(`${N} cannot take ${N}: ${CODE}`, (world, _, [node, group, code]) => {
    return codeOf(world, node, group) === code;
  }),
];

const COMMITTED: readonly Form[] = [
  form(
    `${N} is (serving|taking-over|releasing) on ${N}(?: in epoch (\\d+))?`,
    (world, _, [name = '', phase, node, epoch]) => {
      const group = world.group(name);
      const right = epoch === undefined || group.epoch === Number(epoch);
      return group.phase === phase && group.owner === node && right;
    },
  ),
  form(`${N} is unowned`, (world, _, [name = '']) => world.group(name).phase === 'unowned'),
  form(`${N} is served without failures`, (world, _, [name = '']) => {
    const { phase, failures } = world.group(name);
    return phase === 'serving' && failures.length === 0;
  }),
  form(`${N} has been lost (\\d+) times`, ({ state }, _, [node = '', times]) => {
    return (memberOf(state, node)?.losses?.length ?? 0) === Number(times);
  }),
  form(`there is no group ${N}`, ({ state }, _, [name = '']) => !Object.hasOwn(state.groups, name)),
  form(`${N} is no member`, ({ state }, _, [node = '']) => memberOf(state, node) === null),
];

const ANSWERS: readonly Form[] = [
  form(
    `a move of ${N} (?:to ${N}|anywhere) is (?:(allowed)|refused: ${CODE})`,
    (world, _, [group = '', to, allowed, code]) => {
      const may = canMove(world.moveQuestion(), group, to ?? null);
      return may.ok ? allowed !== undefined : may.error.code === code;
    },
  ),
  form(
    `${N} may become a (voter|learner)|${N} may leave`,
    (world, _, [node, role, leaver]) => roleRefusal(world, node ?? leaver, role) === null,
  ),
  form(`${N} may not leave: ${CODE}`, (world, _, [node, code]) => {
    return roleRefusal(world, node, 'leaving') === code;
  }),
  form(`${N} may not become a (voter|learner): ${CODE}`, (world, _, [node, role, code]) => {
    return roleRefusal(world, node, role) === code;
  }),
];

const MEMBERS: readonly Form[] = [
  form('the next voters are ([a-z0-9 ]+)', ({ electing }, _, [nodes]) => {
    const { step } = electing.plan();
    return step.kind === 'change' && step.target.voters.join(' ') === nodes;
  }),
  form('the next learners are ([a-z0-9 ]+)', ({ electing }, _, [nodes]) => {
    const { step } = electing.plan();
    return step.kind === 'change' && step.target.learners.join(' ') === nodes;
  }),
  form('the members are left alone', ({ electing }) => {
    const { step, proposals } = electing.plan();
    return step.kind === 'nothing' && proposals.length === 0;
  }),
  form(`the lead goes to ${N}`, ({ electing }, _, [node]) => {
    const { step } = electing.plan();
    return step.kind === 'transfer' && step.to === node;
  }),
  form(`${N} is struck off`, ({ electing }, _, [node]) =>
    electing.plan().proposals.some(({ key }) => key === `remove:${node}`),
  ),
  form(`member ${N} waits: ${CODE}`, ({ electing }, _, [node, code]) =>
    electing.plan().waiting.some((one) => one.node === node && one.code === code),
  ),
];

/** The condition that a text stands for, or null where it means nothing. */
export function conditionOf(text: string): Condition | null {
  for (const [pattern, holds] of [FORMS, MEMBERS, ANSWERS, COMMITTED].flat()) {
    const match = pattern.exec(text);
    if (match !== null) return (world, plan) => holds(world, plan, match.slice(1));
  }
  return null;
}

function form(source: string, holds: Form[1]): Form {
  return [new RegExp(`^(?:${source})$`), holds];
}

function codeOf(world: World, node: string | undefined, name: string | undefined): string | null {
  const input = world.input();
  const { state, view } = input;
  const age = maxFitnessAgeMs(input);
  const wish = { first: null, last: null };
  const group = world.group(name ?? '');
  const all = ranking({ state, view, group, maxFitnessAgeMs: age, ...wish });
  const candidate = all.find((one) => one.node === node);
  if (candidate === undefined) throw new StoryFailure(`${node} is no member`);
  return candidate.code;
}

function roleRefusal(world: World, node = '', role = 'leaving'): string | null {
  const alive = Object.values(world.view().nodes).filter(({ state }) => state === 'alive');
  const names = new Set(alive.map((one) => one.node));
  const may = canSetRole(world.state, names, node, role as 'voter' | 'learner' | 'leaving');
  return may.ok ? null : may.error.code;
}
