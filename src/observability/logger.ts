/**
 * The log: one JSON object a line, for journald and whatever reads it. `event` says in words what
 * happened, `facts` holds the values, so that nobody has to parse prose.
 *
 * Writing never blocks the event loop and never grows without bound: when the reader of stderr
 * stalls, lines beyond a megabyte are dropped and counted (a cluster must not fail over because a
 * log collector hangs). It does not rotate files: journald or logrotate do.
 */
import { openSync } from 'node:fs';
import { type Logger as Pino, pino } from 'pino';
import { HoldfastError } from '../lib/error.ts';
import { readable } from './plain-data.ts';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Port of everything that tells operators something. Never throws, never waits. */
export type Logger = {
  debug(event: string, facts?: object): void;
  info(event: string, facts?: object): void;
  warn(event: string, facts?: object): void;
  error(event: string, facts?: object): void;
  /** Writes what is waiting, synchronously; one write that is on its way already may end after it. */
  flush(): void;
};

export type LoggerOptions = {
  readonly level: LogLevel;
  /** null: stderr. A file is opened for appending. */
  readonly file: string | null;
  /** On every line: which node and cluster speaks. */
  readonly identity: Readonly<Record<string, string>>;
  /** Bytes that may wait for a slow reader. */
  readonly maxWaitingBytes?: number;
};

const MAX_WAITING_BYTES = 1 << 20;

/** @throws {HoldfastError} LOG_UNWRITABLE when the file cannot be opened. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = pino.destination({
    fd: options.file === null ? 2 : openForAppending(options.file),
    sync: false,
    maxLength: options.maxWaitingBytes ?? MAX_WAITING_BYTES,
  });
  let dropped = 0;
  destination.on('drop', () => {
    dropped += 1;
  });
  // A reader that went away (EPIPE) must not take the daemon with it; there is nobody to tell.
  destination.on('error', () => undefined);
  const lines = pino(
    {
      level: options.level,
      base: { ...options.identity, pid: process.pid },
      messageKey: 'event',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const write = (level: LogLevel, event: string, facts: object | undefined): void => {
    if (!lines.isLevelEnabled(level)) return;
    if (dropped > 0) {
      const lost = dropped;
      dropped = 0;
      lines.warn({ facts: { lost } }, 'lines of this log were lost: its reader was too slow');
    }
    writeLine(lines, level, event, facts);
  };
  return {
    debug: (event, facts) => write('debug', event, facts),
    info: (event, facts) => write('info', event, facts),
    warn: (event, facts) => write('warn', event, facts),
    error: (event, facts) => write('error', event, facts),
    flush: () => {
      try {
        destination.flushSync();
      } catch {
        // Nobody reads any more; a process that ends must end all the same.
      }
    },
  };
}

function writeLine(lines: Pino, level: LogLevel, event: string, facts: object | undefined): void {
  if (facts === undefined) lines[level](event);
  else lines[level]({ facts: plain(facts) }, event);
}

/** Facts may hold errors, keys and bytes, even a circle by mistake: a log line is still written. */
function plain(facts: object): unknown {
  try {
    return JSON.parse(JSON.stringify(facts, readable));
  } catch (error) {
    return { unprintable: String(error) };
  }
}

function openForAppending(file: string): number {
  try {
    return openSync(file, 'a', 0o640);
  } catch (error) {
    throw new HoldfastError('LOG_UNWRITABLE', { file }, { cause: error });
  }
}

/** A log that says nothing: for tools and tests that have their own voice. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  flush: () => undefined,
};
