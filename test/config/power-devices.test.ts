/** The devices that cut power, as a file names them and as they are committed. */
import { describe, expect, it } from 'vitest';
import { powerFence } from '../../src/config/power-devices.ts';
import { powerParameters } from '../../src/resources/agents/power-fence-parameters.ts';

const device = {
  node: 'node1',
  program: 'fence_ipmilan',
  options: { ip: '10.0.0.1', lanplus: true },
};

const read = (given: object) => powerFence.safeParse({ devices: [{ ...device, ...given }] });

describe('a device', () => {
  it('is read by the agent as it was meant', () => {
    const parameters = powerFence.parse({
      action: 'reboot',
      devices: [device, { ...device, node: 'node2', level: 2, delay: '1.5s', verify: false }],
    });
    const times = {
      startTimeoutMs: 1,
      stopTimeoutMs: 1,
      monitorIntervalMs: 1,
      monitorTimeoutMs: 1,
    };
    const definition = { name: 'power', type: 'power-fence', needs: [], ...times };
    expect(powerParameters({ ...definition, parameters: parameters as never })).toEqual({
      action: 'reboot',
      policy: 'required',
      devices: [
        {
          node: 'node1',
          program: 'fence_ipmilan',
          options: { ip: '10.0.0.1', lanplus: 'true' },
          level: 1,
          delayMs: 0,
          retries: 1,
          retryDelayMs: 1_000,
          timeoutMs: 20_000,
          verify: true,
        },
        expect.objectContaining({ node: 'node2', level: 2, delayMs: 1_500, verify: false }),
      ],
    });
  });

  it.each([
    ['a password, which everybody could read', { options: { password: 'x' } }, 'passwd_script'],
    ['an action, which is the cluster’s', { options: { action: 'on' } }, 'action'],
    ['two lines in one option', { options: { ip: '1\naction=on' } }, 'one line'],
    ['a program that is no agent', { program: 'rm' }, 'fence_NAME'],
    ['a level that is none', { level: 0 }, 'level'],
  ])('with %s is refused', (_, given, word) => {
    const { success, error } = read(given);
    expect(success).toBe(false);
    expect(JSON.stringify(error?.issues)).toContain(word);
  });

  it('is needed', () => {
    expect(powerFence.safeParse({ devices: [] }).success).toBe(false);
  });
});
