/**
 * `holdfast watch --status`: the status, drawn anew whenever something happens and once a second, for
 * a screen on the wall. On a terminal it keeps to itself (the alternate screen) and leaves what stood
 * there before; into a pipe it prints one status after the other.
 */
import type { Answer, ClusterStatus } from '../operator/api.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderStatus } from './render-status.ts';

const EVERY_MS = 1_000;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** Home; each line is cleared to its end, and then the rest of the screen. */
const HOME = '\u001b[H';
const CLEAR_LINE = '\u001b[K';
const CLEAR_REST = '\u001b[J';

/** @throws {HoldfastError} DAEMON_UNREACHABLE when the daemon ends. */
export async function live(context: CommandContext): Promise<ExitCode> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const screen = context.terminal.wraps && !context.json;
  let drawing: Promise<void> | null = null;
  const draw = (): Promise<void> => {
    drawing ??= drawOnce(context, screen).finally(() => {
      drawing = null;
    });
    return drawing;
  };
  if (screen) process.stdout.write(ENTER);
  // The stream of events says when the daemon is gone; what a single question fails with is less.
  const timer = setInterval(() => void draw().catch(() => undefined), EVERY_MS);
  try {
    await draw();
    const seen = (): void => void draw().catch(() => undefined);
    await context.client.watch(seen, { signal: ended.signal });
  } finally {
    clearInterval(timer);
    if (screen) process.stdout.write(LEAVE);
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
  return EXIT.ok;
}

async function drawOnce(context: CommandContext, screen: boolean): Promise<void> {
  const answer: Answer<ClusterStatus> = await context.client.get<ClusterStatus>('/v1/status');
  if (context.json) {
    context.printJson(answer);
    return;
  }
  const lines = renderStatus(context.terminal, answer);
  if (screen) process.stdout.write(frame(lines, process.stdout.rows));
  else context.print([...lines, '']);
}

/** What does not fit on the screen is cut: a screen that scrolls cannot be drawn over. */
export function frame(lines: readonly string[], rows: number): string {
  const shown = lines.slice(0, Math.max(1, rows - 1));
  return HOME + shown.map((line) => `${line}${CLEAR_LINE}\n`).join('') + CLEAR_REST;
}
