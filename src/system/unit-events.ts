/**
 * systemd's word, by D-Bus, that the properties of a unit have changed. Only that: what changed is asked
 * of systemd itself, so a signal that somebody else sends does no harm.
 *
 * The ear is `busctl monitor`, which is there wherever systemd is; it ends with the daemon. systemd speaks
 * while anybody has subscribed, as logind has. Where nothing can be heard nobody is disturbed: whoever asks
 * polls as well.
 *
 * Reference: org.freedesktop.systemd1(5), busctl(1); D-Bus specification, "PropertiesChanged".
 */
import { lines } from './lines.ts';
import { startLongLived } from './long-lived.ts';

const UNITS = '/org/freedesktop/systemd1/unit/';
const LONGEST_LINE = 1_048_576;

export type UnitEventsOptions = {
  /** The command, with options that always go with it. */
  readonly busctl: readonly string[];
  readonly unit: string;
  readonly signal: AbortSignal;
  readonly changed: () => void;
};

/** Resolves when `signal` has aborted, or when there is nothing to hear. Never rejects. */
export async function watchUnit(options: UnitEventsOptions): Promise<void> {
  const { busctl, unit, signal, changed } = options;
  const rule = [
    "type='signal',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'",
    `path='${objectPathOf(unit)}'`,
  ].join(',');
  const ear = await startLongLived({
    argv: ['setpriv', '--pdeathsig', 'KILL', ...busctl, 'monitor', '--json=short', '--match', rule],
    output: { kind: 'pipes' },
  }).catch(() => null); // not installed: nothing is told
  if (ear?.pipes == null) return;
  const { output, errors } = ear.pipes;
  errors.resume();
  let gone = false;
  void ear.ended.then(() => {
    gone = true;
  });
  // Not yet reaped where nobody has told that it ended: the number is still its own.
  const end = (): void => {
    if (!gone) process.kill(ear.mark.pid, 'SIGKILL');
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  try {
    for await (const line of lines(output as AsyncIterable<Buffer>, LONGEST_LINE)) {
      if (line.startsWith('{')) changed();
    }
  } catch {
    // A line without end, or a pipe that broke: it hears nothing any more.
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** As systemd writes the name of a unit into a path: `bus_label_escape`. */
export function objectPathOf(unit: string): string {
  const escaped = [...Buffer.from(unit)].map((byte, at) => {
    const char = String.fromCharCode(byte);
    const plain = /[A-Za-z]/.test(char) || (at > 0 && /\d/.test(char));
    return plain ? char : `_${byte.toString(16).padStart(2, '0')}`;
  });
  return `${UNITS}${escaped.join('')}`;
}
