import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';
import { createLogger, type LogLevel } from '../../src/observability/logger.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const logTo = (file: string, level: LogLevel = 'info') =>
  createLogger({ level, file, identity: { node: 'node1', clusterId: 'lab' } });

/** Once there are some: a write that was on its way when it was flushed ends a moment later. */
const linesOf = (file: string): Promise<Record<string, unknown>[]> =>
  vi.waitFor(() => {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    expect(lines).not.toEqual([]);
    return lines.map((line) => JSON.parse(line));
  });

describe('createLogger', () => {
  it('a line says who speaks, what happened in words, and the facts as data', async () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    log.warn('the disk of group ledger answers slowly', { group: 'ledger', durationMs: 812 });
    log.flush();
    expect(await linesOf(file)).toMatchObject([
      {
        level: 'warn',
        node: 'node1',
        clusterId: 'lab',
        event: 'the disk of group ledger answers slowly',
        facts: { group: 'ledger', durationMs: 812 },
      },
    ]);
  });

  it('what lies below the level is not written', async () => {
    const file = join(directory, 'log');
    const log = logTo(file, 'error');
    log.info('nothing');
    log.error('something');
    log.flush();
    expect((await linesOf(file)).map((line) => line['event'])).toEqual(['something']);
  });

  it('reservation keys, bytes and errors with their causes stay readable', async () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    const cause = Object.assign(new Error('read failed'), { code: 'EIO' });
    log.error('takeover failed', {
      key: 0xabcd_0001_0000_0002n,
      bytes: Buffer.from([1, 2, 3]),
      error: new HoldfastError('NO_QUORUM', { alive: 1 }, { cause }),
    });
    log.flush();
    expect((await linesOf(file))[0]?.['facts']).toMatchObject({
      key: '0xabcd000100000002',
      bytes: '3 bytes',
      error: { code: 'NO_QUORUM', context: { alive: 1 }, because: { code: 'EIO' } },
    });
  });

  it('facts that cannot be printed cost the facts, not the line', async () => {
    const file = join(directory, 'log');
    const log = logTo(file);
    const circle: { self?: object } = {};
    circle.self = circle;
    log.info('round', circle);
    log.flush();
    const [line] = await linesOf(file);
    expect(line).toMatchObject({ event: 'round' });
    expect(JSON.stringify(line)).toContain('unprintable');
  });

  it('a file that cannot be opened is refused with its name', () => {
    expect(() => logTo(join(directory, 'missing', 'log'))).toThrow(
      expect.objectContaining({ code: 'LOG_UNWRITABLE' }),
    );
  });
});
