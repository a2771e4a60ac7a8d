/** Planners that are wrong in one way each: the stories must notice (controls in golden.test.ts). */
import type { PlannerInput } from '../../../src/failover/planner.ts';
import type { NodeView, View } from '../../../src/membership/view.ts';

export type Sabotage =
  | 'none'
  | 'leases-ignored'
  | 'everyone-is-fit'
  | 'suspects-are-dead'
  | 'witnesses-ignored'
  | 'no-back-off'
  | 'deaf-nodes-hear';

export function sabotaged(how: Sabotage, input: PlannerInput): PlannerInput {
  switch (how) {
    case 'none':
      return input;
    case 'leases-ignored':
      return { ...input, ledger: { remainderMs: () => 0 } };
    case 'everyone-is-fit':
      return withNodes(input, (node) => ({
        ...node,
        fitness: Object.keys(input.state.groups).map((group) => {
          return { group, fit: true, code: null, ageMs: 0 };
        }),
      }));
    case 'suspects-are-dead':
      return withNodes(input, (node) =>
        node.state === 'suspect' ? { ...node, state: 'dead' } : node,
      );
    case 'witnesses-ignored':
      return withNodes(input, (node) => ({ ...node, heardByOthers: false }));
    case 'no-back-off':
      return {
        ...input,
        ages: Object.fromEntries(
          Object.entries(input.ages).map(([group, age]) => {
            const longAgoMs = input.now - 500_000;
            const failuresSinceMs = age.failuresSinceMs.map(() => longAgoMs);
            return [group, { ...age, failuresSinceMs }];
          }),
        ),
      };
    case 'deaf-nodes-hear':
      return withNodes(input, (node) => ({
        ...node,
        links: Object.fromEntries(
          Object.entries(node.links).map(([over, link]) => [over, { ...link, hearsUs: true }]),
        ),
      }));
  }
}

function withNodes(input: PlannerInput, change: (node: NodeView) => NodeView): PlannerInput {
  const nodes = Object.values(input.view.nodes).map(
    (node) => [node.node, change(node)] satisfies [string, NodeView],
  );
  const view: View = { ...input.view, nodes: Object.fromEntries(nodes) };
  return { ...input, view };
}
