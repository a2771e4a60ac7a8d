import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../src/guardian/parse.ts';
import { arm } from './support/guardian-process.ts';

const whole = arm({
  teardown: [
    { kind: 'kill-process-group', pid: 2, startTicks: 3 },
    { kind: 'unmount-lazily', path: '/srv' },
  ],
  publishTo: ['192.0.2.1:7400'],
});

describe('a line on the pipe', () => {
  it('that was written by the daemon is read as it was meant', () => {
    expect(parseMessage(JSON.stringify(whole))).toEqual(whole);
    const disarm = { kind: 'disarm', requestId: 1, group: 'db', epoch: 7 } as const;
    expect(parseMessage(JSON.stringify(disarm))).toEqual(disarm);
  });

  it('that lacks anything is not read', () => {
    for (const name of Object.keys(whole)) {
      const part = Object.entries(whole).filter(([key]) => key !== name);
      expect(parseMessage(JSON.stringify(Object.fromEntries(part))), name).toBeNull();
    }
  });

  it.each([0, 1, -5, 1.5, null, '2'])('that would kill the group %j is not read', (pid) => {
    const teardown = [{ kind: 'kill-process-group', pid, startTicks: 3 }];
    expect(parseMessage(JSON.stringify({ ...whole, teardown }))).toBeNull();
  });

  it('that asks for something unknown is not read', () => {
    const teardown = [{ kind: 'reformat', path: '/srv' }];
    expect(parseMessage(JSON.stringify({ ...whole, teardown }))).toBeNull();
    const inherited = [{ kind: 'toString' }];
    expect(parseMessage(JSON.stringify({ ...whole, teardown: inherited }))).toBeNull();
  });

  it('whatever it says, does no harm', () => {
    fc.assert(fc.property(fc.string(), (line) => parseMessage(line) === null));
    fc.assert(fc.property(fc.json(), (line) => parseMessage(line) === null));
  });
});
