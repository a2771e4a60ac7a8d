import { describe, expect, it } from 'vitest';
import { over, overridesOf } from '../../src/config/environment.ts';
import { checkConfig } from '../../src/config/load.ts';
import { VALID } from './fixture.ts';

describe('the environment', () => {
  it('stands in for the file, and a flag for both', () => {
    const env = {
      HOLDFAST_NODE: 'node2',
      HOLDFAST_DATA_DIRECTORY: '/srv/holdfast',
      HOLDFAST_SOCKET: '/run/h.sock',
      HOLDFAST_LOG_LEVEL: 'debug',
    };
    const { config } = checkConfig('f.yaml', VALID, over({ node: 'node3' }, overridesOf(env)));
    expect(config).toMatchObject({
      node: 'node3',
      dataDirectory: '/srv/holdfast',
      socketPath: '/run/h.sock',
      log: { level: 'debug', file: null },
    });
  });

  it('that says nothing changes nothing', () => {
    const { config } = checkConfig('f.yaml', VALID, overridesOf({ HOLDFAST_NODE: '' }));
    expect(config).toMatchObject({ node: 'node1', dataDirectory: '/var/lib/holdfast' });
    expect(config?.log).toBeUndefined();
  });

  it.each([
    ['HOLDFAST_NODE', 'not a name'],
    ['HOLDFAST_DATA_DIRECTORY', 'relative'],
    ['HOLDFAST_LOG_LEVEL', 'loud'],
  ])('%s=%s is refused with its name', (variable, value) => {
    expect(() => overridesOf({ [variable]: value })).toThrow(variable);
  });
});
