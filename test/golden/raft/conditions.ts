/**
 * What a script may wait for (`until …`) and insist on (`expect …`). Expectations are the part of a
 * story that no update rewrites.
 */
import type { NodeId } from '../../../src/lib/ids.ts';
import { labelOf } from './notation.ts';
import type { World } from './world.ts';

export type Condition = (world: World) => boolean;
type Rule = readonly [RegExp, (...words: string[]) => Condition];

const NODE = '([a-z][a-z0-9]*)';
const NODES = '([a-z][a-z0-9]*(?: [a-z][a-z0-9]*)*)';
const LABEL = '"([^"]+)"';

const RULES: readonly Rule[] = [
  [pattern('somebody leads'), () => (world) => world.leader() !== null],
  [pattern('nobody leads'), () => (world) => world.leader() === null],
  [
    pattern(`only ${NODE} leads`),
    (id = '') =>
      (world) => {
        const leaders = world.running().filter((one) => one.status()?.role === 'leader');
        return leaders.length === 1 && leaders[0]?.id === id;
      },
  ],
  [
    pattern(`${NODE} leads`),
    (id = '') =>
      (world) =>
        world.status(id).role === 'leader',
  ],
  [
    pattern(`${NODE} leads term (\\d+)`),
    (id = '', term) =>
      (world) => {
        const status = world.status(id);
        return status.role === 'leader' && status.term === Number(term);
      },
  ],
  [
    pattern(`${NODES} follow(?:s)? ${NODE}`),
    (ids = '', leader) =>
      (world) =>
        ids.split(' ').every((id) => world.status(id).leader === leader && id !== leader),
  ],
  [
    pattern(`${NODE} knows no leader`),
    (id = '') =>
      (world) =>
        world.status(id).leader === null,
  ],
  [
    pattern(`${NODES} (?:is|are) in term (\\d+)`),
    (ids = '', term) =>
      (world) =>
        ids.split(' ').every((id) => world.status(id).term === Number(term)),
  ],
  [
    pattern('nobody is beyond term (\\d+)'),
    (term) => (world) => world.running().every((one) => (one.status()?.term ?? 0) <= Number(term)),
  ],
  [
    pattern(`${NODE} has voted for ${NODE}`),
    (id = '', candidate) =>
      (world) =>
        world.status(id).votedFor === candidate,
  ],
  [
    pattern(`${LABEL} is committed`),
    (label = '') =>
      (world) =>
        [...world.machines.keys()].some((id) => knows(world, id, label)),
  ],
  [
    pattern(`${LABEL} is committed at ${NODES}`),
    (label = '', ids = '') =>
      (world) =>
        ids.split(' ').every((id) => knows(world, id, label)),
  ],
  [
    pattern(`${LABEL} is committed nowhere`),
    (label = '') =>
      (world) =>
        ![...world.machines.keys()].some((id) => knows(world, id, label)),
  ],
  [
    pattern(`${NODES} hold(?:s)? ${LABEL}`),
    (ids = '', label = '') =>
      (world) =>
        ids.split(' ').every((id) => placeOf(world, id, label) !== null),
  ],
  [
    pattern(`${NODES} lack(?:s)? ${LABEL}`),
    (ids = '', label = '') =>
      (world) =>
        ids.split(' ').every((id) => placeOf(world, id, label) === null),
  ],
  [
    pattern(`${NODES} ha(?:s|ve) applied (\\d+)`),
    (ids = '', index) =>
      (world) =>
        ids.split(' ').every((id) => world.machine(id).applied.index >= Number(index)),
  ],
  [pattern(`${LABEL} was refused`), (label) => (world) => world.wasRefused(`"${label}"`)],
  [pattern('all agree'), () => agree],
  [
    pattern(`the voters are ${NODES}`),
    (ids = '') =>
      (world) => {
        const status = world.leader()?.status;
        if (status === undefined || status.commitIndex < status.configurationIndex) return false;
        const { outgoing, voters } = status.configuration;
        return outgoing.length === 0 && [...voters].sort().join(' ') === ids;
      },
  ],
  [
    pattern(`${NODE} has caught up`),
    (id) => (world) => {
      const status = world.leader()?.status;
      const follower = status?.followers.find(({ node }) => node === id);
      return follower !== undefined && follower.matchIndex === status?.lastIndex;
    },
  ],
  [
    pattern('read (\\d+) is (open|confirmed|refused)'),
    (id, state) => (world) => world.readState(Number(id)) === state,
  ],
];

export function conditionOf(text: string): Condition | null {
  for (const [rule, make] of RULES) {
    const match = rule.exec(text);
    if (match !== null) return make(...match.slice(1));
  }
  return null;
}

function pattern(source: string): RegExp {
  return new RegExp(`^${source}$`);
}

/** The index at which a node's log holds the command, or null. */
function placeOf(world: World, id: NodeId, label: string): number | null {
  const { core } = world.machine(id);
  if (core === null) {
    const entry = world.machine(id).disk.entries.find((one) => labelOf(one) === label);
    return entry?.index ?? null;
  }
  const { firstIndex, lastIndex } = core.status();
  for (let index = lastIndex; index >= firstIndex; index -= 1) {
    const entry = core.entryAt(index);
    if (entry !== null && labelOf(entry) === label) return index;
  }
  return null;
}

/** Has the node applied the command? */
function knows(world: World, id: NodeId, label: string): boolean {
  const place = placeOf(world, id, label);
  return place !== null && place <= (world.machine(id).status()?.commitIndex ?? 0);
}

/** Every running member follows the same leader and has applied its whole log. */
function agree(world: World): boolean {
  const leader = world.leader();
  if (leader === null) return false;
  const { lastIndex, configuration } = leader.status;
  const members = [...configuration.voters, ...configuration.outgoing, ...configuration.learners];
  return world
    .running()
    .filter(({ id }) => members.includes(id))
    .every((one) => {
      const status = one.status();
      return status?.leader === leader.machine.id && status.appliedIndex === lastIndex;
    });
}
