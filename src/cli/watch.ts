/** `holdfast watch`: one line an event, until interrupted or until the daemon goes away. */
import type { WatchedEvent } from './client.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { eventText } from './render-history.ts';

/** @throws {HoldfastError} DAEMON_UNREACHABLE when the daemon ends. */
export async function watch(
  context: CommandContext,
  { after }: { readonly after?: number | undefined },
): Promise<ExitCode> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const seen = (event: WatchedEvent): void => {
    if (context.json) context.printJson(event);
    else context.print([`${clockText(new Date())}  ${eventText(event)}`]);
  };
  try {
    await context.client.watch(seen, { signal: interrupted.signal, after: after ?? null });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
  return EXIT.ok;
}

/** The wall clock of this terminal; events themselves carry none. */
function clockText(now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join(':');
  return `${time}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}
