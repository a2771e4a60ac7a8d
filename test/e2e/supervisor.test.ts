/**
 * A daemon under a service manager: it says when it is ready, that it lives, what it does, and that it
 * is stopping. (That it falls silent when its loop stands still: test/node/signs-of-life.test.ts.)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type EmbeddedCluster, HOLDFAST, PATIENCE_MS } from '../demo/embedded-cluster.ts';
import { marked } from '../demo/processes.ts';
import { until } from '../lab/kernel/index.ts';
import { NotifySocket } from '../system/support/notify-socket.ts';
import { endOf, LIMIT_MS, workspace } from './support/workspace.ts';

const WATCHDOG_USEC = '600000';

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let cluster: EmbeddedCluster;
let socket: NotifySocket;
let daemon: ChildProcess;

beforeAll(async () => {
  cluster = await workspace();
  await cluster.startSan();
  socket = new NotifySocket(join(cluster.directory, 'notify'));
  daemon = spawn(process.execPath, [HOLDFAST, ...cluster.runArguments('node1')], {
    stdio: 'ignore',
    env: { ...cluster.environment, NOTIFY_SOCKET: socket.name, WATCHDOG_USEC },
  });
});

afterAll(() => {
  daemon.kill('SIGKILL');
  socket.close();
  cluster.down();
});

const heard = async (
  what: string,
  wanted: (words: readonly string[]) => boolean,
): Promise<void> => {
  const bound = { what, limitMs: PATIENCE_MS };
  await until(
    () => wanted(socket.heard()),
    bound,
    () => socket.heard().join('\n'),
  );
};
const signs = (): number => socket.heard().filter((word) => word === 'WATCHDOG=1').length;

test('it says that it is ready, and in one line what it does', async () => {
  await heard('it is ready', (words) => words.some((word) => word.startsWith('READY=1\nSTATUS=')));
  expect(socket.heard().join('\n')).toMatch(/STATUS=(follower|candidate).*; serves nothing/);
});

test('it gives signs of life, and its guardian speaks in nobody’s name', async () => {
  const before = signs();
  await heard('three signs more', () => signs() >= before + 3);
  const all = marked(cluster.directory).filter(({ argv }) =>
    argv.some((word) => /guardian/.test(word)),
  );
  expect(all.length).toBeGreaterThan(0);
  for (const { pid } of all) {
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  }
});

test('asked to end, it says so first, and ends in order', async () => {
  daemon.kill('SIGTERM');
  await heard('it is stopping', (words) => words.includes('STOPPING=1'));
  expect(await endOf(daemon)).toBe(0);
});
