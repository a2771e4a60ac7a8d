import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessOf, OPEN, socketRights } from '../../src/operator/access.ts';
import { authorOf } from '../../src/operator/author.ts';
import { createOperatorServer } from '../../src/operator/server.ts';
import { groupId } from '../../src/system/accounts.ts';
import { FakeDaemon } from './fake-daemon.ts';

const ADMINS = 5_001;
const READERS = 5_002;
const RULES = { adminGroup: ADMINS, readOnlyGroup: READERS };
const peer = (uid: number, ...groups: readonly number[]) => ({ pid: 1, uid, groups });

describe('the rules', () => {
  it.each([
    ['root', peer(0, 0), 'admin'],
    ['the user of the daemon', peer(990, 990), 'admin'],
    ['an admin, by a further group', peer(1_000, 100, ADMINS), 'admin'],
    ['a reader', peer(1_001, READERS), 'read-only'],
    ['somebody in both', peer(1_002, READERS, ADMINS), 'admin'],
    ['anybody else', peer(1_003, 100), 'none'],
  ] as const)('%s', (_who, who, access) => {
    expect(accessOf(who, RULES, 990)).toBe(access);
  });

  it('without groups the permissions of the socket are the rule', () => {
    expect(accessOf(peer(1_003, 100), OPEN, 990)).toBe('admin');
    expect(socketRights(OPEN)).toEqual({ group: null, mode: 0o660 });
    expect(socketRights({ ...RULES, readOnlyGroup: null })).toEqual({ group: ADMINS, mode: 0o660 });
    expect(socketRights(RULES)).toEqual({ group: ADMINS, mode: 0o666 });
  });
});

describe('the author of an order', () => {
  it('has the uid of the kernel, whatever the request says', () => {
    const headers = { 'x-holdfast-operator': 'root (uid 0)', 'x-holdfast-reason': '%zz' };
    expect(authorOf(headers, 1_000)).toBe('root (uid 0) (uid 1000), because %zz');
    expect(authorOf({}, 7)).toBe('operator (uid 7)');
  });

  it('cannot draw on a terminal, nor write without end', () => {
    const reason = encodeURIComponent(`\u001b[2J${'y'.repeat(500)}\u202e`);
    const text = authorOf({ 'x-holdfast-reason': reason }, 1);
    expect(text).not.toMatch(/\p{C}/u);
    expect(text.length).toBeLessThan(300);
  });
});

describe('groups of the machine', () => {
  it('are found by name and by number', () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-groups-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const path = join(directory, 'group');
    writeFileSync(path, 'root:x:0:\nholdfast:x:990:alice,bob\n');
    expect(groupId('holdfast', path)).toBe(990);
    expect(groupId('5001', path)).toBe(5_001);
    expect(groupId('nobody-has-this', path)).toBeNull();
  });
});

/** `method path` as another user, by a process of its own; answers the status. */
async function askAs(uid: number, gid: number, socketPath: string, words: string): Promise<number> {
  const [method, path] = words.split(' ');
  const script = `
    const options = ${JSON.stringify({ socketPath, method, path })};
    require('node:http').request(options, (r) => { console.log(r.statusCode); process.exit(); })
      .on('error', () => { console.log(0); process.exit(); }).end();`;
  const child = spawn(process.execPath, ['-e', script], {
    uid,
    gid,
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: '/',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  return Number(text.toString());
}

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.log('access of other users: not tested, only root can become another user');

describe.runIf(isRoot)('other users', () => {
  it('ask, order or are turned away by the groups that the kernel knows', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'holdfast-access-'));
    chmodSync(directory, 0o755);
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const socketPath = join(directory, 'socket');
    const daemon = new FakeDaemon();
    const server = createOperatorServer({ daemon, socketPath, access: RULES });
    await server.start();
    onTestFinished(() => server.stop());
    expect(statSync(socketPath)).toMatchObject({ gid: ADMINS });
    const move = 'POST /v1/groups/ledger/move';
    const as = (gid: number, words: string): Promise<number> =>
      askAs(gid + 10_000, gid, socketPath, words);
    expect(await as(READERS, 'GET /v1/status')).toBe(200);
    expect(await as(READERS, move)).toBe(403);
    expect(await as(7_777, 'GET /v1/status')).toBe(403);
    expect(await as(7_777, 'GET /metrics')).toBe(403);
    expect(daemon.asked).toHaveLength(1);
    expect(await as(ADMINS, move)).toBe(200);
    expect(daemon.asked.at(-1)).toEqual([
      'move',
      { group: 'ledger', to: null },
      `operator (uid ${ADMINS + 10_000})`,
    ]);
  });
});
