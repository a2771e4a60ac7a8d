/**
 * `npm run explore:fencing`: every history of machines that take one disk from each other.
 *
 *   --long         the larger scopes too
 *   --states N     at most so many states of each scope
 *   --scope NAME   one scope only
 *   --rule NAME    switch a rule off (part of its name), and see the shortest history of the harm
 *   --rules        each rule in turn
 *   --json         the last line is one JSON object
 */
import { parseArgs } from 'node:util';
import { Explorer, type Outcome } from './explorer.ts';
import { patched } from './protocol.ts';
import { RULES, type Rule } from './rules.ts';
import { SCOPES, type Scope, scopeOf, WIDE } from './scope.ts';
import { story } from './story.ts';

const EVERY_MS = 3000;
const MOST_STATES = 40_000_000;

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    states: { type: 'string', default: `${MOST_STATES}` },
    scope: { type: 'string' },
    rule: { type: 'string' },
    rules: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

type Row = Omit<Outcome, 'finding'> & { readonly scope: string; readonly seconds: number };
const rows: Row[] = [];
const began = performance.now();

async function explore(scope: Scope, rule: Rule | null): Promise<boolean> {
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  let told = started;
  const protocol = await patched(rule?.patches ?? []);
  const explorer = new Explorer(scope, protocol, rule, {
    maxStates: Number(values.states),
    only: rule?.harm ?? undefined,
    progress: (states, depth, waiting) => {
      if (performance.now() < told + EVERY_MS) return;
      told = performance.now();
      const numbers = `${states} states, depth ${depth}, ${waiting} waiting`;
      process.stderr.write(`  ${scope.name}: ${numbers}, ${seconds()} s\n`);
    },
  });
  const { finding, ...numbers } = explorer.run();
  const row = { scope: scope.name, ...numbers, seconds: seconds() };
  rows.push(row);
  const end = finding !== null ? 'BROKEN' : row.complete ? 'complete' : 'cut off';
  const counts = `${String(row.states).padStart(9)} states, depth ${String(row.depth).padStart(2)}`;
  const name = rule === null ? scope.name : `without "${rule.name}"`;
  const about = rule === null ? `: ${scope.about}` : ` in ${scope.name}`;
  console.log(`${name.padEnd(20)} ${counts}, ${row.seconds.toFixed(1)} s, ${end}${about}`);
  if (finding !== null) console.log(story(explorer, finding));
  return finding === null;
}

const wanted =
  values.rule === undefined ? [] : RULES.filter((r) => r.name.includes(String(values.rule)));
let well = true;
if (values.rules || values.rule !== undefined) {
  for (const rule of values.rules ? RULES : wanted) {
    const scope = scopeOf(values.scope ?? rule.scope);
    well = (await explore(scope, rule)) === (rule.harm === null) && well;
  }
} else {
  const all = values.long ? [...SCOPES, ...WIDE] : SCOPES;
  const scopes = values.scope === undefined ? all : [scopeOf(values.scope)];
  for (const scope of scopes) well = (await explore(scope, null)) && well;
}
const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
const states = sum((row) => row.states);
const depth = Math.max(0, ...rows.map((row) => row.depth));
const seconds = Math.round((performance.now() - began) / 100) / 10;
console.log(
  `${states} states, ${sum((row) => row.steps)} steps, depth ${depth}, ${seconds} s; ` +
    `${sum((row) => row.codeSteps)} different steps of the real code`,
);
if (values.json) console.log(JSON.stringify({ states, depth, seconds, well, scopes: rows }));
process.exitCode = well ? 0 : 1;
