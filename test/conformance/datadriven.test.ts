/** The parser of the cases from elsewhere: what it reads, and what it refuses to read. */
import { describe, expect, test } from 'vitest';
import { parseCases } from './datadriven.ts';

const TEXT = `# A comment that
# explains.
vote cfg=(1, 2) cfgj=zero votes=(y,_)
----
VotePending


simple
v1 l2
r3
----
voters=(1) learners=(2)
1: StateProbe match=0 next=1
# The end of the file ends a case.
leave-joint
----
can't leave a non-joint config`;

describe('a case', () => {
  const cases = parseCases('some.txt', TEXT);

  test('has a command, arguments, input and expected output', () => {
    expect(cases[0]).toEqual({
      place: 'some.txt:3',
      command: 'vote',
      arguments: new Map([
        ['cfg', ['1', '2']],
        ['cfgj', ['zero']],
        ['votes', ['y', '_']],
      ]),
      input: [],
      expected: ['VotePending'],
    });
    expect(cases[1]).toMatchObject({ command: 'simple', input: ['v1 l2', 'r3'] });
  });

  test('ends at a blank line, and nowhere else', () => {
    expect(cases).toHaveLength(2);
    expect(cases[1]?.expected).toHaveLength(6);
    expect(parseCases('x', `${TEXT.replace('next=1\n', 'next=1\n\n')}`)).toHaveLength(3);
  });

  test('with a doubled separator keeps blank lines in its output', () => {
    const text = 'log\n----\n----\none\n\ntwo\n----\n----\n\nnext\n----\n3\n';
    expect(parseCases('x', text).map(({ expected }) => expected)).toEqual([
      ['one', '', 'two'],
      ['3'],
    ]);
  });

  test('may have no input, no arguments and no output', () => {
    const [only] = parseCases('x', 'committed\n----\n');
    expect(only).toMatchObject({ command: 'committed', input: [], expected: [] });
    expect(only?.arguments.size).toBe(0);
  });
});

describe('what is not of the format', () => {
  test('is refused: a command without a separator', () => {
    expect(() => parseCases('x', 'simple\nv1\n')).toThrow(/in the middle of a case/);
  });

  test('is refused: a doubled separator that is never closed', () => {
    expect(() => parseCases('x', 'log\n----\n----\none\n')).toThrow(/in the middle of a case/);
  });

  test('is refused: a list that is never closed', () => {
    expect(() => parseCases('x', 'vote cfg=(1, 2\n----\n')).toThrow(/cannot read/);
  });

  test('a file of comments holds no case', () => {
    expect(parseCases('x', '# one\n\n# two\n')).toEqual([]);
  });
});
