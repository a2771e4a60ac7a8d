/**
 * What an operator may suppose: `node2 dies`, `node2 goes to standby`, `group db stops`, `group db fails`,
 * `db moves to node3`. Each changes what a leader would see, or what is committed.
 */
import { apply } from '../cluster/apply.ts';
import type { Command } from '../cluster/command.ts';
import { groupOf, memberOf } from '../cluster/queries.ts';
import type { ClusterState } from '../cluster/state.ts';
import type { GroupId, NodeId } from '../lib/ids.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { failure, type Result, success } from '../lib/result.ts';
import type { NodeView, View } from '../membership/view.ts';

export type Supposition =
  | { readonly kind: 'node-dies' | 'node-standby' | 'node-returns'; readonly node: NodeId }
  | { readonly kind: 'group-stops' | 'group-fails'; readonly group: GroupId }
  | { readonly kind: 'group-moves'; readonly group: GroupId; readonly to: NodeId };

export type Refused = {
  readonly code: Extract<ProblemCode, 'UNKNOWN_NODE' | 'UNKNOWN_GROUP' | 'BAD_SUPPOSITION'>;
  readonly detail: string;
};

const NAME = '([A-Za-z0-9][A-Za-z0-9._-]*)';
const FORMS: readonly (readonly [RegExp, (a: string, b: string) => Supposition])[] = [
  [new RegExp(`^(?:node )?${NAME} (?:dies|is dead)$`), (node) => ({ kind: 'node-dies', node })],
  [
    new RegExp(`^(?:node )?${NAME} (?:goes to |in )?standby$`),
    (node) => ({ kind: 'node-standby', node }),
  ],
  [new RegExp(`^(?:node )?${NAME} returns$`), (node) => ({ kind: 'node-returns', node })],
  [new RegExp(`^group ${NAME} stops$`), (group) => ({ kind: 'group-stops', group })],
  [new RegExp(`^group ${NAME} fails$`), (group) => ({ kind: 'group-fails', group })],
  [
    new RegExp(`^(?:group )?${NAME} moves to ${NAME}$`),
    (group, to) => ({ kind: 'group-moves', group, to }),
  ],
];

export const SUPPOSITIONS =
  '`NODE dies`, `NODE returns`, `NODE standby`, `group GROUP stops`, `group GROUP fails`, `GROUP moves to NODE`';

export function parseSupposition(text: string): Result<Supposition, Refused> {
  const plain = text.trim().replace(/\s+/g, ' ');
  for (const [pattern, make] of FORMS) {
    const match = pattern.exec(plain);
    if (match !== null) return success(make(match[1] ?? '', match[2] ?? ''));
  }
  const detail = `${JSON.stringify(plain)} is none of ${SUPPOSITIONS}`;
  return failure({ code: 'BAD_SUPPOSITION', detail });
}

/** What is committed and what is seen, as they would be. */
export type Supposed = { readonly state: ClusterState; readonly view: View };

export function suppose({ state, view }: Supposed, what: Supposition): Result<Supposed, Refused> {
  if ('node' in what && memberOf(state, what.node) === null) {
    return failure({ code: 'UNKNOWN_NODE', detail: `node ${what.node}` });
  }
  if ('group' in what && groupOf(state, what.group) === null) {
    return failure({ code: 'UNKNOWN_GROUP', detail: `group ${what.group}` });
  }
  switch (what.kind) {
    case 'node-dies':
      return success({ state, view: withNode(view, what.node, gone) });
    case 'node-returns':
      return success({ state, view: withNode(view, what.node, (node) => back(node, state)) });
    case 'node-standby': {
      const subject = { kind: 'node', node: what.node } as const;
      return success(
        after({ state, view }, { kind: 'set-mode', subject, mode: 'standby', by: IF }),
      );
    }
    case 'group-stops': {
      const subject = { kind: 'group', group: what.group } as const;
      return success(
        after({ state, view }, { kind: 'set-mode', subject, mode: 'standby', by: IF }),
      );
    }
    case 'group-moves': {
      const { group, to } = what;
      if (memberOf(state, to) === null) {
        return failure({ code: 'UNKNOWN_NODE', detail: `node ${to}` });
      }
      const expectedEpoch = groupOf(state, group)?.epoch ?? 0;
      const release = {
        kind: 'release',
        group,
        expectedEpoch,
        to,
        reason: 'move',
        by: IF,
      } as const;
      return success(after({ state, view }, release));
    }
    case 'group-fails':
      return success(failed({ state, view }, what.group));
  }
}

const IF = 'a supposition';

function after({ state, view }: Supposed, ...commands: readonly Command[]): Supposed {
  return { state: commands.reduce((before, one) => apply(before, 0, one).state, state), view };
}

/** Whoever owns it stops it in order and gives it up. */
function failed(supposed: Supposed, group: GroupId): Supposed {
  const known = groupOf(supposed.state, group);
  if (known === null || known.owner === null) return supposed;
  const guard = { group, expectedEpoch: known.epoch, node: known.owner } as const;
  return after(
    supposed,
    { kind: 'stopped', ...guard, clean: true, proof: 'owner', secret: null },
    { kind: 'takeover-failed', ...guard, code: 'APPLICATION_EXITED', detail: IF },
  );
}

function withNode(view: View, node: NodeId, change: (seen: NodeView) => NodeView): View {
  const seen = view.nodes[node];
  if (seen === undefined) return view;
  return { ...view, nodes: { ...view.nodes, [node]: change(seen) } };
}

/** Long enough that nobody doubts it, and every lease has run out. */
const SILENT_MS = 600_000;

function gone(seen: NodeView): NodeView {
  const link = { state: 'dead', silentMs: SILENT_MS, hearsUs: false } as const;
  return {
    ...seen,
    state: 'dead',
    proofOfDeath: true,
    links: Object.fromEntries(Object.keys(seen.links).map((over) => [over, link])),
    silentMs: SILENT_MS,
    heardByOthers: false,
    fitness: [],
    groups: [],
  };
}

/** Heard again, and as good for every group as it can be. */
function back(seen: NodeView, { groups }: ClusterState): NodeView {
  const link = { state: 'alive', silentMs: 0, hearsUs: true } as const;
  const over = Object.keys(seen.links);
  return {
    ...seen,
    state: 'alive',
    proofOfDeath: false,
    links: Object.fromEntries((over.length === 0 ? ['any'] : over).map((name) => [name, link])),
    silentMs: 0,
    fitness: Object.keys(groups).map((group) => ({ group, fit: true, code: null, ageMs: 0 })),
    groups: [],
  };
}
