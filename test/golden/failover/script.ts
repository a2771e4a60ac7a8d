/**
 * The language of the stories about the planner: each line is one command to the stage. README.md
 * lists it for whoever writes a story.
 */

import type { Mode } from '../../../src/cluster/command.ts';
import { FEATURE_LEVEL } from '../../../src/cluster/level.ts';
import type { LocalGroup } from '../../../src/membership/heartbeat.ts';
import { StoryFailure } from '../story.ts';
import { type Form, list, N, NODES } from './form.ts';
import type { Said } from './machine.ts';
import { POLICIES } from './policies.ts';
import { REPORTS } from './reports.ts';
import { SCENE } from './scene.ts';
import type { FailoverStage } from './stage.ts';

const EPOCH = '(?: in epoch (\\d+))?';

const MACHINES: readonly Form[] = [
  [
    `${NODES} loses? power|${NODES} freezes?`,
    (stage, [off, frozen]) => {
      for (const node of list(off ?? frozen)) stage.running.network.vanish(node);
      return undefined;
    },
  ],
  [
    `the daemons? of ${NODES} (?:is|are) killed`,
    (stage, [nodes]) => {
      for (const node of list(nodes)) stage.running.network.kill(node);
      return undefined;
    },
  ],
  [
    `the daemon of ${N} starts`,
    ({ running: { network, state } }, [node = '']) => {
      network.boot(node, state);
      return undefined;
    },
  ],
  [
    `${NODES} (?:is|are) upgraded`,
    ({ running: { network } }, [nodes]) => {
      for (const node of list(nodes)) network.machine(node).level = FEATURE_LEVEL;
      return undefined;
    },
  ],
  [
    `${N} wakes up after (\\d+)ms`,
    ({ running: { network } }, [node = '', slept]) => {
      network.wake(node, Number(slept));
      return undefined;
    },
  ],
  [
    `(cut|mend) ${N} (->|<->) ${NODES}(?: on (net-[ab]))?`,
    (stage, words) => {
      const [what, from = '', arrow, to, over = null] = words;
      const { network } = stage.running;
      const others = [...network.machines.keys()].filter((node) => node !== from);
      for (const other of to === 'everyone' ? others : list(to)) {
        const way = { cut: what === 'cut', over } as const;
        const [a, b] = [network.machine(from).node, network.machine(other).node];
        network.wire.set({ ...way, from: a, to: b });
        if (arrow === '<->') network.wire.set({ ...way, from: b, to: a });
      }
      network.peersChanged();
      return undefined;
    },
  ],
  [
    '(net-[ab]) (fails|is back)',
    (stage, [over = null, what]) => {
      const { network } = stage.running;
      const nodes = [...network.machines.keys()];
      for (const from of nodes) {
        for (const to of nodes) network.wire.set({ cut: what === 'fails', from, to, over });
      }
      network.peersChanged();
      return undefined;
    },
  ],
];

const SAYING: readonly Form[] = [
  [
    `${N} reports ${N} (stopped|starting|serving|frozen|stopping|failed)${EPOCH}`,
    (stage, words) => {
      const [node = '', group = '', state, epoch] = words;
      const number = epoch === undefined ? stage.running.group(group).epoch : Number(epoch);
      const machine = stage.running.network.machine(node);
      machine.runs.set(group, { epoch: number, state: state as LocalGroup['state'] });
      return undefined;
    },
  ],
  [
    `${N} reports nothing of ${N}`,
    ({ running: world }, [node = '', group = '']) => {
      world.network.machine(node).runs.set(group, null);
      return undefined;
    },
  ],
  [
    `${N} does as committed`,
    ({ world }, [node = '']) => {
      world.network.machine(node).runs.clear();
      return undefined;
    },
  ],
  [
    `${NODES} cannot take ${N}: ([A-Z_]+)`,
    (stage, [nodes, group = '', code = '']) => say(stage, nodes, group, { kind: 'unfit', code }),
  ],
  [
    `${NODES} (?:has|have) not checked ${N} yet`,
    (stage, [nodes, group = '']) => say(stage, nodes, group, { kind: 'silent' }),
  ],
  [
    `the check of ${N} on ${NODES} hangs(?: since (\\d+)s)?`,
    (stage, [group = '', nodes, since]) =>
      say(stage, nodes, group, {
        kind: 'hung',
        atMs: stage.world.now - Number(since ?? 0) * 1_000,
      }),
  ],
  [
    `${NODES} can take ${N} again`,
    (stage, [nodes, group = '']) => {
      for (const node of list(nodes)) stage.world.network.machine(node).said.delete(group);
      return undefined;
    },
  ],
  [
    `${N} gets no lease`,
    ({ world }, [group = '']) => {
      world.unleased.add(world.group(group).definition.group);
      return undefined;
    },
  ],
];

const LEADING: readonly Form[] = [
  [
    `${N} leads since (\\d+)(ms|s)`,
    ({ world }, [node = '', count, unit]) => {
      if (world.network.started) throw new StoryFailure('the world has started');
      world.leadsSince(node, Number(count) * (unit === 's' ? 1_000 : 1));
      return undefined;
    },
  ],
  [
    `${N} is elected in (\\d+)ms, horizon (\\d+)ms ago(, nothing committed yet)?`,
    (stage, words) => {
      const [node = '', election, horizon, young] = words;
      stage.world.elected(node, Number(election), Number(horizon));
      stage.world.appliedOwnTerm = young === undefined;
      return undefined;
    },
  ],
  [
    'its first entry is committed',
    ({ world }) => {
      world.appliedOwnTerm = true;
      return undefined;
    },
  ],
];

const OPERATING: readonly Form[] = [
  [
    `(standby|online|maintenance) ${N}`,
    (stage, [mode, name = '']) => {
      const { world } = stage;
      const subject =
        name === 'cluster'
          ? ({ kind: 'cluster' } as const)
          : Object.hasOwn(world.state.groups, name)
            ? ({ kind: 'group', group: name } as const)
            : ({ kind: 'node', node: name } as const);
      return stage.ask({ kind: 'set-mode', subject, mode: mode as Mode, by: 'op' });
    },
  ],
  [`move ${N}(?: to ${N})?`, (stage, [group = '', to]) => stage.move(group, to ?? null)],
  [
    `leave ${N}( by force)?`,
    (stage, [node = '', force]) => stage.setRole(node, 'leaving', force !== undefined),
  ],
  [
    `promote ${N}( by force)?`,
    (stage, [node = '', force]) => stage.setRole(node, 'voter', force !== undefined),
  ],
  [
    `demote ${N}( by force)?`,
    (stage, [node = '', force]) => stage.setRole(node, 'learner', force !== undefined),
  ],
  [`delete ${N}`, (stage, [group = '']) => stage.ask({ kind: 'delete-group', group, by: 'op' })],
];

const PLANNING: readonly Form[] = [
  ['plan', (stage) => stage.plan()],
  ['do it', (stage) => stage.doIt()],
  ['propose it', (stage) => stage.propose()],
  ['the proposals arrive', (stage) => stage.arrive()],
  [
    'the proposals are lost',
    ({ world }) => {
      world.settle(false);
      return undefined;
    },
  ],
  ['show', (stage) => stage.show()],
  [`why ${N}`, (stage, [group = '']) => stage.why(group)],
  [
    'wait (\\d+)(ms|s)',
    (stage, [count, unit]) => stage.wait(Number(count) * (unit === 's' ? 1_000 : 1)),
  ],
  ['until (.+)', (stage, [condition = '']) => stage.until(condition)],
  ['expect (.+)', (stage, [condition = '']) => stage.expect(condition)],
];

const FORMS = [POLICIES, PLANNING, MACHINES, LEADING, OPERATING, SCENE, REPORTS, SAYING]
  .flat()
  .map(([source, command]) => [new RegExp(`^(?:${source})$`), command] as const);

/** The command that a line stands for, or null where it means nothing. */
export function commandOf(line: string): ((stage: FailoverStage) => readonly string[]) | null {
  for (const [pattern, command] of FORMS) {
    const match = pattern.exec(line);
    if (match !== null) return (stage) => command(stage, match.slice(1)) ?? [];
  }
  return null;
}

function say(
  stage: FailoverStage,
  nodes: string | undefined,
  group: string,
  said: Said,
): undefined {
  for (const node of list(nodes)) stage.world.network.machine(node).said.set(group, said);
}
