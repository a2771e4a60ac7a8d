import type { Parameter, ResourceDefinition } from '../../../src/cluster/definition.ts';
import type { ActionContext } from '../../../src/resources/agent.ts';

/** A resource with generous bounds: tests run on busy machines. */
export function resource(
  type: string,
  parameters: Readonly<Record<string, Parameter>>,
  fields: Partial<ResourceDefinition> = {},
): ResourceDefinition {
  return {
    name: `${type}-1`,
    type,
    needs: [],
    parameters,
    startTimeoutMs: 20_000,
    stopTimeoutMs: 20_000,
    monitorIntervalMs: 1_000,
    monitorTimeoutMs: 20_000,
    ...fields,
  };
}

export function contextOf(fields: Partial<ActionContext> = {}): ActionContext {
  return {
    group: 'db',
    node: 'node1',
    nodeNumber: 1,
    clusterId: `test-${process.pid}`,
    epoch: 7,
    reason: 'failover',
    previousOwner: 'node2',
    resources: [],
    predecessorFenced: true,
    lastEpoch: 7,
    signal: new AbortController().signal,
    ...fields,
  };
}
