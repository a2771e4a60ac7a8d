/**
 * `holdfast replay FILE`: steps through a trace. On a terminal a screen at a time, with Enter for the
 * next one and q for the end; into a pipe all at once. Needs no daemon.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { HoldfastError } from '../lib/error.ts';
import { drawTraceLine, isRoutine, readTraceLine } from '../observability/replay.ts';
import { parseTraceLine } from '../observability/trace.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

export type ReplayOptions = {
  /** Also what a healthy cluster says many times a second. */
  readonly all?: boolean | undefined;
  readonly node?: string | undefined;
  /** Milliseconds, as in the trace. */
  readonly from?: number | undefined;
};

const SCREEN_LINES = 24;

export async function replay(
  context: CommandContext,
  file: string,
  options: ReplayOptions,
): Promise<ExitCode> {
  const nodes = new Set<string>();
  const { width } = context.terminal;
  const steps = process.stdin.isTTY === true && process.stdout.isTTY === true && !context.json;
  let shown = 0;
  try {
    const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
    for await (const text of lines) {
      const line = readTraceLine(parsed(text));
      if (line.node !== null && line.kind !== 'note') nodes.add(line.node);
      if (options.all !== true && isRoutine(line)) continue;
      if (options.node !== undefined && line.node !== null && line.node !== options.node) continue;
      if (options.from !== undefined && (line.atMs ?? Infinity) < options.from) continue;
      if (context.json) context.printJson(line);
      else context.print([drawTraceLine(line, [...nodes].sort(), width)]);
      shown += 1;
      if (steps && shown % SCREEN_LINES === 0 && !(await goesOn())) return EXIT.ok;
    }
  } catch (cause) {
    throw new HoldfastError('TRACE_UNREADABLE', { file, detail: String(cause) }, { cause });
  }
  return EXIT.ok;
}

/** A line that was torn off at the end of a file is shown as it is. */
function parsed(text: string): unknown {
  try {
    return parseTraceLine(text);
  } catch {
    return { kind: 'torn', text: text.slice(0, 80) };
  }
}

async function goesOn(): Promise<boolean> {
  const keys = createInterface({ input: process.stdin, output: process.stdout });
  return await new Promise((resolve) => {
    keys.question('-- Enter: on, q: end -- ', (answer) => {
      keys.close();
      resolve(answer.trim() !== 'q');
    });
  });
}
