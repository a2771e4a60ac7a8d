/**
 * `npm run demo [-- --embedded] [-- --json]`: a whole failover, twice, on what this machine has. As
 * root on Linux: on real kernels. Otherwise, or with `--embedded`: three daemons on loopback. With
 * `--json` the last line of standard output is the report and the story goes to standard error.
 */
import { parseArgs } from 'node:util';
import { terminalOf } from '../../src/cli/terminal.ts';
import { durationText } from '../../src/lib/duration.ts';
import { embeddedStage } from './embedded-stage.ts';
import { kernelStage } from './kernel-stage.ts';
import { play } from './story.ts';

const { values } = parseArgs({
  options: {
    embedded: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const stream = values.json ? process.stderr : process.stdout;
const began = performance.now();
const say = (line: string): void => {
  const at = durationText(performance.now() - began).padStart(9);
  stream.write(line === '' ? '\n' : `${at}  ${line}\n`);
};

function whyEmbedded(): string | null {
  if (values.embedded) return 'as asked';
  if (process.platform !== 'linux') return 'this is not Linux';
  if (process.getuid?.() !== 0) return 'real kernels need root (network taps, namespaces)';
  return null;
}

const why = whyEmbedded();
try {
  if (why !== null) say(`embedded: ${why}`);
  const stage = await (why === null ? kernelStage(say) : embeddedStage(say));
  try {
    say(`what is shown: ${stage.about}`);
    const report = await play(stage, { say, terminal: terminalOf(stream, process.env) });
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exitCode = report.ok ? 0 : 1;
  } finally {
    await stage.down();
  }
} catch (error) {
  say(`the demonstration failed: ${error instanceof Error ? error.message : String(error)}`);
  if (values.json) {
    const mode = why === null ? 'kernel' : 'embedded';
    process.stdout.write(
      `${JSON.stringify({ ok: false, mode, failovers: [], error: String(error) })}\n`,
    );
  }
  process.exitCode = 1;
}
process.exit();
