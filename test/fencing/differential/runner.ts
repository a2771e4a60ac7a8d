/**
 * `node runner.ts lio|tgt SECONDS SEQUENCES COMMANDS DEVICE...`: the emulated target against a real
 * one, in a guest of the laboratory; the devices are nexuses of one logical unit. Everything on it is
 * lost. SEQUENCES is their number, or FIRST-LAST; none begins after so many seconds. Prints counts by
 * known difference, and the differences that are not known.
 */
import { DEFAULT_TARGET } from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { EmulatedBench } from './bench.ts';
import { compareSequence, type Difference, text } from './compare.ts';
import { knownDifference, type TargetName } from './known.ts';
import { RealBench } from './real-bench.ts';

const [name, seconds = '60', sequences = '1', commands = '100', ...devices] = process.argv.slice(2);
if ((name !== 'lio' && name !== 'tgt') || devices.length < 2) {
  process.stderr.write('usage: runner.ts lio|tgt SECONDS SEQUENCES COMMANDS DEVICE...\n');
  process.exit(2);
}
const target: TargetName = name;
const POOR = { abort: false, aptpl: false };
const MAX_EXAMPLES = 40;
/** tgt has neither PREEMPT AND ABORT nor APTPL, and says so. */
const options = { ...DEFAULT_TARGET, identity: 'naa.1', ...(target === 'tgt' ? POOR : {}) };

const real = new RealBench(devices);
const known: Record<string, number> = {};
const unknown: Difference[] = [];
let steps = 0;
const beganMs = performance.now();
const [last = '1', first = '1'] = sequences.split('-').toReversed();
let seed = Number(first) - 1;
const mayGoOn = () => seed < Number(last) && performance.now() - beganMs < Number(seconds) * 1000;
while (mayGoOn()) {
  seed += 1;
  const result = await compareSequence(new EmulatedBench(new EmulatedTarget(options)), real, {
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
const { sent, slowest } = real;
const report = {
  target,
  sequences: seed - Number(first) + 1,
  steps,
  sent,
  slowest,
  known,
  unknown,
};
await real.close();
process.stdout.write(`${text({ ...report, durationMs: performance.now() - beganMs })}\n`);
