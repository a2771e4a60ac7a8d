import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';
import { createLogger, type LogLevel } from '../../src/observability/logger.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const logTo = (file: string, level: LogLevel = 'info') =>
  createLogger({ level, file, identity: { node: 'node1', clusterId: 'lab' } });

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('createLogger', () => {
  it('a line says who speaks, what happened in words, and the facts as data', () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    log.warn('the disk of group ledger answers slowly', { group: 'ledger', durationMs: 812 });
    log.flush();
    expect(linesOf(file)).toMatchObject([
      {
        level: 'warn',
        node: 'node1',
        clusterId: 'lab',
        event: 'the disk of group ledger answers slowly',
        facts: { group: 'ledger', durationMs: 812 },
      },
    ]);
  });

  it('what lies below the level is not written', () => {
    const file = join(directory, 'log');
    const log = logTo(file, 'error');
    log.info('nothing');
    log.error('something');
    log.flush();
    expect(linesOf(file).map((line) => line['event'])).toEqual(['something']);
  });

  it('reservation keys, bytes and errors with their causes stay readable', () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    const cause = Object.assign(new Error('read failed'), { code: 'EIO' });
    log.error('takeover failed', {
      key: 0xabcd_0001_0000_0002n,
      bytes: Buffer.from([1, 2, 3]),
      error: new HoldfastError('NO_QUORUM', { alive: 1 }, { cause }),
    });
    log.flush();
    expect(linesOf(file)[0]?.['facts']).toMatchObject({
      key: '0xabcd000100000002',
      bytes: '3 bytes',
      error: { code: 'NO_QUORUM', context: { alive: 1 }, because: { code: 'EIO' } },
    });
  });

  it('facts that cannot be printed cost the facts, not the line', () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    const circle: { self?: object } = {};
    circle.self = circle;
    log.info('round', circle);
    log.flush();
    expect(linesOf(file)[0]).toMatchObject({ event: 'round' });
    expect(JSON.stringify(linesOf(file)[0])).toContain('unprintable');
  });

  it('a file that cannot be opened is refused with its name', () => {
    expect(() => logTo(join(directory, 'missing', 'log'))).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
  });
});
