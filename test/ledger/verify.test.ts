/** The comparison alone. */

import { describe, expect, it } from 'vitest';
import { compare, type Sent } from './verify.ts';

const sent = (seq: number, acknowledged: boolean): Sent => ({
  client: 'c',
  seq,
  payload: `p${seq}`,
  acknowledged,
});
const listed = (seq: number, payload = `p${seq}`, client = 'c') => ({
  client,
  seq,
  payload,
  node: 'n',
  epoch: 1,
});

describe('compare', () => {
  it('a record without an answer may be there or not', () => {
    expect(compare([sent(1, true), sent(2, false)], [listed(1)])).toMatchObject({ ok: true });
    expect(compare([sent(1, true), sent(2, false)], [listed(1), listed(2)])).toMatchObject({
      ok: true,
    });
  });

  it('an acknowledged record that is not listed is lost', () => {
    expect(compare([sent(1, true), sent(2, true)], [listed(2)])).toMatchObject({
      ok: false,
      lost: 1,
    });
  });

  it('a record that was never sent, or sent with other contents, is a phantom', () => {
    expect(compare([sent(1, true)], [listed(1), listed(2)])).toMatchObject({
      ok: false,
      phantom: 1,
    });
    expect(compare([sent(1, true)], [listed(1, 'other')])).toMatchObject({ ok: false, phantom: 1 });
  });

  it('records of other clients are not looked at', () => {
    expect(compare([sent(1, true)], [listed(1), listed(1, 'x', 'other')])).toMatchObject({
      ok: true,
    });
  });
});
