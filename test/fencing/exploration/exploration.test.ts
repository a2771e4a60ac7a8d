/**
 * Every history of machines that take one disk from each other, in the form that fits CI, and each
 * rule of DESIGN §8 switched off. HOLDFAST_LONG adds the larger scopes, HOLDFAST_STATES says how
 * many states of each. `npm run explore:fencing` is the same as a command.
 */
import { expect, test } from 'vitest';
import { Explorer, type Outcome } from './explorer.ts';
import { patched, REAL } from './protocol.ts';
import { RULES, type Rule } from './rules.ts';
import { SCOPES, type Scope, scopeOf, WIDE } from './scope.ts';
import { story } from './story.ts';

const LONG = process.env['HOLDFAST_LONG'] !== undefined;
const WIDE_STATES = Number(process.env['HOLDFAST_STATES'] ?? 3_000_000);
/** A scope takes some seconds of a processor of its own; others may share the machine. */
const LIMIT_MS = 240_000;
/** No scope of CI is larger; a mistake must not fill the memory. */
const MAX_STATES = 4_000_000;

function told(explorer: Explorer, { finding }: Outcome): string {
  return finding === null ? 'nothing was found' : story(explorer, finding);
}

let total = 0;

async function explored(scope: Scope, maxStates: number): Promise<Outcome> {
  const began = performance.now();
  const explorer = new Explorer(scope, REAL, null, { maxStates });
  const outcome = explorer.run();
  const { states, depth, steps } = outcome;
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${scope.name}: ${states} states, ${steps} steps, depth ${depth}, ${seconds} s`);
  expect(told(explorer, outcome)).toBe('nothing was found');
  return outcome;
}

for (const scope of SCOPES) {
  test(`${scope.name}: ${scope.about}`, { timeout: LIMIT_MS }, async () => {
    const outcome = await explored(scope, MAX_STATES);
    expect(outcome.complete).toBe(true);
    const attackers = scope.machines.map((_, at) => at + 1).filter((e) => e > (scope.owner ?? 1));
    expect(outcome.held).toEqual(expect.arrayContaining(attackers));
    expect(outcome.depth).toBeGreaterThan(20);
    total += outcome.states;
  });
}

test('the scopes hold at least a million states', () => {
  expect(total).toBeGreaterThan(1_000_000);
});

async function without(rule: Rule): Promise<{ explorer: Explorer; outcome: Outcome }> {
  const protocol = await patched(rule.patches ?? []);
  const limits = { maxStates: MAX_STATES, only: rule.harm ?? undefined };
  const explorer = new Explorer(scopeOf(rule.scope), protocol, rule, limits);
  return { explorer, outcome: explorer.run() };
}

for (const rule of RULES.filter(({ harm }) => harm !== null)) {
  test(`${rule.name}: left out, it is missed`, { timeout: LIMIT_MS }, async () => {
    const { explorer, outcome } = await without(rule);
    const text = told(explorer, outcome);
    console.log(`without "${rule.name}", ${outcome.finding?.path.length ?? 0} steps:\n${text}`);
    expect(text).toContain(`=> ${rule.harm}: `);
  });
}

for (const rule of RULES.filter(({ harm, long }) => harm === null && (LONG || !long))) {
  test(`${rule.name}: left out, nothing happens, since ${rule.why}`, async () => {
    const { explorer, outcome } = await without(rule);
    expect(told(explorer, outcome)).toBe('nothing was found');
    expect(outcome.complete).toBe(true);
  });
}

test('a patch that does not fit the source is refused', async () => {
  const patch = { file: 'takeover.ts', find: 'no such text', replace: '' } as const;
  await expect(patched([patch])).rejects.toThrow('not once in takeover.ts');
});

test('a story is told step by step, and the last step does the harm', async () => {
  const rule = RULES.find(({ name }) => name === 'SYNCHRONIZE CACHE') as Rule;
  const { explorer, outcome } = await without(rule);
  const text = told(explorer, outcome);
  expect(text).toContain('1. ');
  expect(text.split('\n').at(-1)).toContain('=> lost-data');
  expect(text).toContain('the target loses power');
});

test('a protocol that never gets a disk is not taken for one that holds', () => {
  const deaf = { ...REAL, step: (state: Parameters<typeof REAL.step>[0]) => deafStep(state) };
  const explorer = new Explorer(scopeOf('stranger'), deaf, null, { maxStates: MAX_STATES });
  expect(() => explorer.run()).toThrow('the owner did not get its disk');
});

function deafStep(state: Parameters<typeof REAL.step>[0]): ReturnType<typeof REAL.step> {
  return REAL.step(state, { kind: 'deadline' });
}

for (const scope of LONG ? WIDE : []) {
  test(`${scope.name}: ${scope.about}`, { timeout: LIMIT_MS + WIDE_STATES / 5 }, async () => {
    await explored(scope, WIDE_STATES);
  });
}
