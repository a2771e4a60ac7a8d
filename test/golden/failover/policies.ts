/** Lines about what operators ask of groups and nodes beyond resources: policies, wishes, capacities. */
import type { Command } from '../../../src/cluster/command.ts';
import type { GroupDefinition } from '../../../src/cluster/definition.ts';
import { DEFAULT_POLICY, type GroupPolicy } from '../../../src/cluster/policy.ts';
import { groupOf } from '../../../src/cluster/queries.ts';
import { parseDuration } from '../../../src/config/values.ts';
import { definition, resource } from '../../cluster/a-cluster.ts';
import { StoryFailure } from '../story.ts';
import { type Form, N, NODES } from './form.ts';
import type { FailoverStage } from './stage.ts';

const HOUR_MS = 3_600_000;

export const POLICIES: readonly Form[] = [
  [
    `policy of ${N}: (.+)`,
    (stage, [group = '', parts = '']) => {
      const known = groupOf(stage.world.state, group);
      const before = known?.definition ?? definition(group);
      const policy = parts.split('; ').reduce(withPart, before.policy ?? DEFAULT_POLICY);
      return define(stage, { ...before, policy }, known?.revision ?? 0);
    },
  ],
  [
    `${N} is defined anew(, as soon as it is down)?`,
    (stage, [group = '', whenDown]) => {
      const { definition: before, revision } = stage.world.group(group);
      const resources = [...before.resources, resource('more', 'application', ['app'])];
      return define(stage, { ...before, resources }, revision, whenDown !== undefined);
    },
  ],
  [
    `capacity of ${NODES}: ([a-z]+) (\\d+)`,
    (stage, [nodes = '', kind = '', room]) => {
      for (const node of nodes.split(' ')) {
        const capacity = { [kind]: Number(room) };
        stage.happen({ kind: 'set-capacity', node, capacity, by: 'op' });
      }
      return undefined;
    },
  ],
  [
    `wish ${N} on ${N}(?: for (\\d+)min)?`,
    (stage, [group = '', node = '', minutesLong]) => {
      const expiresAtMs = stage.world.wallMs + Number(minutesLong ?? 480) * 60_000;
      return stage.ask({ kind: 'set-wish', group, wish: { node, expiresAtMs }, by: 'op' });
    },
  ],
  [
    `unmove ${N}`,
    (stage, [group = '']) => stage.ask({ kind: 'set-wish', group, wish: null, by: 'op' }),
  ],
  [
    `(maintenance of|online) ${N} in ${N}`,
    (stage, [mode, name = '', group = '']) =>
      stage.ask({
        kind: 'set-mode',
        subject: { kind: 'resource', group, resource: name },
        mode: mode === 'online' ? 'online' : 'maintenance',
        by: 'op',
      }),
  ],
  [
    `${N} was lost (\\d+) times`,
    (stage, [node = '', times]) => {
      const group = 'lost-with-it';
      define(stage, definition(group), 0);
      for (let one = 0; one < Number(times); one += 1) lose(stage, group, node);
      for (const command of ending(stage, group)) stage.happen(command);
      return undefined;
    },
  ],
  [
    'it is (\\d\\d):(\\d\\d)',
    ({ world }, [hours, minutes]) => {
      const since = world.wallMs - world.daytimeMs;
      const wanted = (Number(hours) * 60 + Number(minutes)) * 60_000;
      world.daytimeMs = wanted - (since % (24 * HOUR_MS));
      return undefined;
    },
  ],
];

/** It owned something, was silent, and somebody else has it now. */
function lose(stage: FailoverStage, group: string, node: string): void {
  const other = Object.keys(stage.world.state.members).find((one) => one !== node) ?? '';
  const given = (to: string, kind: 'reported' | 'silence'): Command => ({
    kind: 'assign',
    group,
    expectedEpoch: stage.world.group(group).epoch,
    node: to,
    reason: 'failover',
    evidence: { kind, observer: other, perInterconnectMs: {}, detail: 'as the story says' },
    leaseRemainderMs: 0,
    stamps: [],
  });
  stage.happen(given(node, 'reported'));
  stage.happen(given(other, 'silence'));
}

function ending(stage: FailoverStage, group: string): readonly Command[] {
  const { epoch: expectedEpoch, owner } = stage.world.group(group);
  const node = owner ?? '';
  const guard = { group, expectedEpoch, node } as const;
  return [
    { kind: 'stopped', ...guard, clean: true, proof: 'owner', secret: null },
    { kind: 'delete-group', group, by: 'op' },
  ];
}

function define(
  stage: FailoverStage,
  what: GroupDefinition,
  expectedRevision: number,
  whenDown = false,
): readonly string[] {
  const later = whenDown ? ({ whenDown: true } as const) : {};
  return stage.ask({
    kind: 'define-group',
    definition: what,
    expectedRevision,
    by: 'op',
    ...later,
  });
}

function withPart(policy: GroupPolicy, part: string): GroupPolicy {
  const [key = '', ...words] = part.split(' ');
  switch (key) {
    case 'with':
    case 'apart':
    case 'after':
      return { ...policy, [key]: words };
    case 'failback': {
      const [from, to] = words.map((word) => /^(\d\d):(\d\d)$/.exec(word));
      if (from == null || to == null) return { ...policy, failback: words[0] as 'now' | 'never' };
      return { ...policy, failback: { fromMinute: minutes(from), toMinute: minutes(to) } };
    }
    case 'failovers': {
      const [count, , window = ''] = words;
      const windowMs = parseDuration(window) ?? 0;
      return { ...policy, failovers: { count: Number(count), windowMs } };
    }
    case 'uses':
      return { ...policy, uses: { [words[0] ?? '']: Number(words[1]) } };
    case 'priority':
      return { ...policy, priority: Number(words[0]) };
    default:
      throw new StoryFailure(`no policy is called ${key}`);
  }
}

function minutes([, hours, rest]: RegExpExecArray): number {
  return Number(hours) * 60 + Number(rest);
}
