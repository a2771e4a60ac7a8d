/**
 * Histories of a whole cluster in CI: some dozens of seeds, some of them twice, every script that
 * once broke something, and controls: a mechanism is switched off and a checker has to say so.
 *
 * HOLDFAST_SEEDS: how many (default 24). HOLDFAST_FIRST_SEED: where to begin. HOLDFAST_LONG=1: 2000.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FAULTS } from './faults.ts';
import { type Outcome, play } from './run.ts';
import type { Sabotage } from './sabotage.ts';
import { type ScenarioName, scenarioScript } from './scenarios.ts';
import { type Script, scriptOf } from './script.ts';
import { shrink } from './shrink.ts';

const LONG = process.env['HOLDFAST_LONG'] === '1';
const SEEDS = Number(process.env['HOLDFAST_SEEDS'] ?? (LONG ? 2_000 : 24));
const FIRST = Number(process.env['HOLDFAST_FIRST_SEED'] ?? 1);
const BATCH = 6;
const LIMIT_MS = 600_000;
const REGRESSIONS = join(import.meta.dirname, 'regressions');

function story(seed: number, { violations, score }: Outcome): string {
  if (violations.length === 0) return '';
  const words = violations.map(
    ({ atMs, rule, node, words: how }) => `${atMs} ${rule} ${node} ${how}`,
  );
  return [score(150), ...words, `again: npm run sim -- --seed ${seed}`].join('\n');
}

describe('a cluster under random faults', () => {
  const batches = Array.from({ length: Math.ceil(SEEDS / BATCH) }, (_, i) => FIRST + i * BATCH);
  it.each(batches)(
    'keeps every promise from seed %i on',
    async (first) => {
      for (let seed = first; seed < Math.min(first + BATCH, FIRST + SEEDS); seed += 1) {
        const outcome = await play({ script: scriptOf({ seed }) });
        expect(story(seed, outcome)).toBe('');
        expect(outcome.acknowledged).toBeGreaterThan(0);
      }
    },
    LIMIT_MS,
  );

  it(
    'has one history for each seed',
    async () => {
      for (const seed of [1, 2, 3]) {
        const [first, second] = [await printOf(seed), await printOf(seed)];
        expect(first.lines).toBeGreaterThan(3_000);
        expect(second).toEqual(first);
      }
      expect((await printOf(1)).digest).not.toBe((await printOf(2)).digest);
    },
    LIMIT_MS,
  );
});

async function printOf(seed: number): Promise<{ lines: number; digest: string }> {
  const hash = createHash('sha256');
  let lines = 0;
  const trace = (line: string): void => {
    lines += 1;
    hash.update(line);
  };
  await play({ script: scriptOf({ seed, safetyMs: 6_000 }), trace });
  return { lines, digest: hash.digest('hex') };
}

describe('a script that once broke something', () => {
  const files = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'));
  it('is kept in a file that can be read', () => {
    for (const file of files) expect(readScript(file).setting.seed).toBeGreaterThan(0);
  });

  it.each(files)(
    'breaks nothing any more: %s',
    async (file) => {
      const script = readScript(file);
      expect(story(script.setting.seed, await play({ script }))).toBe('');
    },
    LIMIT_MS,
  );
});

function readScript(file: string): Script {
  const text = readFileSync(join(REGRESSIONS, file), 'utf8');
  return (JSON.parse(text) as { readonly script: Script }).script;
}

/** What is switched off, the rules that may speak, and what shows it in one of its first seeds. */
const CONTROLS: readonly (readonly [Sabotage, RegExp, ScenarioName])[] = [
  ['fence', /one writer|late write/, 'silenced owners'],
  ['abort', /late write/, 'writes'],
  ['lease', /lease|one answer|one application/, 'silenced owners'],
  ['epoch', /lease|one answer|one application/, 'silenced owners'],
  ['guardian', /lease|one answer|one application/, 'silenced owners'],
  ['forget-address', /lease|one answer/, 'silenced owners'],
  ['long-lease', /lease|one answer|one application/, 'silenced owners'],
  ['log-forgets', /Raft|one owner|one state|epochs grow/, 'forgetful voters'],
  ['fsync', /acknowledged/, 'applications'],
];
/** Another draw of the world may move the moment to a neighbour. */
const WITHIN = 12;

describe('with a mechanism switched off', () => {
  it.each(CONTROLS)(
    'a checker reports the harm of %s',
    async (sabotage, rule, scenario) => {
      const rules: string[] = [];
      for (let seed = 1; seed <= WITHIN && !rule.test(rules.join()); seed += 1) {
        const script = { ...scenarioScript(scenario, seed), sabotage: [sabotage] };
        const { violations } = await play({ script });
        rules.push(...violations.map((violation) => violation.rule));
      }
      expect(rules.join()).toMatch(rule);
    },
    LIMIT_MS,
  );

  // Rare among all faults: these are drawn from few.
  it.each([
    ['defence', 'the owner holds the disk', 'target-power-loss'],
    ['idle-proof', 'no late write', 'late-writes,daemon-stopped,san-partition,move,isolated'],
  ] as const)(
    'a checker reports the harm of %s: %s',
    async (sabotage, rule, names) => {
      const faults = names.split(',');
      const rules: string[] = [];
      for (let seed = 1; seed <= 24 && !rules.includes(rule); seed += 1) {
        const script = scriptOf({ seed, faults, nodes: 3, groups: 1, thinkMs: 15 });
        const { violations } = await play({ script: { ...script, sabotage: [sabotage] } });
        rules.push(...violations.map((violation) => violation.rule));
      }
      expect(rules).toContain(rule);
    },
    LIMIT_MS,
  );

  it(
    'a failing script is shrunk to few faults that still break the same rule',
    async () => {
      const script: Script = { ...scriptOf({ seed: 1 }), sabotage: ['fence'] };
      const { violations } = await play({ script });
      const rule = violations[0]?.rule ?? '';
      const small = await shrink({ script, rule, maxAttempts: 60 });
      expect(small.script.strikes.length).toBeLessThan(script.strikes.length / 2);
      const again = await play({ script: small.script });
      expect(again.violations.map((violation) => violation.rule)).toContain(rule);
    },
    LIMIT_MS,
  );
});

describe('the faults', () => {
  it('all happen in some dozens of histories', () => {
    const drawn = new Set<string>();
    for (let seed = 1; seed <= 60; seed += 1) {
      for (const { fault } of scriptOf({ seed }).strikes) drawn.add(fault);
    }
    expect(FAULTS.map(({ name }) => name).filter((name) => !drawn.has(name))).toEqual([]);
  });
});
