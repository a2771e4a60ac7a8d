/** The disk agent on an emulated disk; on real ones: test/fencing/real-disk.lab.test.ts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Parameter } from '../../src/cluster/definition.ts';
import { EmulatedDisk } from '../../src/fencing/devices/emulated/client.ts';
import { DEFAULT_TARGET } from '../../src/fencing/devices/emulated/commands.ts';
import { DiskServer } from '../../src/fencing/devices/emulated/server.ts';
import { execute } from '../../src/fencing/devices/emulated/verbs.ts';
import { clusterTag, packKey } from '../../src/fencing/protocol/key.ts';
import type { ActionContext, Outcome, ResourceAgent } from '../../src/resources/agent.ts';
import { createDiskAgent } from '../../src/resources/agents/disk.ts';
import { monotonicClock } from '../../src/system/clock.ts';

const CLUSTER = 'cluster-of-the-test';
let server: DiskServer;
let address: string;

beforeEach(async () => {
  const target = (identity: string) => ({ ...DEFAULT_TARGET, identity });
  server = new DiskServer({
    address: '127.0.0.1:0',
    disks: {
      '0': target('naa.1'),
      '1': target('naa.2'),
      volatile: { ...target('naa.3'), aptpl: false },
    },
    file: null,
    blocks: 16,
    writeDelayMs: 0,
    clock: monotonicClock,
  });
  address = await server.start();
});
afterEach(async () => {
  await server.stop();
});

function agentOf(initiator: string, fence = false): ResourceAgent {
  return createDiskAgent({ initiator, sabotage: { fence } });
}

function definition(parameters: Readonly<Record<string, Parameter>> = {}, name = 'data') {
  return {
    name,
    type: 'disk',
    needs: [],
    parameters: { device: `emulated:${address}#0`, ...parameters },
    startTimeoutMs: 5000,
    stopTimeoutMs: 5000,
    monitorIntervalMs: 10,
    monitorTimeoutMs: 5000,
  };
}

function context(node: number, epoch: number, more: Partial<ActionContext> = {}): ActionContext {
  return {
    group: 'ledger',
    node: `node${node}`,
    nodeNumber: node,
    clusterId: CLUSTER,
    epoch,
    reason: 'failover',
    previousOwner: null,
    resources: [],
    predecessorFenced: false,
    lastEpoch: epoch,
    signal: AbortSignal.timeout(20_000),
    ...more,
  };
}

async function writeAs(initiator: string): Promise<string> {
  const disk = new EmulatedDisk({ address, lun: '0', initiator, path: 'a', timeoutMs: 5000 });
  try {
    await disk.writeBlock(0, Buffer.from('x'), AbortSignal.timeout(5000));
    return 'good';
  } catch (error) {
    return (error as { readonly code: string }).code;
  } finally {
    disk.close();
  }
}

const code = (outcome: Outcome) => outcome.code ?? String(outcome.status);

describe('the disk agent', () => {
  it('start takes the disk: this node writes, the others do not', async () => {
    const agent = agentOf('node1');
    expect(await agent.start(definition(), context(1, 1))).toMatchObject({ status: 0 });
    expect(await writeAs('node1')).toBe('good');
    expect(await writeAs('node2')).toBe('RESERVATION_CONFLICT');
    expect(await agent.monitor(definition(), context(1, 1))).toMatchObject({ status: 0 });
    expect(agent.teardown(definition(), context(1, 1))).toEqual([]);
  });

  it('start again under the same epoch is a look, and sends no takeover', async () => {
    const agent = agentOf('node1');
    await agent.start(definition(), context(1, 1));
    const before = server.target('0')?.readKeys('watcher');
    expect(before).toMatchObject({ check: 'unit-attention' });
    const generation = server.target('0')?.readKeys('watcher');
    expect(await agent.start(definition(), context(1, 1))).toMatchObject({ status: 0 });
    expect(server.target('0')?.readKeys('watcher')).toEqual(generation);
  });

  it.each(['stop', 'kill'] as const)('%s leaves key and reservation in place', async (action) => {
    const agent = agentOf('node1');
    await agent.start(definition(), context(1, 1));
    expect(await agent[action](definition(), context(1, 1))).toMatchObject({ status: 0 });
    expect(server.target('0')?.inspect().reservation).toEqual({ type: 1, holder: 'node1:a' });
    expect(code(await agent.monitor(definition(), context(1, 1)))).toBe('7');
    expect(await writeAs('node2')).toBe('RESERVATION_CONFLICT');
  });

  it('the next owner takes it; the old one is told and cannot come back (pain 7: fenced, and goes on)', async () => {
    const [first, second] = [agentOf('node1'), agentOf('node2')];
    await first.start(definition(), context(1, 1));
    const told = new Promise<Outcome>((resolve) => {
      first.watch(definition(), context(1, 1), resolve);
    });
    const next = context(2, 2, { predecessorFenced: true });
    expect(await second.start(definition(), next)).toMatchObject({ status: 0 });
    expect(code(await told)).toBe('DISK_FENCED');
    expect(code(await first.monitor(definition(), context(1, 1)))).toBe('DISK_FENCED');
    expect(await writeAs('node1')).toBe('RESERVATION_CONFLICT');
    await first.stop(definition(), context(1, 1));
    const late = context(1, 1, { lastEpoch: 2 });
    expect(code(await first.start(definition(), late))).toBe('TAKEOVER_SUPERSEDED');
  });

  it('a disk that a third hand cleared and an older owner took is reset, not only aborted', async () => {
    await agentOf('node1').start(definition(), context(1, 1));
    const agent = agentOf('node2');
    const stands = context(2, 9, { predecessorFenced: true, predecessor: 1 });
    const plain = await agent.start(definition(), stands);
    expect(plain.detail).not.toContain('reset');
    const hidden = context(3, 12, { predecessorFenced: true, predecessor: 11 });
    const outcome = await agentOf('node3').start(definition(), hidden);
    expect(outcome.detail).toContain('reset');
  });

  it('a disk whose epochs nobody committed is a rolled-back cluster', async () => {
    await agentOf('node2').start(definition(), context(2, 50));
    const agent = agentOf('node1');
    expect(code(await agent.fitness(definition(), context(1, 3)))).toBe('STATE_ROLLED_BACK');
    expect(code(await agent.start(definition(), context(1, 3)))).toBe('STATE_ROLLED_BACK');
  });

  it("a stranger's key is not stolen, and tells on a disk that is ours", async () => {
    const target = server.target('0');
    if (target === null) throw new Error('no disk');
    const agent = agentOf('node1');
    await agent.start(definition(), context(1, 1));
    const stranger = { kind: 'register', path: 'a', current: 0n, key: 0xa1n, aptpl: true } as const;
    execute(target, 'stranger:a', stranger);
    execute(target, 'stranger:a', stranger);
    const degraded = await agent.monitor(definition(), context(1, 1));
    expect(degraded).toMatchObject({ status: 190, code: 'FOREIGN_RESERVATION' });
    const other = agentOf('node2');
    expect(code(await other.fitness(definition(), context(2, 2)))).toBe('FOREIGN_RESERVATION');
    expect(code(await other.start(definition(), context(2, 2)))).toBe('FOREIGN_RESERVATION');
  });

  it('is fit without registering, and not for a disk that is gone', async () => {
    const agent = agentOf('node1');
    expect(await agent.fitness(definition(), context(1, 1))).toMatchObject({ status: 0 });
    expect(server.target('0')?.inspect().registrations.size).toBe(0);
    const elsewhere = definition({ device: 'emulated:127.0.0.1:1#0' });
    expect(code(await agent.fitness(elsewhere, context(1, 1)))).toBe('DISK_PATHS_LOST');
    const wrong = definition({ identity: 'naa.77' });
    expect(code(await agent.start(wrong, context(1, 1)))).toBe('DISK_IDENTITY_MISMATCH');
  });

  it('refuses a target that forgets, unless the definition accepts it', async () => {
    const agent = agentOf('node1');
    const device = `emulated:${address}#volatile`;
    const refused = await agent.start(definition({ device }), context(1, 1));
    expect(code(refused)).toBe('VOLATILE_RESERVATIONS');
    const accepted = definition({ device, 'volatile-reservations': true });
    expect(await agent.start(accepted, context(1, 1))).toMatchObject({ status: 0 });
  });

  it('serves many groups, and a deadline that has passed is told', async () => {
    const agent = agentOf('node1');
    const other = definition({ device: `emulated:${address}#1` });
    const [a, b] = await Promise.all([
      agent.start(definition(), context(1, 1)),
      agent.start(other, context(1, 2, { group: 'mail' })),
    ]);
    expect([a.status, b.status]).toEqual([0, 0]);
    await agent.stop(definition(), context(1, 1));
    expect(await agent.monitor(other, context(1, 2, { group: 'mail' }))).toMatchObject({
      status: 0,
    });
    const late = context(1, 3, { signal: AbortSignal.abort() });
    expect(code(await agent.start(definition(), late))).toBe('TAKEOVER_TIMED_OUT');
  });

  it('sabotaged, it starts without the disk, and the old owner still writes', async () => {
    await agentOf('node1').start(definition(), context(1, 1));
    const agent = agentOf('node2', true);
    expect(await agent.start(definition(), context(2, 2))).toMatchObject({ status: 0 });
    expect(await agent.monitor(definition(), context(2, 2))).toMatchObject({ status: 0 });
    expect(await writeAs('node1')).toBe('good');
  });

  it.each([3, 6])('type %i: takes, and is taken over from, like the others', async (type) => {
    const wanted = definition({ 'reservation-type': type });
    const [one, two] = [agentOf('node1'), agentOf('node2')];
    expect((await one.start(wanted, context(1, 1))).status).toBe(0);
    expect(await writeAs('node1')).toBe('good');
    // Others cannot even read it: that the disk answers is enough to be fit.
    expect(await two.fitness(wanted, context(2, 1))).toMatchObject({ status: 0 });
    const next = context(2, 2, { predecessorFenced: true });
    expect((await two.start(wanted, next)).status).toBe(0);
    expect(await writeAs('node1')).toBe('RESERVATION_CONFLICT');
    expect(await writeAs('node2')).toBe('good');
    expect(code(await one.monitor(wanted, context(1, 1)))).toBe('DISK_FENCED');
  });

  it('keeps the key of this node and epoch', async () => {
    await agentOf('node3').start(definition(), context(3, 4));
    const key = packKey({ tag: clusterTag(CLUSTER), node: 3, epoch: 4 });
    expect([...(server.target('0')?.inspect().registrations.values() ?? [])]).toEqual([key]);
  });
});

describe('bad parameters', () => {
  it.each([
    ['an unknown one', { colour: 'red' }],
    ['no identity of a real disk', { device: '/dev/sda' }],
    ['an adapter that does not exist', { adapter: 'fax' }],
    ['a type without a single holder', { 'reservation-type': 7 }],
    ['a flag that is none', { 'volatile-reservations': 'perhaps' }],
    [
      'an emulated adapter for a real disk',
      { device: '/dev/sda', identity: 'x', adapter: 'emulated' },
    ],
    [
      'type 5 by a program whose killed commands may arrive late',
      { device: '/dev/sda', identity: 'x', adapter: 'sg-persist', 'reservation-type': 5 },
    ],
    [
      'type 6 by that program',
      { device: '/dev/sda', identity: 'x', adapter: 'sg-persist', 'reservation-type': 6 },
    ],
  ])('%s', async (_, parameters) => {
    const agent = agentOf('node1');
    for (const action of ['validateAll', 'start', 'fitness', 'prepare'] as const) {
      const outcome = await agent[action](definition(parameters), context(1, 1));
      expect(outcome).toMatchObject({ status: 6, code: 'DISK_PARAMETER_INVALID' });
    }
  });

  it('a device that does not exist', async () => {
    const agent = agentOf('node1');
    const missing = definition({ device: '/dev/no-such-disk', identity: 'naa.1' });
    expect(code(await agent.validateAll(missing, context(1, 1)))).toBe('DISK_DEVICE_INVALID');
    const nowhere = definition({ device: [], identity: 'naa.nowhere' });
    expect(code(await agent.validateAll(nowhere, context(1, 1)))).toBe('DISK_NOT_FOUND');
  });
});
