/**
 * `npm run explore`: every small world that three cores can be in.
 *
 *   --states N      go on with larger scopes until so many states were seen
 *   --scope NAME    one scope only
 *   --sabotage NAME break a mechanism, and see the shortest history in which it does harm
 *   --json          the last line is one JSON object
 */
import { parseArgs } from 'node:util';
import { Explorer, type Outcome } from './explorer.ts';
import { SABOTAGES, type Sabotage } from './sabotage.ts';
import { SCOPES, scopeOf, WIDE } from './scopes.ts';
import { story } from './story.ts';

const EVERY_MS = 3000;
/** Of one scope: a fingerprint and the step back cost some 30 bytes, so this is about 1.5 GiB. */
const MOST_STATES = 40_000_000;

const { values } = parseArgs({
  options: {
    states: { type: 'string', default: '0' },
    scope: { type: 'string' },
    sabotage: { type: 'string', default: 'none' },
    json: { type: 'boolean', default: false },
  },
});

const wanted = Number(values.states);
const { sabotage } = values;
if (!(Number.isInteger(wanted) && wanted >= 0) || !isSabotage(sabotage)) {
  const names = Object.entries(SABOTAGES).map(([name, about]) => `  ${name}: ${about}`);
  process.stderr.write(`--states is a number, --sabotage one of\n${names.join('\n')}\n`);
  process.exit(2);
}

function isSabotage(name: string): name is Sabotage {
  return Object.hasOwn(SABOTAGES, name);
}

type Row = Omit<Outcome, 'finding'> & { readonly scope: string; readonly seconds: number };
const rows: Row[] = [];
const began = performance.now();
const seen = (): number => rows.reduce((sum, { states }) => sum + states, 0);

/** Answers whether nothing was found. */
function explore(name: string, maxStates: number): boolean {
  const scope = scopeOf(name);
  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 100) / 10;
  let told = started;
  const explorer = new Explorer(scope, sabotage as Sabotage, {
    maxStates,
    progress: ({ states, depth, waiting }) => {
      if (performance.now() < told + EVERY_MS) return;
      told = performance.now();
      const numbers = `${states} states, depth ${depth}, ${waiting} waiting`;
      process.stderr.write(`  ${name}: ${numbers}, ${seconds()} s\n`);
    },
  });
  const { finding, ...numbers } = explorer.run();
  const row = { scope: name, ...numbers, seconds: seconds() };
  rows.push(row);
  const end = finding !== null ? 'BROKEN' : row.complete ? 'complete' : 'cut off';
  const counts = `${String(row.states).padStart(9)} states, depth ${String(row.depth).padStart(2)}`;
  console.log(`${name.padEnd(20)} ${counts}, ${row.seconds.toFixed(1)} s, ${end}: ${scope.about}`);
  if (finding !== null) console.log(story(explorer, finding));
  return finding === null;
}

const only = values.scope === undefined ? null : scopeOf(values.scope).name;
let well = true;
if (only !== null) well = explore(only, wanted > 0 ? wanted : MOST_STATES);
else {
  for (const { name } of SCOPES) well = well && explore(name, MOST_STATES);
  for (const [index, { name }] of WIDE.entries()) {
    const share = Math.ceil((wanted - seen()) / (WIDE.length - index));
    if (well && share > 0) well = explore(name, Math.min(share, MOST_STATES));
  }
}
const seconds = Math.round((performance.now() - began) / 100) / 10;
const depth = Math.max(...rows.map((row) => row.depth));
const coreSteps = rows.reduce((sum, row) => sum + row.coreSteps, 0);
console.log(
  `${seen()} states, depth ${depth}, ${seconds} s; ${coreSteps} different steps of the core`,
);
if (values.json)
  console.log(JSON.stringify({ states: seen(), depth, seconds, well, scopes: rows }));
process.exitCode = well ? 0 : 1;
