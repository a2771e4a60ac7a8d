/** The error class must be able to tell every fact, whatever it is made of. */
import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';

describe('an error', () => {
  it('names code, cause and facts', () => {
    const error = new HoldfastError('UNKNOWN_GROUP', { group: 'web' });
    expect(error.message).toMatch(/^UNKNOWN_GROUP: no failover group .*\(group=web\)$/);
    expect(error.toProblem()).toMatchObject({ code: 'UNKNOWN_GROUP', context: { group: 'web' } });
  });

  it('can carry a reservation key', () => {
    const error = new HoldfastError('FOREIGN_RESERVATION', { key: 0xa1n, keys: [1n] });
    expect(error.message).toContain('key="0xa1"');
    expect(error.message).toContain('keys=["0x1"]');
  });
});
