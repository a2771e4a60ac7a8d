/** The commands that bring nodes in: what an operator types, reads, and gets for a status. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { HoldfastError } from '../../src/lib/error.ts';
import { loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import { encodeToken, type JoinToken, oneTimeKey } from '../../src/mesh/join-token.ts';
import { INVITATION, TOKEN } from '../operator/fake-daemon.ts';
import { answeringDaemon } from './answering.ts';
import { holdfast } from './holdfast.ts';

const HOUR_MS = 3_600_000;

const here = answeringDaemon();

const ask = (...args: string[]) => holdfast([...args, '--socket', here.socket]);

describe('an invitation', () => {
  it.each([
    [[], { node: null, role: 'voter', lifetimeMs: HOUR_MS }],
    [['--node', 'node4'], { node: 'node4', role: 'voter', lifetimeMs: HOUR_MS }],
    [['--learner', '--expires', '30min'], { node: null, role: 'learner', lifetimeMs: HOUR_MS / 2 }],
  ])('%j is asked for, and its token stands alone on the first line', async (words, request) => {
    const { code, stdout, stderr } = await ask('invite', ...words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')[0]).toBe(TOKEN);
    expect(stdout).toContain(`holdfast invite --revoke ${INVITATION.peerId}`);
    expect(here.daemon.asked).toEqual([['invite', request, expect.any(String)]]);
  });

  it('is one line of JSON where that is wanted', async () => {
    const { stdout } = await ask('invite', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ data: { token: TOKEN, usedBy: null } });
  });

  it('is listed, open and used', async () => {
    const { code, stdout } = await ask('invite', '--list');
    expect(code).toBe(0);
    expect(stdout).toMatch(/any name +voter +open/);
    expect(stdout).toMatch(/node5 +voter +used by node5/);
    expect(here.daemon.asked).toEqual([['invitations']]);
  });

  it('is taken back', async () => {
    const { code, stdout } = await ask('invite', '--revoke', INVITATION.peerId);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(here.daemon.asked).toEqual([
      ['revokeInvitation', INVITATION.peerId, expect.any(String)],
    ]);
  });

  it.each([['soon'], ['0s'], ['-1h']])('that lasts %s is no invitation', async (expires) => {
    const { code } = await ask('invite', `--expires=${expires}`);
    expect(code).toBe(2);
    expect(here.daemon.asked).toEqual([]);
  });

  it('that lasts for a month is refused by the daemon', async () => {
    const { code, stdout } = await ask('invite', '--expires', '500h', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ problem: { code: 'BAD_REQUEST' } });
  });

  it('that is refused by the cluster says why', async () => {
    here.daemon.refusal = new HoldfastError('TOO_MANY_INVITATIONS');
    const { code, stderr } = await ask('invite');
    expect(code).toBe(1);
    expect(stderr).toContain('TOO_MANY_INVITATIONS');
  });
});

describe('joining', () => {
  let token = '';

  beforeEach(async () => {
    const signer = await loadOrCreateIdentity(join(here.directory, 'signer'));
    const said: JoinToken = {
      clusterId: 'lab',
      seed: (await oneTimeKey()).seed,
      node: null,
      role: 'voter',
      expiresAtMs: Date.now() + HOUR_MS,
      // Port 1 on loopback: nobody listens there.
      peers: [{ node: 'n1', peerId: signer.peerId, addresses: { 'lan-a': '127.0.0.1:1' } }],
    };
    token = await encodeToken(said, signer);
  });

  const data = () => join(here.directory, 'new');
  const words = (...more: string[]) => [
    ...['join', token, '--data-directory', data(), '--json', ...more],
  ];
  const codeOf = ({ stdout }: { readonly stdout: string }): string =>
    JSON.parse(stdout).problem.code;

  it('where no member can be reached may work in a moment', async () => {
    const ended = await holdfast(words('--node', 'n4', '--address', 'lan-a=127.0.0.1:7400'));
    expect(ended.code).toBe(6);
    expect(codeOf(ended)).toBe('JOIN_UNREACHABLE');
    expect(readdirSync(data())).toEqual(['identity.key']);
  });

  it.each([
    ['without a name', ['--address', 'lan-a=127.0.0.1:7400'], 2, 'USAGE'],
    ['with no address', ['--node', 'n4', '--address', 'lan-a'], 1, 'ADDRESS_INVALID'],
    ['with anybody', ['--node', 'n4', '--address', 'lan-a=0.0.0.0:1'], 1, 'ADDRESS_INVALID'],
    [
      'with one interconnect twice',
      ['--node', 'n4', '--address', 'lan-a=127.0.0.1:1', '--address', 'lan-a=127.0.0.1:2'],
      5,
      'DUPLICATE_NAME',
    ],
  ])('%s is refused before anybody is asked, and makes nothing', async (_, more, code, problem) => {
    const ended = await holdfast(words(...more));
    expect(ended.code).toBe(code);
    expect(codeOf(ended)).toBe(problem);
    expect(readdirSync(here.directory)).not.toContain('new');
  });

  it('never takes the place of a configuration', async () => {
    const path = join(here.directory, 'mine.yaml');
    writeFileSync(path, 'mine');
    const more = ['--node', 'n4', '--address', 'lan-a=127.0.0.1:7400', '--config', path];
    expect(codeOf(await holdfast(words(...more)))).toBe('CONFIG_EXISTS');
  });
});
