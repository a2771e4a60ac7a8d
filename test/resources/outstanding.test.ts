/** Questions to something that hangs. */
import { describe, expect, it } from 'vitest';
import { Outstanding } from '../../src/resources/agents/outstanding.ts';

describe('a question that is out', () => {
  it('is waited for by whoever asks meanwhile, and not asked twice', async () => {
    const hang = Promise.withResolvers<string>();
    const asked: string[] = [];
    const questions = new Outstanding<string>();
    const ask = (name: string) =>
      questions.ask(name, () => {
        asked.push(name);
        return hang.promise;
      });
    const both = Promise.all([ask('/srv'), ask('/srv')]);
    // Silence takes its time at the second question, too: it is no answer.
    expect(await Promise.race([ask('/srv'), Promise.resolve('no answer yet')])).toBe(
      'no answer yet',
    );
    expect(asked).toEqual(['/srv']);
    hang.resolve('well');
    expect(await both).toEqual(['well', 'well']);
  });

  it('is none any more when it was answered; another name is another question', async () => {
    let asked = 0;
    const questions = new Outstanding<number>();
    const ask = (name: string) =>
      questions.ask(name, async () => {
        asked += 1;
        return asked;
      });
    expect([await ask('/a'), await ask('/a'), await ask('/b')]).toEqual([1, 2, 3]);
  });
});
