import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { peerCredentials } from '../../src/system/peer-credentials.ts';

it('the other end of a Unix socket is the process that connected, with all its groups', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-peer-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'socket');
  const server = createServer().listen(path);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const script = `require('net').connect(${JSON.stringify(path)})`;
  const child = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [socket] = (await once(server, 'connection')) as [Socket];
  const { pid, uid, groups } = peerCredentials(socket);
  expect({ pid, uid }).toEqual({ pid: child.pid, uid: process.getuid?.() });
  const own = execFileSync('id', ['-G'], { encoding: 'utf8' }).trim().split(' ').map(Number);
  expect(groups.toSorted()).toEqual(own.toSorted());
  socket.destroy();
  expect(() => peerCredentials(socket)).toThrow('PEER_UNKNOWN');
});
