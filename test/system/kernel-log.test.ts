/** What goes into the kernel's log, played by a file. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellKernel } from '../../src/system/kernel-log.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-kmsg-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a line for the kernel', () => {
  it('is critical, names the program, and ends', () => {
    const path = join(directory, 'kmsg');
    tellKernel('the machine is reset in 5 s', path);
    expect(readFileSync(path, 'utf8')).toBe('<2>holdfast: the machine is reset in 5 s\n');
  });

  it('that cannot be written hinders nobody', () => {
    expect(() => tellKernel('never mind', join(directory, 'none', 'kmsg'))).not.toThrow();
  });
});
