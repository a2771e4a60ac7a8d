/** How a runner in another namespace or machine tells how each clause ended: a line of JSON. */

export type ClauseReport = {
  readonly name: string;
  readonly error: string | null;
  readonly durationMs: number;
};

export function reporting(): (name: string, act: () => Promise<void>) => Promise<void> {
  return async (name, act) => {
    const beganMs = performance.now();
    let error: string | null = null;
    try {
      await act();
    } catch (failure) {
      error = failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
    }
    const line: ClauseReport = { name, error, durationMs: performance.now() - beganMs };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  };
}
