/**
 * What the terminal can show: colour, how wide, and whether block characters come out right. Output
 * that goes into a file or a pipe is plain (NO_COLOR, https://no-color.org).
 */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'alarm';

export type Terminal = {
  readonly width: number;
  readonly colour: boolean;
  readonly unicode: boolean;
  /** Whether a table is made to fit: somebody looks at it. In a pipe a row is one line. */
  readonly wraps: boolean;
};

const SEQUENCES: Readonly<Record<Style, string>> = {
  bold: '1',
  dim: '2',
  red: '31',
  green: '32',
  yellow: '33',
  alarm: '1;97;41',
};

const DEFAULT_WIDTH = 100;
const MAX_WIDTH = 160;
const MIN_WIDTH = 40;

export function terminalOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const tty = stream.isTTY === true;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  const columns = stream.columns ?? Number(env['COLUMNS'] ?? DEFAULT_WIDTH);
  return {
    width: Math.min(MAX_WIDTH, Math.max(MIN_WIDTH, columns || DEFAULT_WIDTH)),
    colour: tty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    // A pipe usually ends in something that reads UTF-8; a console of a rescue system may not.
    unicode: tty ? /utf-?8/i.test(locale) : !/^(C|POSIX)$/.test(locale),
    wraps: tty,
  };
}

export function paint(terminal: Terminal, style: Style | null, text: string): string {
  if (style === null || !terminal.colour || text === '') return text;
  return `\u001b[${SEQUENCES[style]}m${text}\u001b[0m`;
}
