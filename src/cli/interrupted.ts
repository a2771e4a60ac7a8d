/** Ctrl-C and SIGTERM end a command between two steps, and what it did is undone. */
export function untilInterrupted(): { readonly signal: AbortSignal; readonly over: () => void } {
  const ending = new AbortController();
  const end = () => ending.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, end);
  const over = () => {
    for (const signal of signals) process.off(signal, end);
  };
  return { signal: ending.signal, over };
}
