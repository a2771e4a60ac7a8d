/**
 * From a client's answers to what an outage was. Pure. Times are of one clock, in milliseconds.
 *
 * An outage is the longest time between two answers, one after the other, around a fault. Two owners
 * answer at once when a connection that was *begun* after the newer owner's first answer still
 * reaches the older one.
 */
export type Answer = {
  readonly number: number;
  readonly startedMs: number;
  readonly answeredMs: number;
  readonly node: string;
  readonly epoch: number;
};

/** A line of `prober.c`; null when it is torn. */
export function parseAnswer(line: string): Answer | null {
  const [number, started, answered, node, epoch] = line.split(' ');
  if (epoch === undefined || node === undefined) return null;
  return {
    number: Number(number),
    startedMs: Number(started) / 1000,
    answeredMs: Number(answered) / 1000,
    node,
    epoch: Number(epoch),
  };
}

/** The longest silence among answers in the order of their arrival. */
export function longestSilenceMs(answers: readonly Answer[]): number {
  const at = answers.map(({ answeredMs }) => answeredMs).toSorted((a, b) => a - b);
  return at.slice(1).reduce((most, each, i) => Math.max(most, each - (at[i] ?? each)), 0);
}

/** For how long an older owner went on answering after a newer one had; 0 when it did not. */
export function dualAnswersMs(answers: readonly Answer[]): number {
  const newest = Math.max(0, ...answers.map(({ epoch }) => epoch));
  const first = Math.min(
    ...answers.filter(({ epoch }) => epoch === newest).map(({ answeredMs }) => answeredMs),
  );
  const late = answers.filter(({ epoch, startedMs }) => epoch < newest && startedMs > first);
  return Math.max(0, ...late.map(({ answeredMs }) => answeredMs - first));
}
