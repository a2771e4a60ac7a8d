/** Answers to MODE SENSE (10) as disks give them. */
import { describe, expect, it } from 'vitest';
import { isWriteBack } from '../../src/system/write-cache.ts';

const HEADER = [0, 26, 0, 0x10, 0, 0, 0, 0];
const page = (flags: number) => [0x08, 0x12, flags, ...Array<number>(17).fill(0)];

describe('the caching page', () => {
  it.each([
    ['write cache on', Buffer.from([...HEADER, ...page(0x04)]), true],
    ['write cache off', Buffer.from([...HEADER, ...page(0x00)]), false],
    ['only the read cache off', Buffer.from([...HEADER, ...page(0x01)]), false],
    ['saveable', Buffer.from([...HEADER, 0x88, ...page(0x04).slice(1)]), true],
    [
      'behind a block descriptor',
      Buffer.from([0, 34, 0, 0, 0, 0, 0, 8, ...Array<number>(8).fill(4), ...page(0x04)]),
      true,
    ],
    ['another page', Buffer.from([...HEADER, 0x0a, 0x0a, 0x04]), false],
    ['cut short', Buffer.from([0, 26]), false],
  ])('%s', (_, answer, expected) => {
    expect(isWriteBack(answer)).toBe(expected);
  });
});
