import { describe, expect, it } from 'vitest';
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import { parameterOnNode, resolveGroup, resolveParameters } from '../../src/cluster/parameters.ts';

const definition: ResourceDefinition = {
  name: 'address',
  type: 'floating-ip',
  needs: [],
  parameters: {
    address: '192.0.2.10/24',
    device: 'eth0',
    [parameterOnNode('device', 'node2')]: 'enp3s0',
    [parameterOnNode('vlan', 'node2')]: 7,
  },
  startTimeoutMs: 1,
  stopTimeoutMs: 1,
  monitorIntervalMs: 1,
  monitorTimeoutMs: 1,
};

describe('resolveParameters', () => {
  it('a node reads its own value in place of the common one', () => {
    expect(resolveParameters(definition, 'node2').parameters).toEqual({
      address: '192.0.2.10/24',
      device: 'enp3s0',
      vlan: 7,
    });
  });

  it('a node without a value of its own reads the common one, and none that is not its own', () => {
    expect(resolveParameters(definition, 'node1').parameters).toEqual({
      address: '192.0.2.10/24',
      device: 'eth0',
    });
  });

  it('a definition that is the same everywhere comes back as it is', () => {
    const plain = { ...definition, parameters: { device: 'eth0' } };
    expect(resolveParameters(plain, 'node1')).toBe(plain);
  });

  it('a group is resolved in all its resources', () => {
    const group = { group: 'web', preferred: [], resources: [definition, definition] };
    const resolved = resolveGroup(group, 'node2').resources.map((one) => one.parameters['device']);
    expect(resolved).toEqual(['enp3s0', 'enp3s0']);
  });
});
