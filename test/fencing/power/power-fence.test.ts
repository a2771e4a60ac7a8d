/** A machine whose power is cut through an agent that is a real program, also one that lies. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isInstalled } from '../../../src/fencing/power/fence-agent.ts';
import type { PowerDevice } from '../../../src/fencing/power/plan.ts';
import { powerFence } from '../../../src/fencing/power/power-fence.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { FakeAgent } from './fake-agent.ts';

let agent: FakeAgent;
/** Every pause that was asked for; none of them is waited for. */
let pauses: number[] = [];

beforeEach(async () => {
  agent = await FakeAgent.make();
  pauses = [];
});
afterEach(async () => {
  await agent.remove();
});

const clock: Clock = {
  now: () => 0,
  after: async (delayMs) => {
    pauses.push(delayMs);
  },
};

const fence = (
  devices: readonly PowerDevice[],
  action: 'off' | 'reboot' = 'off',
  signal: AbortSignal = new AbortController().signal,
) => powerFence({ action, devices }, { clock, signal });

describe('an agent of the fence-agents API', () => {
  it('is told its options and the action by its standard input, and the state is read back', async () => {
    const device = agent.device({ options: { ip: '10.0.0.1', plug: 'n1' } });
    expect(await fence([device])).toEqual({ down: true, level: 1, reasons: [] });
    expect(await agent.runs()).toEqual(['n1 off', 'n1 status']);
    expect(await agent.told()).toContain('ip=10.0.0.1\nplug=n1\naction=off\n');
  });

  it('that says done and does nothing is not believed', async () => {
    await agent.answers('lies', 'good', 'lies', 'good');
    const { down, reasons } = await fence([agent.device()]);
    expect(down).toBe(false);
    expect(reasons).toHaveLength(2);
    expect(reasons[0]).toContain('the machine is still on');
  });

  it('that lies is believed where nobody reads back (negative control)', async () => {
    await agent.answers('lies');
    expect(await fence([agent.device({ verify: false })])).toMatchObject({ down: true });
    expect(await agent.runs()).toEqual(['main off']);
  });

  it('that did it and says that it failed has done it', async () => {
    await agent.answers('breaks');
    expect(await fence([agent.device()])).toMatchObject({ down: true });
  });

  it('is asked again after a pause, as often as it is allowed', async () => {
    await agent.answers('fails', 'fails', 'fails', 'fails');
    const device = agent.device({ retries: 2, delayMs: 700, retryDelayMs: 900 });
    expect(await fence([device])).toMatchObject({ down: true });
    expect(pauses).toEqual([700, 900, 900]);
    expect(await agent.runs()).toHaveLength(6);
  });

  it('says why it failed', async () => {
    await agent.answers(...Array<string>(8).fill('fails'));
    const { down, reasons } = await fence([agent.device({ retries: 0 })]);
    expect(down).toBe(false);
    expect(reasons[0]).toMatch(/^level 1, .*fence_fake off: status 1 \(board: no route\)$/);
  });

  it('that hangs is ended at its timeout, and the next level is asked', async () => {
    await agent.answers('hangs', 'hangs');
    const outcome = await fence([
      agent.device({ timeoutMs: 300, retries: 0 }),
      agent.device({ level: 2, options: { plug: 'pdu' } }),
    ]);
    expect(outcome).toMatchObject({ down: true, level: 2 });
    expect(outcome.reasons[0]).toContain('no answer in time');
    expect((await agent.runs()).slice(-2)).toEqual(['pdu off', 'pdu status']);
  });

  it('that is not there fails like one that does not answer', async () => {
    const outcome = await fence([agent.device({ program: '/no/fence_agent', retries: 0 })]);
    expect(outcome).toMatchObject({ down: false });
    expect(outcome.reasons[0]).toContain('COMMAND_NOT_FOUND');
  });

  it('two power supplies of one level: both have to be off', async () => {
    const supplies = ['a', 'b'].map((plug) => agent.device({ options: { plug }, retries: 0 }));
    expect(await fence(supplies)).toMatchObject({ down: true });
    await agent.answers('good', 'good', 'lies');
    await fence(supplies, 'reboot');
    await agent.answers('good', 'good', 'lies');
    expect(await fence(supplies)).toMatchObject({ down: false });
  });

  it('a reboot is: off, known to be off, and on again', async () => {
    const supplies = ['a', 'b'].map((plug) => agent.device({ options: { plug } }));
    expect(await fence(supplies, 'reboot')).toMatchObject({ down: true });
    const order = ['a off', 'a status', 'b off', 'b status', 'a on', 'b on'];
    expect(await agent.runs()).toEqual(order);
  });

  it('a machine that does not come up again was down all the same', async () => {
    await agent.answers('good', 'good', 'fails');
    const outcome = await fence([agent.device()], 'reboot');
    expect(outcome).toMatchObject({ down: true });
    expect(outcome.reasons[0]).toContain('on: status 1');
  });

  it('is not asked after the deadline', async () => {
    const outcome = await fence([agent.device()], 'off', AbortSignal.abort());
    expect(outcome).toEqual({ down: false, level: null, reasons: ['the deadline has passed'] });
    expect(await agent.runs()).toEqual([]);
  });

  it('is found by its path or its name', async () => {
    expect(await isInstalled(agent.program)).toBe(true);
    expect(await isInstalled('sh')).toBe(true);
    expect(await isInstalled('fence_no_such_agent')).toBe(false);
  });
});
