import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Launch, type Launched, launch } from '../../src/system/launch.ts';
import { spawnCalls } from '../../src/system/spawn-calls.ts';

const way = vi.hoisted(() => ({ kernel: true }));
vi.mock(import('../../src/system/spawn-calls.ts'), async (original) => {
  const real = await original();
  return { ...real, spawnCalls: () => (way.kernel ? real.spawnCalls() : null) };
});

const linkOf = (fd: string) => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // the list itself was open for a moment
  }
};
const PATH = process.env['PATH'] ?? '';
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-launch-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function start(argv: readonly string[], options: Partial<Launch> = {}): Promise<Launched> {
  const fixed = { environment: { PATH }, directory: null, input: 'nothing' } as const;
  return launch({ ...fixed, output: 'pipes', argv, ...options });
}

async function said({ output, ended }: Launched): Promise<string> {
  const words = output === null ? '' : await text(output);
  await ended;
  return words.trim();
}

/** A program in a directory of its own. */
function program(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, 0o755);
  return path;
}

test('the C library can be called here, or the first half below would say nothing', () => {
  expect(spawnCalls()).not.toBeNull();
});

describe.each([
  ['the kernel, from a thread', true],
  ['Node', false],
])('a process started by %s', (_, kernel) => {
  beforeEach(() => {
    way.kernel = kernel;
  });

  test('leads a session of its own', async () => {
    const child = await start(['sh', '-c', 'echo $$; sed "s/.*) //" /proc/self/stat']);
    const [pid, stat = ''] = (await said(child)).split('\n');
    expect(Number(pid)).toBe(child.mark.pid);
    expect(stat.split(' ')[3]).toBe(pid);
    expect(child.mark.startTicks).toBeGreaterThan(0);
  });

  test('has no descriptor of ours', async () => {
    const path = join(directory, `ours-${kernel}`);
    openSync(path, 'a');
    const given = await start(['sh', '-c', 'readlink /proc/$$/fd/*'], { input: 'pipe' });
    given.input?.end();
    const links = await said(given);
    expect(readdirSync('/proc/self/fd').map(linkOf)).toContain(path);
    expect(links).not.toContain(path);
  });

  test('has no signal blocked and none ignored', async () => {
    const child = await start(['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status']);
    const [blocked = '', ignored = ''] = (await said(child)).match(/[0-9a-f]{16}/g) ?? [];
    // 32 and 33 are the C library's own.
    expect([BigInt(`0x${blocked}`), BigInt(`0x${ignored}`) & ~0x1_8000_0000n]).toEqual([0n, 0n]);
  });

  test('sees the given environment only, and is found by the path in it', async () => {
    program('greeting', '#!/bin/sh\nPATH=/usr/bin:/bin; env -u PATH -u PWD -u _ -u SHLVL\n');
    const child = await start(['greeting'], {
      environment: { PATH: directory, A: '1', B: undefined },
    });
    expect(await said(child)).toBe('A=1');
  });

  test('runs in the given directory', async () => {
    expect(await said(await start(['pwd', '-P'], { directory }))).toBe(directory);
  });

  test('may be a script that does not say whose it is', async () => {
    const path = program('plain', 'echo "$1"\n');
    expect(await said(await start([path, 'two words']))).toBe('two words');
  });

  test('reads what it is given and writes to both pipes', async () => {
    const child = await start(['sh', '-c', 'cat; echo bad >&2'], { input: 'pipe' });
    child.input?.end('good');
    const errors = child.errors === null ? '' : text(child.errors);
    expect(await said(child)).toBe('good');
    expect(await errors).toBe('bad\n');
  });

  test('writes to a file that was opened for it', async () => {
    const path = join(directory, `log-${kernel}`);
    const child = await start(['sh', '-c', 'echo one; echo two >&2'], {
      output: openSync(path, 'a'),
    });
    expect(child.output).toBeNull();
    await child.ended;
    expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  });

  test('answers its status, or the signal that ended it', async () => {
    expect(await (await start(['sh', '-c', 'exit 24'])).ended).toEqual({
      status: 24,
      signal: null,
    });
    const killed = await start(['sh', '-c', 'kill -TERM $$']);
    expect(await killed.ended).toEqual({ status: null, signal: 'SIGTERM' });
  });

  test('leaves no zombie', async () => {
    const children = await Promise.all([1, 2, 3].map((n) => start(['sh', '-c', `exit ${n}`])));
    const ends = await Promise.all(children.map(({ ended }) => ended));
    expect(ends.map(({ status }) => status)).toEqual([1, 2, 3]);
    for (const { mark } of children) {
      expect(() => readFileSync(`/proc/${mark.pid}/stat`)).toThrow('ENOENT');
    }
  });

  test.each([
    ['is not there', ['holdfast-no-such-program'], {}, 'COMMAND_NOT_FOUND'],
    ['is a directory', ['/tmp'], {}, 'COMMAND_NOT_FOUND'],
    ['shall run nowhere', ['true'], { directory: '/holdfast/nowhere' }, 'COMMAND_NOT_FOUND'],
  ] as const)('that %s is refused', async (_name, argv, options, code) => {
    await expect(start(argv, options)).rejects.toMatchObject({ code });
  });
});

test('a program waits for its child although nothing else keeps it, and not for one that it let go', () => {
  const wait = `import { launch } from '${import.meta.dirname}/../../src/system/launch.ts';
    const common = { environment: process.env, directory: null, input: 'nothing', output: 'pipes' };
    const child = await launch({ argv: ['sleep', '600'], ...common });
    for (const one of [child, child.output, child.errors]) one.unref();
    const waited = await launch({ argv: ['sh', '-c', 'exit 3'], ...common });
    console.log((await waited.ended).status, child.mark.pid);`;
  const argv = ['--input-type=module-typescript', '-e', wait];
  const out = execFileSync(process.execPath, argv, {
    encoding: 'utf8',
    timeout: 20_000,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [status, pid] = out.trim().split(' ');
  process.kill(Number(pid), 'SIGKILL');
  expect(status).toBe('3');
});
