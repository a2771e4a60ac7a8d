import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';
import { edited, VALID } from '../config/fixture.ts';
import { INQUORATE } from '../operator/fake-daemon.ts';
import { until } from '../operator/unix-client.ts';
import { answeringDaemon } from './answering.ts';
import { holdfast, LAUNCHER, start } from './holdfast.ts';

const here = answeringDaemon();

const ask = (...args: string[]) => holdfast([...args, '--socket', here.socket]);

describe('a question', () => {
  it.each([
    [['status'], 'leader node2', ['status', { current: false }]],
    [['members'], 'node3 (here)', ['status', { current: false }]],
    [['groups', '--current'], 'ledger', ['status', { current: true }]],
    [['timeline', 'ledger'], 'fence', ['timelines', { group: 'ledger' }]],
    [['history', '--limit', '2'], 'served by node2', ['history', { limit: 2 }]],
    [['history', '--node', 'node1'], 'failover: node1 -> node2', ['history', { limit: 512 }]],
  ])('%j is answered in words', async (args, words, asked) => {
    const { code, stdout, stderr } = await ask(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(words);
    expect(stdout).not.toContain('\u001b');
    expect(here.daemon.asked).toEqual([asked]);
  });

  it.each(['status', 'members', 'groups', 'timeline', 'history'])(
    '%s is answered in one line of JSON where that is wanted (pain 27: output for people only)',
    async (command) => {
      const { code, stdout } = await ask(command, '--json');
      expect(code).toBe(0);
      expect(stdout.trimEnd().split('\n')).toHaveLength(1);
      expect(JSON.parse(stdout)).toMatchObject({
        clusterId: 'lab',
        answeredBy: 'node3',
        stale: false,
        data: expect.anything(),
      });
    },
  );

  it.each([
    ['ledger', 'given to node2 by failover: node3, which led, had heard nothing from node1'],
    ['node1', 'node1 is dead for node3'],
  ])('why %s is answered in sentences with their proof', async (subject, words) => {
    const { code, stdout } = await ask('why', subject);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toContain(words);
    expect(stdout).toMatch(/^#1036 /m);
    expect(JSON.parse((await ask('why', subject, '--json')).stdout)).toMatchObject({
      data: { name: subject, sentences: expect.any(Array) },
    });
  });

  it('why of a name that nobody has is refused', async () => {
    const { code, stdout } = await ask('why', 'ghost', '--json');
    expect(code).toBe(1);
    expect(stdout).toContain('UNKNOWN_SUBJECT');
  });

  it('goes to the socket that the environment names', async () => {
    expect((await holdfast(['status'], { HOLDFAST_SOCKET: here.socket })).code).toBe(0);
  });

  it('may name the options before the command', async () => {
    expect((await holdfast(['--json', '--socket', here.socket, 'status'])).stdout).toMatch(/^\{/);
  });
});

describe('a stale answer', () => {
  beforeEach(() => {
    here.daemon.stale = true;
    here.daemon.clusterStatus = INQUORATE;
  });

  it('is printed loudly, with the reason why nothing is served', async () => {
    const { code, stdout } = await ask('status');
    expect(stdout).toMatch(/^STALE: node3 cannot reach a majority/);
    expect(stdout).toContain('nothing is served: only 1 of 3 voters is heard');
    expect(code).toBe(0);
  });

  it.each(['status', 'members', 'groups'])('to %s --current exits with 4', async (command) => {
    const { code, stdout } = await ask(command, '--current');
    expect(code).toBe(4);
    expect(stdout).toMatch(/^STALE/);
  });

  it('in JSON carries the mark and exits with 4 too', async () => {
    const { code, stdout } = await ask('status', '--current', '--json');
    expect(code).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({ stale: true, data: { quorate: false } });
  });
});

describe('a command', () => {
  it.each([
    [
      ['move', 'ledger', 'node1'],
      ['move', { group: 'ledger', to: 'node1', wishMs: 28_800_000 }],
    ],
    [
      ['move', 'ledger'],
      ['move', { group: 'ledger', to: null, wishMs: 28_800_000 }],
    ],
    [
      ['move', 'ledger', 'node1', '--for', '0s'],
      ['move', { group: 'ledger', to: 'node1', wishMs: 0 }],
    ],
    [
      ['unmove', 'ledger'],
      ['unmove', 'ledger'],
    ],
    [
      ['standby', 'node1', '--off'],
      ['setMode', { kind: 'node', node: 'node1' }, 'online'],
    ],
    [
      ['unstandby', 'node1'],
      ['setMode', { kind: 'node', node: 'node1' }, 'online'],
    ],
    [
      ['maintenance', '--group', 'ledger', '--resource', 'app'],
      ['setMode', { kind: 'resource', group: 'ledger', resource: 'app' }, 'maintenance'],
    ],
    [
      ['maintenance', '--cluster', '--off'],
      ['setMode', { kind: 'cluster' }, 'online'],
    ],
    [
      ['leave', 'node1'],
      ['setRole', { node: 'node1', role: 'leaving', force: false }],
    ],
    [
      ['promote', 'node1', '--force'],
      ['setRole', { node: 'node1', role: 'voter', force: true }],
    ],
    [
      ['demote', 'node1'],
      ['setRole', { node: 'node1', role: 'learner', force: false }],
    ],
    [
      ['standby', 'node1'],
      ['setMode', { kind: 'node', node: 'node1' }, 'standby'],
    ],
    [
      ['online', '--group', 'ledger'],
      ['setMode', { kind: 'group', group: 'ledger' }, 'online'],
    ],
    [
      ['maintenance', '--cluster'],
      ['setMode', { kind: 'cluster' }, 'maintenance'],
    ],
  ])('%j reaches the daemon', async (args, asked) => {
    const { code, stderr } = await ask(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(here.daemon.asked[0]?.slice(0, asked.length)).toEqual(asked);
  });

  it.each([
    ['NODE_NOT_ELIGIBLE', 1],
    ['UNKNOWN_GROUP', 1],
    ['NO_QUORUM', 6],
    ['NOT_LEADER', 6],
    ['INTERNAL', 70],
  ] as const)(
    'that is refused with %s exits with %d and says what to do',
    async (refused, exit) => {
      const refusal = new HoldfastError(refused, { detail: 'disk not reached' });
      here.daemon.refusal = refusal;
      const { code, stdout, stderr } = await ask('move', 'ledger', 'node1');
      expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
      const { cause, remedy } = refusal.toProblem();
      expect(stderr).toBe(
        `${refused}: ${cause}\n  detail: disk not reached\n  remedy: ${remedy}\n`,
      );
    },
  );

  it('that is refused prints the problem as JSON where that is wanted', async () => {
    const refusal = new HoldfastError('ALREADY_OWNER', { group: 'ledger' });
    here.daemon.refusal = refusal;
    const { code, stdout } = await ask('move', 'ledger', 'node2', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ ok: false, problem: refusal.toProblem() });
  });
});

describe('a command line that is not understood exits with 2 and asks nothing:', () => {
  it.each([
    [['bogus']],
    [['status', '--fast']],
    [['status', 'everything']],
    [['move']],
    [['timeline', '--last', '0']],
    [['history', '--limit', 'all']],
    [['leave']],
    [['promote', 'node1', 'node2']],
    [['standby']],
    [['standby', 'node1', '--cluster']],
    [['run']],
    [[]],
  ])('%j', async (args) => {
    const { code, stderr } = await holdfast([...args, '--socket', here.socket]);
    expect(code).toBe(2);
    expect(stderr).not.toBe('');
    expect(here.daemon.asked).toEqual([]);
  });

  it('but help and version are no mistakes', async () => {
    expect((await holdfast(['--help'])).code).toBe(0);
    expect(await holdfast(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });
});

describe('where no daemon answers', () => {
  it('the exit status is 3 and the socket is named', async () => {
    const missing = join(here.directory, 'missing.sock');
    const { code, stderr } = await holdfast(['status', '--socket', missing]);
    expect(code).toBe(3);
    expect(stderr).toContain('DAEMON_UNREACHABLE');
    expect(stderr).toContain(missing);
  });

  it('but something else does, that is said', async () => {
    const stranger = join(here.directory, 'stranger.sock');
    const other: Server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => other.listen(stranger, resolve));
    const { code, stderr } = await holdfast(['status', '--socket', stranger]);
    other.close();
    expect(code).toBe(3);
    expect(stderr).toContain('BAD_ANSWER');
  });
});

describe('watch', () => {
  it('prints a line for each event, until it is interrupted', async () => {
    const watching = start(['watch', '--socket', here.socket]);
    const emitted = new Set<number>();
    // The child says nothing before the first event, so it is told until it hears.
    await until(() => {
      here.daemon.emit({ kind: 'leader', leader: 'node2', term: 8 });
      emitted.add(emitted.size);
      return watching.stdout().includes('cluster: node2 leads in term 8\n');
    });
    here.daemon.emit({ kind: 'link', node: 'node1', interconnect: 'lan-a', state: 'dead' });
    await until(() => watching.stdout().includes('node1: lan-a is dead\n'));
    expect(watching.stdout()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}cluster: node2 leads/);
    watching.kill('SIGINT');
    expect((await watching.ended).code).toBe(0);
  });

  it('prints events as JSON lines, and exits with 3 when the daemon ends', async () => {
    const watching = start(['watch', '--json', '--socket', here.socket]);
    await until(() => {
      here.daemon.emit({ kind: 'leader', leader: null, term: 9 });
      return watching.stdout().includes('\n');
    });
    expect(JSON.parse(watching.stdout().split('\n')[0] ?? '')).toEqual({
      kind: 'leader',
      leader: null,
      term: 9,
    });
    await here.stop();
    expect((await watching.ended).code).toBe(3);
  });
});

describe('config check', () => {
  const check = (text: string, ...more: string[]) => {
    const file = join(here.directory, 'lab.yaml');
    writeFileSync(file, text);
    return holdfast(['config', 'check', file, ...more]);
  };

  it('a good file', async () => {
    const { code, stdout } = await check(VALID);
    expect(code).toBe(0);
    expect(stdout).toMatch(/lab\.yaml: good for 3 members, 1 groups\n$/);
  });

  it('a file that names no node is checked all the same', async () => {
    expect((await check(edited('node: node1\n', ''))).code).toBe(0);
  });

  it('a node that is no member', async () => {
    const { code, stdout } = await check(VALID, '--node', 'node9');
    expect(code).toBe(5);
    expect(stdout).toContain('NODE_NOT_IN_MEMBERS');
  });

  it('every fault has place, path, cause and remedy', async () => {
    const text = edited('type: ext4', 'type: ext2', edited('profile: fast', 'profil: fast'));
    const { code, stdout } = await check(text);
    expect(code).toBe(5);
    expect(stdout.replaceAll(here.directory, '')).toBe(
      [
        '/lab.yaml:5:1: error CONFIG_UNKNOWN_KEY',
        '  profil: "profil"; did you mean "profile"?',
        '  cause: the configuration has a key that nothing reads',
        '  remedy: correct its spelling or remove it; nothing is ignored silently',
        '/lab.yaml:33:17: error NO_JOURNAL',
        '  groups[0].resources[1].parameters.type: expected ext4 or xfs or ext3 or btrfs, not "ext2"',
        '  cause: the file system has no journal that is replayed when it is mounted',
        '  remedy: use ext4, XFS or Btrfs, mounted with its journal: a failover has no time for a full check',
        '/lab.yaml: 2 errors, 0 warnings',
        '',
      ].join('\n'),
    );
  });

  it('as JSON', async () => {
    const { code, stdout } = await check(edited('type: ext4', 'type: ext2'), '--json');
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      errors: 1,
      faults: [{ code: 'NO_JOURNAL', line: 33, column: 17 }],
    });
  });

  it('a file that is not there', async () => {
    const { code, stderr } = await holdfast(['config', 'check', join(here.directory, 'none.yaml')]);
    expect(code).toBe(5);
    expect(stderr).toContain('CONFIG_NOT_FOUND');
  });
});

describe('run', () => {
  it('with a wrong configuration starts nothing, says every fault and exits with 5', async () => {
    const file = join(here.directory, 'lab.yaml');
    writeFileSync(file, edited('type: ext4', 'type: ext2', edited('number: 2', 'number: 1')));
    const { code, stderr } = await holdfast(['run', '--config', file]);
    expect(code).toBe(5);
    expect(stderr).toContain('lab.yaml:13:13: error DUPLICATE_NAME');
    expect(stderr).toContain('lab.yaml:33:17: error NO_JOURNAL');
  });

  it('refuses to sabotage what is no mechanism', async () => {
    const { code, stderr } = await holdfast(['run', '--config', 'x', '--sabotage', 'gravity']);
    expect(code).toBe(2);
    expect(stderr).toContain('fence, lease, guardian, fsync, epoch');
  });
});

describe('identity', () => {
  it('makes the key once and prints the same peer id ever after', async () => {
    const data = join(here.directory, 'data');
    const first = await holdfast(['identity', '--data-directory', data]);
    const again = await holdfast(['identity', '--data-directory', data, '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/^12D3KooW\w{44}\n$/);
    expect(JSON.parse(again.stdout)).toEqual({ peerId: first.stdout.trim() });
  });
});

describe('the launcher', () => {
  it('says so where Node would refuse to run it', async () => {
    const installed = join(here.directory, 'node_modules', 'holdfast', 'src', 'holdfast.js');
    mkdirSync(dirname(installed), { recursive: true });
    cpSync(LAUNCHER, installed);
    writeFileSync(
      join(here.directory, 'node_modules', 'holdfast', 'package.json'),
      '{"type":"module"}',
    );
    const { code, stderr } = await start(['status'], {}, installed).ended;
    expect(code).toBe(69);
    expect(stderr).toContain('without being bundled');
  });

  it('goes on with the Node of the project where an older one runs it', async (test) => {
    const old = '/usr/bin/node';
    const version = existsSync(old) ? execFileSync(old, ['--version'], { encoding: 'utf8' }) : '';
    if (!/^v(1\d|2[0-3])\./.test(version)) test.skip(`${old} is no older Node: ${version}`);
    const { code, stdout } = await start(['status', '--socket', here.socket], {}, LAUNCHER, old)
      .ended;
    expect(code).toBe(0);
    expect(stdout).toContain('leader node2');
    const refused = await start(['bogus'], {}, LAUNCHER, old).ended;
    expect(refused.code).toBe(2);
    const watching = start(['watch', '--socket', here.socket], {}, LAUNCHER, old);
    await until(() => {
      here.daemon.emit({ kind: 'leader', leader: 'node2', term: 8 });
      return watching.stdout().includes('leads');
    });
    watching.kill('SIGTERM');
    expect((await watching.ended).code).toBe(0);
  });

  it('works through a link, as npm and a distribution make them', async () => {
    const link = join(here.directory, 'holdfast');
    symlinkSync(LAUNCHER, link);
    expect((await start(['status', '--socket', here.socket], {}, link).ended).code).toBe(0);
  });
});
