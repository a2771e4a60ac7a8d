/** Join tokens: what a member makes is read, and everything else is refused with a code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encode } from '../../src/lib/codec.ts';
import { PROBLEMS } from '../../src/lib/problems.ts';
import { type Identity, loadOrCreateIdentity } from '../../src/mesh/identity.ts';
import {
  bearerOf,
  encodeToken,
  type JoinToken,
  oneTimeKey,
  readToken,
} from '../../src/mesh/join-token.ts';

const NOW = 1_800_000_000_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

let directory: string;
let signer: Identity;
let stranger: Identity;
let token: JoinToken;
let text: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'holdfast-token-'));
  signer = await loadOrCreateIdentity(join(directory, 'signer'));
  stranger = await loadOrCreateIdentity(join(directory, 'stranger'));
  token = {
    clusterId: 'lab',
    seed: (await oneTimeKey()).seed,
    node: null,
    role: 'voter',
    expiresAtMs: NOW + 3_600_000,
    peers: [
      { node: 'node1', peerId: signer.peerId, addresses: { 'lan-a': '192.0.2.1:7400' } },
      { node: 'node2', peerId: 'another', addresses: { 'lan-a': '192.0.2.2:7400' } },
    ],
  };
  text = await encodeToken(token, signer);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const codeOf = async (word: string, now = NOW): Promise<string> => {
  const read = await readToken(word, now);
  return read.ok ? 'good' : read.error.code;
};

test('what a member signed is read again, also with blanks around it', async () => {
  expect(text).toMatch(/^hf1\.[A-Za-z0-9_-]+$/);
  expect(await readToken(` ${text}\n`, NOW)).toEqual({ ok: true, value: token });
});

test('the key of the token is the key that was invited', async () => {
  const { seed, peerId } = await oneTimeKey();
  expect((await bearerOf({ seed })).peerId).toBe(peerId);
});

describe('refused', () => {
  test('a token of another version says so', async () => {
    expect(await codeOf(text.replace('hf1.', 'hf2.'))).toBe('TOKEN_VERSION_UNKNOWN');
  });

  test('a token that has expired, from that very moment on', async () => {
    expect(await codeOf(text, token.expiresAtMs - 1)).toBe('good');
    expect(await codeOf(text, token.expiresAtMs)).toBe('TOKEN_EXPIRED');
  });

  test('a token that somebody signed who is none of its peers', async () => {
    expect(await codeOf(await encodeToken(token, stranger))).toBe('TOKEN_NOT_SIGNED');
  });

  test('a token whose signer is named but did not sign', async () => {
    const forged = { peerId: signer.peerId, privateKey: stranger.privateKey };
    expect(await codeOf(await encodeToken(token, forged))).toBe('TOKEN_NOT_SIGNED');
  });

  test('a token that was changed after it was signed', async () => {
    const [, body = ''] = text.split('.');
    const bytes = Buffer.from(body, 'base64url');
    const at = bytes.indexOf('192.0.2.1');
    bytes.write('192.0.2.9', at);
    expect(await codeOf(`hf1.${bytes.toString('base64url')}`)).toBe('TOKEN_NOT_SIGNED');
  });

  test.each([
    ['nothing', ''],
    ['a prefix alone', 'hf1.'],
    ['another word', 'hunter2'],
    ['a text without end', `hf1.${'A'.repeat(70_000)}`],
    ['another msgpack value', `hf1.${Buffer.from(encode({ a: 1 })).toString('base64url')}`],
    ['a number', `hf1.${Buffer.from(encode(7)).toString('base64url')}`],
  ])('%s', async (_what, word) => {
    expect(await codeOf(word)).toBe('TOKEN_GARBLED');
  });

  test('every token with one character changed, lost, added or moved', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: text.length - 1 }),
        fc.constantFrom(...ALPHABET),
        fc.constantFrom('change', 'lose', 'add', 'swap'),
        async (at, other, how) => {
          const next = text[at + 1] ?? '';
          const middle = { change: other, lose: '', add: other + text[at], swap: next + text[at] };
          const skipped = how === 'swap' && next !== '' ? 2 : 1;
          const word = text.slice(0, at) + middle[how] + text.slice(at + skipped);
          if (word === text) return;
          const code = await codeOf(word);
          expect(code).toMatch(/^TOKEN_/);
          expect(Object.keys(PROBLEMS)).toContain(code);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every beginning of a token', async () => {
    for (let length = 0; length < text.length; length += 7) {
      expect(await codeOf(text.slice(0, length))).toBe('TOKEN_GARBLED');
    }
  });
});
