/**
 * `node runner.ts lio|tgt FIRST_SEED SEQUENCES COMMANDS DEVICE...`: the emulated target against a real
 * one, in a guest of the laboratory; the devices are nexuses of one logical unit. Everything on it is
 * lost. Prints counts by known difference, and the differences that are not known.
 */
import { EmulatedBench } from './bench.ts';
import { compareSequence, type Difference, text } from './compare.ts';
import { knownDifference, type TargetName } from './known.ts';
import { RealBench } from './real-bench.ts';

const [name, first = '0', sequences = '1', commands = '100', ...devices] = process.argv.slice(2);
if ((name !== 'lio' && name !== 'tgt') || devices.length < 2) {
  process.stderr.write('usage: runner.ts lio|tgt FIRST_SEED SEQUENCES COMMANDS DEVICE...\n');
  process.exit(2);
}
const target: TargetName = name;
const MAX_EXAMPLES = 40;

const real = new RealBench(devices);
const known: Record<string, number> = {};
const unknown: Difference[] = [];
let steps = 0;
const beganMs = performance.now();
for (let seed = Number(first); seed < Number(first) + Number(sequences); seed += 1) {
  const result = await compareSequence(new EmulatedBench(), real, {
    seed,
    nexuses: devices.length,
    commands: Number(commands),
    known: (difference) => knownDifference(target, difference)?.sequence ?? null,
  });
  steps += result.steps;
  for (const difference of result.differences) {
    const id = knownDifference(target, difference)?.id;
    if (id !== undefined) known[id] = (known[id] ?? 0) + 1;
    else if (unknown.length < MAX_EXAMPLES) unknown.push(difference);
  }
}
const report = { target, steps, sent: real.sent, known, unknown };
await real.close();
process.stdout.write(`${text({ ...report, durationMs: performance.now() - beganMs })}\n`);
