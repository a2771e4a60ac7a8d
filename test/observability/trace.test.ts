import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTrace, parseTraceLine } from '../../src/observability/trace.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-trace-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const linesOf = (file: string): unknown[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(parseTraceLine);

describe('openTrace', () => {
  it('what was recorded comes back as it was, bytes and reservation keys included', async () => {
    const path = join(directory, 'traces', 'node1.ndjson');
    const trace = await openTrace({ path });
    const events = [
      { kind: 'durable', mark: 7 },
      { kind: 'compacted', state: new Uint8Array([0, 255]), key: 0xffff_ffff_ffff_ffffn },
    ];
    for (const event of events) trace.record(event);
    await trace.close();
    expect(linesOf(path)).toEqual(events);
  });

  it('a Buffer comes back as its bytes', async () => {
    const path = join(directory, 'trace');
    const trace = await openTrace({ path });
    trace.record({ data: Buffer.from('ab') });
    await trace.close();
    expect(linesOf(path)).toEqual([{ data: new Uint8Array([97, 98]) }]);
  });

  it('a full file is put aside, and no more than the allowed number is kept', async () => {
    const path = join(directory, 'trace');
    const trace = await openTrace({ path, maxFileBytes: 100, maxFiles: 3 });
    for (let n = 0; n < 50; n += 1) {
      trace.record({ n, text: 'x'.repeat(40) });
      await trace.flush();
    }
    await trace.close();
    expect(readdirSync(directory).sort()).toEqual(['trace', 'trace.1', 'trace.2']);
    const newest = linesOf(`${path}.1`).concat(linesOf(path));
    expect(newest.at(-1)).toMatchObject({ n: 49 });
  });

  it('what does not fit into the queue is dropped, and the trace says how much', async () => {
    const path = join(directory, 'trace');
    const trace = await openTrace({ path, maxWaitingBytes: 64 });
    for (let n = 0; n < 100; n += 1) trace.record({ n, text: 'y'.repeat(20) });
    await trace.flush();
    trace.record({ n: 100 });
    await trace.close();
    const lines = linesOf(path) as { kind?: string; lines?: number }[];
    const lost = lines.filter((line) => line.kind === 'trace-lost');
    const total = lost.reduce((sum, line) => sum + (line.lines ?? 0), 0);
    expect(total).toBeGreaterThan(0);
    expect(lines.length - lost.length + total).toBe(101);
  });

  it('an event that cannot be written down costs its line only', async () => {
    const path = join(directory, 'trace');
    const trace = await openTrace({ path });
    const circle: { self?: object } = {};
    circle.self = circle;
    trace.record(circle);
    trace.record({ n: 1 });
    await trace.close();
    expect(linesOf(path)).toMatchObject([{ kind: 'trace-unprintable' }, { n: 1 }]);
  });

  it('a path that cannot be created is refused with its name', async () => {
    await expect(openTrace({ path: '/proc/none/trace' })).rejects.toMatchObject({
      code: 'LOG_UNWRITABLE',
      context: { file: '/proc/none/trace' },
    });
  });
});
