/**
 * The mutants fit the present sources, and whoever hunts them tells a caught one from one that
 * survives, cannot be loaded or never ends. That each is caught is asked by `npm run mutants`.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AREAS, type Area } from './catalogue.ts';
import { CONTROLS, ENDLESS, HARMLESS, UNREADABLE } from './controls.ts';
import { faultOf, faultsOfDesignatedTests, hunt, type Verdict } from './hunt.ts';
import { type Mutant, mutated } from './mutant.ts';
import { huntSystem } from './system/hunt.ts';
import { SYSTEM } from './system/index.ts';
import { editsOf, type SystemMutant } from './system/system-mutant.ts';
import { counts, sums, table } from './table.ts';
import { runTests } from './vitest-run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const all = AREAS.flatMap(({ mutants }) => mutants);

const asMutant = (mutant: SystemMutant): Mutant => ({ ...mutant, caughtBy: HARMLESS.caughtBy });

async function textWith(mutant: Mutant): Promise<string> {
  const mutation = mutated(await readFile(join(root, mutant.file), 'utf8'), mutant);
  return mutation.kind === 'mutated' ? mutation.text : expect.fail(mutation.why);
}

describe('the catalogue', () => {
  test.each([...all, ...CONTROLS])('$name fits the sources', async (mutant) => {
    expect(mutant.file).toMatch(/^src\//);
    expect(mutant.caughtBy.file).toMatch(/^test\/.*\.test\.ts$/);
    await textWith(mutant);
  });

  test.each(SYSTEM)('$name, of the whole system, fits the sources', async (mutant) => {
    expect(mutant.file).toMatch(/^src\//);
    expect(mutant.within).toBeLessThanOrEqual(60);
    for (const edit of editsOf(mutant)) await textWith(edit);
  });

  test('no two mutants have one name, or do the same', async () => {
    const everyone = [...all, ...SYSTEM.map(asMutant)];
    const texts = await Promise.all(everyone.map(textWith));
    expect(new Set(texts).size).toBe(everyone.length);
    expect(new Set([...everyone, ...CONTROLS].map(({ name }) => name)).size).toBe(
      everyone.length + CONTROLS.length,
    );
  });

  /** One that calls what does not exist would be caught by whatever comes along. */
  test('every mutant is well typed', { timeout: 120_000 }, async () => {
    const system = { name: 'system', mutants: SYSTEM.map(asMutant), sources: ['src'], wider: [] };
    // A tree of the whole source for each takes minutes: the long form.
    const long = process.env['HOLDFAST_LONG'] === '1';
    expect(await typeFaults(long ? [...AREAS, system] : AREAS)).toEqual([]);
    const mutants = [{ ...HARMLESS, find: 'return incoming;', replace: 'return outgoing;' }];
    const wrong = await typeFaults(AREAS.map((area) => ({ ...area, mutants })));
    expect(wrong.join()).toMatch(/outgoing/);
  });
});

/** What the compiler says of each mutant in a tree of its own. */
async function typeFaults(areas: readonly Area[]): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'holdfast-mutants-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const planted = areas.flatMap(({ mutants, sources }) =>
    mutants.map(async (mutant) => {
      const tree = join(directory, mutant.name);
      for (const source of sources) {
        await cp(join(root, source), join(tree, source), { recursive: true });
      }
      await writeFile(join(tree, mutant.file), await textWith(mutant));
    }),
  );
  await Promise.all(planted);
  const ours = JSON.parse(await readFile(join(root, 'tsconfig.json'), 'utf8'));
  const relaxed = { noUnusedLocals: false, noUnusedParameters: false, allowUnreachableCode: true };
  const typeRoots = [join(directory, 'node_modules/@types')];
  const compilerOptions = { ...ours.compilerOptions, ...relaxed, typeRoots };
  await writeFile(
    join(directory, 'tsconfig.json'),
    // The page of the dashboard has a compiler's configuration of its own; no mutant is there.
    JSON.stringify({ compilerOptions, include: ['*/src'], exclude: ['*/src/dashboard'] }),
  );
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  const tsc = join(root, 'node_modules/.bin/tsc');
  const ended = await promisify(execFile)(tsc, ['-p', directory]).catch((error) => error);
  return String(ended.stdout)
    .split('\n')
    .filter((line) => line !== '');
}

describe('a mutant that does not fit is an error', () => {
  const mutant = { ...HARMLESS, find: 'x', replace: 'y' };

  test.each([
    ['whose text is gone', mutant, 'abc', /occurs 0 times/],
    ['whose text occurs twice', mutant, 'x and x', /occurs 2 times/],
    ['without a text', { ...mutant, find: '' }, 'abc', /not once/],
    ['that replaces a text by itself', { ...mutant, replace: 'x' }, 'x', /by itself/],
  ])('%s', (_words, one, text, why) => {
    const mutation = mutated(text, one);
    expect(mutation.kind === 'misfit' && mutation.why).toMatch(why);
  });

  test('and one that fits replaces just its text, whatever signs are in it', () => {
    const text = mutated('a x c', { ...mutant, replace: '$&$1' });
    expect(text).toEqual({ kind: 'mutated', text: 'a $&$1 c' });
  });
});

const known = (name: string): Mutant => all.find((one) => one.name === name) ?? expect.fail(name);

describe('the hunt', { timeout: 60_000 }, () => {
  test('a mutant that changes nothing survives', async () => {
    const verdict = await hunt(HARMLESS, 'first', ['test/raft/quorum.test.ts']);
    expect(verdict).toMatchObject({ outcome: 'survived', by: [] });
  });

  test('a mutant that cannot be loaded is broken, although every test fails', async () => {
    const { outcome, why } = await hunt(UNREADABLE, 'designated', []);
    expect([outcome, why]).toEqual(['broken', expect.stringContaining('quorum.test.ts')]);
  });

  test('a mutant that does not come to an end is broken', async () => {
    const { outcome, why } = await hunt(ENDLESS, 'designated', [], 4_000);
    expect([outcome, why]).toEqual(['broken', 'it did not end within 4 s']);
  });

  test('a mutant is caught by the named test, and gone when the next run begins', async () => {
    const mutant = known('joint-commit-by-the-incoming-half');
    const plain = {
      paths: [mutant.caughtBy.file],
      mutant: null,
      test: mutant.caughtBy.test,
      stopAtFirstFailure: false,
      limitMs: 30_000,
    };
    for (let i = 0; i < 2; i += 1) {
      const { by, outcome } = await hunt(mutant, 'first', []);
      expect(outcome).toBe('caught');
      expect(by[0]?.test).toContain(mutant.caughtBy.test);
      expect((await runTests(plain)).failed).toEqual([]);
    }
  });

  test('where the named test sees nothing, the others are asked, and the table says so', async () => {
    const file = 'test/raft/quorum.test.ts';
    const mutant = { ...known('joint-commit-by-the-incoming-half'), caughtBy: HARMLESS.caughtBy };
    expect((await hunt(mutant, 'designated', [file])).outcome).toBe('survived');
    const verdict = await hunt(mutant, 'all', [file, 'test/no-such-folder']);
    expect(verdict.outcome).toBe('caught');
    expect(verdict.by.length).toBeGreaterThan(1);
    expect(table([verdict])).toMatch(/not the test that is named for it/);
  });

  test('where there are no others, that is said, and not every test of the tree is run', async () => {
    for (const wider of [[], ['test/no-such-folder'], ['test/mutants/mutant.ts']]) {
      const verdict = await hunt(HARMLESS, 'first', wider);
      expect(verdict).toMatchObject({ outcome: 'broken', why: 'no wider test was found' });
    }
  });

  test('others that fail without a mutant are not asked about one', () => {
    const one = { ...HARMLESS.caughtBy, said: '' };
    const sound = { passed: [one], failed: [], timedOut: [], unloaded: [], unfinished: null };
    expect(faultOf(sound)).toBeNull();
    for (const unsound of [{ failed: [one] }, { timedOut: [one] }, { unloaded: ['it'] }]) {
      expect(faultOf({ ...sound, ...unsound })).toMatch(/fail without a mutant/);
    }
  });

  test('a named test that does not exist is a fault before anything is hunted', async () => {
    const { file } = HARMLESS.caughtBy;
    const nobody = { ...HARMLESS, caughtBy: { file, test: 'no test has this name' } };
    expect(await faultsOfDesignatedTests([HARMLESS])).toEqual([]);
    expect((await faultsOfDesignatedTests([nobody])).join()).toMatch(/does not exist/);
  });
});

describe('the simulation as the hunter', { timeout: 120_000 }, () => {
  const [first] = SYSTEM;
  const mutant = first ?? expect.fail('no mutant of the system');

  test('one that cannot be planted is broken, and not caught', async () => {
    const nobody = { ...mutant, name: 'nobody', within: 1 };
    expect((await huntSystem(nobody)).outcome).toBe('broken');
  });

  test('one that is caught says by which rule, and in which seed', async () => {
    const known = SYSTEM.find(({ name }) => name === 'lease-longer-than-patience') ?? mutant;
    const { outcome, by } = await huntSystem(known);
    expect(outcome).toBe('caught');
    expect(by[0]?.test).toMatch(/seed \d+ of \d+, "/);
  });
});

test('survivors and broken ones count as failed', () => {
  const verdict = { mutant: HARMLESS, by: [], why: '', seconds: 1 };
  const verdicts: readonly Verdict[] = [
    { ...verdict, outcome: 'survived' },
    { ...verdict, outcome: 'broken', why: 'it is' },
    { ...verdict, outcome: 'caught', by: [{ ...HARMLESS.caughtBy, said: 'no' }] },
  ];
  expect(counts(sums(verdicts))).toMatchObject({ numPassedTests: 1, numFailedTests: 2 });
  expect(table(verdicts)).toMatch(/SURVIVED[\s\S]*BROKEN: it is[\s\S]*raft\/quorum.test.ts/);
});
