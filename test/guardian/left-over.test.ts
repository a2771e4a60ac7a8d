/** What a guardian leaves when it is killed together with its daemon, and who takes it down then. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { guardianArgv } from '../../src/guardian/argv.ts';
import { type LeftOver, leftOverPath } from '../../src/guardian/left-over.ts';
import type { LongLived } from '../../src/system/long-lived.ts';
import { isAlive, until } from '../system/support/until.ts';
import { arm, destroy, GuardianProcess, killing, startVictim } from './support/guardian-process.ts';

const IMPOSSIBLE = { kind: 'delete-address', device: 'lo', address: 'nowhere' } as const;

let directory = '';
let path = '';
let victim: LongLived;
let guardian: GuardianProcess;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-left-over-'));
  path = leftOverPath({ RUNTIME_DIRECTORY: directory }) ?? '';
  victim = await startVictim();
  guardian = await GuardianProcess.start({ environment: { RUNTIME_DIRECTORY: directory } });
});

afterEach(async () => {
  await guardian.destroy();
  await destroy(victim);
  rmSync(directory, { recursive: true, force: true });
});

const groups = (): LeftOver['groups'] =>
  (JSON.parse(readFileSync(path, 'utf8')) as LeftOver).groups;

/** As the service manager starts it; resolves with its status and what it said. */
async function undone(): Promise<{ readonly status: unknown; readonly words: string }> {
  const [node = '', ...words] = guardianArgv({ clusterId: '--undo' });
  const child = spawn(node, [...words, path], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [status] = await once(child, 'close');
  return { status, words: said };
}

it('is written before the acknowledgement, and gone with the disarming', async () => {
  guardian.send(arm({ teardown: [killing(victim)] }));
  await guardian.armed(1);
  expect(groups()).toEqual([{ group: 'db', epoch: 7, teardown: [killing(victim)] }]);
  guardian.send({ kind: 'disarm', requestId: 2, group: 'db', epoch: 7 });
  await until('it is disarmed', () => guardian.has({ kind: 'disarmed', requestId: 2 }));
  expect(groups()).toEqual([]);
});

it('is taken down when the guardian was killed as well', async () => {
  guardian.send(arm({ teardown: [killing(victim)] }));
  await guardian.armed(1);
  process.kill(guardian.pid, 'SIGKILL');
  await guardian.ended;
  expect(isAlive(victim.mark.pid)).toBe(true);
  const { status, words } = await undone();
  expect(words).toContain('left over of db epoch 7: kill-process-group');
  expect(status).toBe(0);
  await until('the victim is down', () => !isAlive(victim.mark.pid));
  expect(existsSync(path)).toBe(false);
});

it('is left to a guardian that is still at work', async () => {
  guardian.send(arm({ teardown: [killing(victim)] }));
  await guardian.armed(1);
  const done = undone();
  guardian.closePipe();
  const { status, words } = await done;
  expect(isAlive(guardian.pid)).toBe(false);
  expect(isAlive(victim.mark.pid)).toBe(false);
  expect({ status, words }).toEqual({ status: 0, words: '' });
});

it('stays, and is said, while something cannot be undone', async () => {
  guardian.send(arm({ teardown: [IMPOSSIBLE, killing(victim)] }));
  await guardian.armed(1);
  process.kill(guardian.pid, 'SIGKILL');
  await guardian.ended;
  const { status, words } = await undone();
  expect(status).toBe(70);
  expect(words).toContain('db: delete-address: HoldfastError');
  // The rest goes down all the same.
  await until('the victim is down', () => !isAlive(victim.mark.pid));
  expect(existsSync(path)).toBe(true);
});

it('is nothing where no guardian was ever armed; what cannot be read is said', async () => {
  expect(await undone()).toEqual({ status: 0, words: '' });
  writeFileSync(path, '{');
  const { status, words } = await undone();
  expect(status).toBe(70);
  expect(words).toContain(path);
});

it('is kept only where the service manager gave a directory', () => {
  expect(leftOverPath({})).toBeNull();
  expect(leftOverPath({ RUNTIME_DIRECTORY: '/run/holdfast:/run/other' })).toBe(
    '/run/holdfast/left-over.json',
  );
});
