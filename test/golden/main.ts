/**
 * `npm run golden`: tells every golden scenario again and compares. `-- --update` rewrites the files
 * that differ; words after that choose the stories whose path contains one of them.
 */
import { examine, SUITES, storiesOf, type Verdict } from './suites.ts';

const words = process.argv.slice(2);
const update = words.includes('--update');
const unknown = words.filter((word) => word.startsWith('-') && word !== '--update');
if (unknown.length > 0) {
  process.stderr.write(
    `usage: npm run golden -- [--update] [WORD ...]; not ${unknown.join(' ')}\n`,
  );
  process.exit(2);
}
const chosen = words.filter((word) => !word.startsWith('-'));
const verdicts: Verdict[] = [];
for (const suite of SUITES) {
  for (const name of storiesOf(suite)) {
    const path = `${suite.name}/${name}`;
    if (chosen.length > 0 && !chosen.some((word) => path.includes(word))) continue;
    const verdict = examine(suite, name, update);
    verdicts.push(verdict);
    console.log(`${verdict.state.padEnd(9)} ${path.padEnd(52)} ${verdict.title}`);
    if (verdict.state === 'differs' || verdict.state === 'failed') console.log(verdict.detail);
  }
}
const bad = verdicts.filter(({ state }) => state === 'differs' || state === 'failed').length;
console.log(`\n${verdicts.length} stories, ${bad} wrong`);
if (bad > 0) console.log('what happens now is right? npm run golden -- --update');
process.exitCode = bad === 0 && verdicts.length > 0 ? 0 : 1;
