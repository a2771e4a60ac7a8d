/** The watchdog's device, with a file in its place and its ioctls played. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openWatchdog } from '../../src/system/watchdog.ts';

let directory = '';
let path = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-watchdog-'));
  path = join(directory, 'watchdog');
  await writeFile(path, '');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const MAGIC_CLOSE = 0x0100;
const written = async () => (await readFile(path)).toString('latin1');

/** A driver with this information; it takes any timeout, and rounds it up to even seconds. */
function driver(options: number, fails: number | null = null) {
  return async (_: number, request: number, argument: Buffer) => {
    if (request === fails) return -1;
    if (argument.length === 4)
      argument.writeInt32LE(argument.readInt32LE() + ((argument[0] ?? 0) % 2));
    else {
      argument.writeUInt32LE(options, 0);
      argument.write('Played Watchdog\0', 8, 'latin1');
    }
    return 0;
  };
}

describe('a watchdog', () => {
  it('is told the timeout in whole seconds, and says what it made of it', async () => {
    const dog = await openWatchdog({ path, timeoutMs: 2_500, control: driver(MAGIC_CLOSE) });
    const { identity, timeoutMs, magicClose } = dog;
    expect({ identity, timeoutMs, magicClose }).toEqual({
      identity: 'Played Watchdog',
      timeoutMs: 4_000,
      magicClose: true,
    });
    dog.disarm();
  });

  it('is fed, and let go with the letter V, once', async () => {
    const dog = await openWatchdog({ path, timeoutMs: 2_000, control: driver(0) });
    dog.feed();
    dog.feed();
    expect(await written()).toBe('\0\0');
    dog.disarm();
    dog.disarm();
    expect(await written()).toBe('\0\0V');
    expect(dog.magicClose).toBe(false);
    expect(() => dog.feed()).toThrow('WATCHDOG_FAILED');
  });

  it.each([0x8028_5700, 0xc004_5706])('that refuses call %i is let go again', async (call) => {
    const control = driver(MAGIC_CLOSE, call);
    await expect(openWatchdog({ path, timeoutMs: 2_000, control })).rejects.toMatchObject({
      code: 'WATCHDOG_FAILED',
    });
    expect(await written()).toBe('V');
  });

  it('that is not there, or is no watchdog, is an error', async () => {
    const missing = { path: join(directory, 'none'), timeoutMs: 2_000 };
    await expect(openWatchdog(missing)).rejects.toMatchObject({ code: 'WATCHDOG_FAILED' });
    await expect(openWatchdog({ path, timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'WATCHDOG_FAILED',
    });
  });
});
