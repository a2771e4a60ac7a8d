/** When the machine of a previous owner has to be off before a group starts, and when not. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import type { ActionContext } from '../../src/resources/agent.ts';
import { PowerFenceAgent } from '../../src/resources/agents/power-fence.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import { type AgentLab, RESOURCE_AGENT_CONTRACT, reset } from '../contract/resource-agent.ts';
import { FakeAgent } from '../fencing/power/fake-agent.ts';

let fake: FakeAgent;
let agent: PowerFenceAgent;
let said: string[] = [];

beforeEach(async () => {
  fake = await FakeAgent.make();
  said = [];
  agent = new PowerFenceAgent({ clock: monotonicClock, log: (line) => void said.push(line) });
});
afterEach(async () => {
  await fake.remove();
});

function definition(parameters: object = {}, ...nodes: readonly string[]): ResourceDefinition {
  const devices = (nodes.length === 0 ? ['node1'] : nodes).map((node) => {
    return JSON.stringify({ node, ...fake.device({ retries: 0, options: { plug: node } }) });
  });
  return {
    name: 'power',
    type: 'power-fence',
    needs: [],
    parameters: { devices, ...parameters },
    startTimeoutMs: 20_000,
    stopTimeoutMs: 5_000,
    monitorIntervalMs: 1_000,
    monitorTimeoutMs: 5_000,
  };
}

function context(fields: Partial<ActionContext> = {}): ActionContext {
  return {
    group: 'web',
    node: 'node2',
    nodeNumber: 2,
    clusterId: 'c',
    epoch: 5,
    reason: 'failover',
    previousOwner: 'node1',
    resources: [],
    predecessorFenced: true,
    lastEpoch: 5,
    signal: AbortSignal.timeout(20_000),
    ...fields,
  };
}

/** What it did is not undone, so the guardian is told nothing: like a disk, and unlike all others. */
const CLAUSES = RESOURCE_AGENT_CONTRACT.filter(({ name }) => !name.includes('tells the guardian'));

describe('a power fence', () => {
  it('keeps the contract of agents', async () => {
    expect(CLAUSES).toHaveLength(RESOURCE_AGENT_CONTRACT.length - 1);
    expect(agent.teardown()).toEqual([]);
    const lab: AgentLab = {
      agent,
      definition: definition(),
      context: context(),
      lease: async () => {},
      undo: async () => {},
      holds: false,
    };
    for (const { run } of CLAUSES) {
      await reset(lab);
      await run(lab);
    }
  });

  it('switches the previous owner off in a failover, once for an epoch', async () => {
    expect(await agent.start(definition(), context())).toMatchObject({ status: 0 });
    expect(await agent.start(definition(), context())).toMatchObject({ status: 0 });
    expect(await fake.runs()).toEqual(['node1 off', 'node1 status']);
    expect(said).toEqual(['node1 is off, by level 1']);
    expect(await agent.monitor(definition(), context())).toMatchObject({ status: 0 });
    expect(await agent.monitor(definition(), context({ epoch: 6 }))).toMatchObject({ status: 7 });
  });

  it.each([
    ['a move', { reason: 'move' }],
    ['the first start', { reason: 'boot', previousOwner: null }],
    ['an owner that stopped everything in order', { clean: true }],
    ['this node itself', { previousOwner: 'node2' }],
    ['nobody', { previousOwner: null }],
  ] as const)('leaves the power of %s alone', async (_, fields) => {
    expect(await agent.start(definition(), context(fields))).toMatchObject({ status: 0 });
    expect(await fake.runs()).toEqual([]);
  });

  it('that is required and fails keeps what needs it from starting', async () => {
    await fake.answers('lies', 'good');
    const outcome = await agent.start(definition(), context());
    expect(outcome).toMatchObject({ status: 1, code: 'POWER_FENCE_FAILED' });
    expect(outcome.detail).toContain('node1 is not known to be off');
    expect(await agent.monitor(definition(), context())).toMatchObject({ status: 7 });
  });

  it('that is tried at best goes on, and says so', async () => {
    await fake.answers('lies', 'good');
    const outcome = await agent.start(definition({ policy: 'best-effort' }), context());
    expect(outcome).toMatchObject({ status: 0 });
    expect(said.join()).toContain('the machine is still on');
  });

  it('asks only the devices of that node', async () => {
    const two = definition({}, 'node1', 'node3');
    await agent.start(two, context({ previousOwner: 'node3' }));
    expect(await fake.runs()).toEqual(['node3 off', 'node3 status']);
  });

  it('for a node without a device is not a success', async () => {
    const outcome = await agent.start(definition(), context({ previousOwner: 'node9' }));
    expect(outcome).toMatchObject({ code: 'POWER_FENCE_FAILED' });
    expect(outcome.detail).toContain('no device is named for node9');
  });

  it('makes a node unfit that does not have the program', async () => {
    expect(await agent.fitness(definition(), context())).toMatchObject({ status: 0 });
    const other = { node: 'node1', ...fake.device({ program: 'fence_none' }) };
    const missing = definition({ devices: [JSON.stringify(other)] });
    expect(await agent.fitness(missing, context())).toMatchObject({
      status: 5,
      code: 'COMMAND_NOT_FOUND',
    });
    expect(await agent.validateAll(missing, context())).toMatchObject({
      code: 'POWER_FENCE_FAILED',
    });
    expect(await fake.runs()).toEqual([]);
  });

  it.each([
    ['no devices', { devices: [] }],
    ['a device that is none', { devices: ['{"node":"node1"}'] }],
    ['words', { devices: ['off'] }],
    ['an action of its own', { action: 'burn' }],
    ['a policy of its own', { policy: 'perhaps' }],
  ])('with %s is misconfigured', async (_, parameters) => {
    const outcome = await agent.start(definition(parameters), context());
    expect(outcome).toMatchObject({ status: 6, code: 'RESOURCE_MISCONFIGURED' });
  });
});
