/** What counts as a wrong answer, and what only looks like one. */

import { describe, expect, it } from 'vitest';
import { Answers } from './answers.ts';

const answer = (node: string, epoch: number, askedMs: number) => ({
  node,
  epoch,
  askedMs,
  answeredMs: askedMs + 5,
});

describe('answers', () => {
  it('an older owner asked after a newer one was heard is stale', () => {
    const answers = new Answers();
    answers.observe(answer('node1', 1, 0));
    answers.observe(answer('node2', 2, 10));
    answers.observe(answer('node1', 1, 40));
    expect(answers.violations).toMatchObject([{ kind: 'stale', lateMs: 25 }]);
  });

  it('an older owner that was asked before the newer one was heard has only been slow', () => {
    const answers = new Answers();
    answers.observe(answer('node2', 2, 10));
    answers.observe({ node: 'node1', epoch: 1, askedMs: 12, answeredMs: 900 });
    expect(answers.violations).toEqual([]);
  });

  it('two nodes within one epoch are a double answer, whatever the order', () => {
    const answers = new Answers();
    answers.observe(answer('node1', 3, 0));
    answers.observe(answer('node2', 3, 1));
    expect(answers.violations).toMatchObject([{ kind: 'double' }]);
  });
});
