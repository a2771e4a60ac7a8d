/** Tables of dm-multipath as `dmsetup table` prints them. */
import { describe, expect, it } from 'vitest';
import { withPath } from '../../src/system/device-mapper.ts';

describe('a further path in a table', () => {
  it('goes to the end of the group', () => {
    expect(withPath('0 131072 multipath 0 0 1 1 round-robin 0 1 1 8:0 1', '8:16')).toBe(
      '0 131072 multipath 0 0 1 1 round-robin 0 2 1 8:0 1 8:16 1',
    );
  });

  it('goes to the last group, after features and a hardware handler', () => {
    const table =
      '0 64 multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 2 1 ' +
      'service-time 0 1 2 8:0 1 1 service-time 0 1 2 8:32 1 1';
    expect(withPath(table, '8:48')).toBe(
      '0 64 multipath 2 queue_if_no_path retain_attached_hw_handler 1 alua 2 1 ' +
        'service-time 0 1 2 8:0 1 1 service-time 0 2 2 8:32 1 1 8:48 1 1',
    );
  });

  it('is none when it is there already', () => {
    expect(withPath('0 64 multipath 0 0 1 1 round-robin 0 1 1 8:0 1', '8:0')).toBeNull();
  });

  it('has no arguments where the first has none', () => {
    expect(withPath('0 64 multipath 0 0 1 1 queue-length 0 1 0 8:0', '8:16')).toBe(
      '0 64 multipath 0 0 1 1 queue-length 0 2 0 8:0 8:16',
    );
  });
});
