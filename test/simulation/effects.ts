/**
 * What faults did to single messages, commands and writes: one fault of a script (a cut of three
 * seconds) loses or delays many. Only what would not have happened without a fault is counted, once:
 * copies over a second interconnect, and the ordinary delay of a wire, are none.
 */
export const EFFECTS = [
  /** Sent to a host without power, or a datagram that was dropped. */
  'message-lost',
  /** Swallowed by a cut, or held by it until it was over. */
  'message-cut',
  /** Later than the wire takes: bad weather, retransmission, or its reader stood still. */
  'message-late',
  /** A datagram that came twice. */
  'message-twice',
  'storage-command-lost',
  'storage-command-late',
  'storage-command-refused',
  /** Taken by the target, and never on the medium. */
  'write-aborted',
  /** Took longer to land than a write does. */
  'write-late',
  /** Of a slow host. */
  'timer-late',
  /** Of the log of a node: lost with its power or refused by its disk. */
  'log-write-lost',
] as const;

export type Effect = (typeof EFFECTS)[number];

export class Effects {
  readonly #counts = new Map<Effect, number>();

  count(effect: Effect, by = 1): void {
    this.#counts.set(effect, (this.#counts.get(effect) ?? 0) + by);
  }

  get counts(): Readonly<Partial<Record<Effect, number>>> {
    return Object.fromEntries(this.#counts);
  }
}
