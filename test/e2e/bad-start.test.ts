/**
 * A daemon that must not start: its place on the network or in the file system is taken, or its data
 * is not its own or damaged. It ends with the status that is documented, says what to do, leaves no
 * process, listener or socket behind, and what it found is there as before.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import type { ProblemCode } from '../../src/lib/problems.ts';
import { noteFirstStart } from '../../src/storage/first-start.ts';
import type { EmbeddedCluster } from '../demo/embedded-cluster.ts';
import { marked } from '../demo/processes.ts';
import { until } from '../lab/kernel/index.ts';
import { changed, logOf, newest, rememberedBy, SOUND, writeSoundLog } from './support/spoiled.ts';
import { type Attempt, refused } from './support/start-attempt.ts';
import { endOf, LIMIT_MS, workspace } from './support/workspace.ts';

vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

let place: EmbeddedCluster;
beforeAll(async () => {
  place = await workspace();
});
afterAll(() => place.down());

const status = EXIT.notStarted;
const refusedAs = (code: ProblemCode, says: string, attempt?: Attempt): Promise<void> =>
  refused(place, { code, status, says }, attempt);

function endpoint(node: string, over: string): { readonly host: string; readonly port: number } {
  const [host = '', port = ''] = place.config.addresses[node]?.[over]?.split(':') ?? [];
  return { host, port: Number(port) };
}

describe('a place on the network', () => {
  const data = 'same memory';
  beforeAll(() => writeSoundLog(place));

  test('a TCP port that somebody else listens on', async () => {
    const { host, port } = endpoint('node1', 'lan-b');
    const other = createServer().listen(port, host);
    await once(other, 'listening');
    try {
      await refusedAs('PORT_IN_USE', `${host}:${port}`, { data });
    } finally {
      other.close();
    }
  });

  test('a UDP port, where the last words of guardians are heard, that is taken', async () => {
    const { host, port } = endpoint('node1', 'lan-b');
    const other = createSocket('udp4').bind({ port, address: host, exclusive: true });
    await once(other, 'listening');
    try {
      await refusedAs('PORT_IN_USE', `${host}:${port}/udp`, { data });
    } finally {
      other.close();
    }
  });

  test('an address that no device of this machine has', async () => {
    const address = '192.0.2.77:7400';
    const path = changed(place, [['members', 0, 'addresses', 'lan-a'], address]);
    await refusedAs('ADDRESS_NOT_LOCAL', address, { argv: ['--config', path], data });
  });
});

describe('a data directory that is not its own', () => {
  test('of another cluster: nothing of it is lost', async () => {
    const owner = { clusterId: 'elsewhere' };
    await writeSoundLog(place, owner);
    await refusedAs('DATA_OF_ANOTHER_CLUSTER', 'elsewhere', { data: 'judged by the test' });
    expect(await rememberedBy(place, owner)).toEqual(SOUND);
  });

  test('of another node: nothing of it is lost', async () => {
    const owner = { node: 'node3' };
    await writeSoundLog(place, owner);
    await refusedAs('DATA_OF_ANOTHER_NODE', 'node3', { data: 'judged by the test' });
    expect(await rememberedBy(place, owner)).toEqual(SOUND);
  });

  test('that is a file', async () => {
    const path = join(place.directory, 'plain');
    writeFileSync(path, 'precious');
    await refusedAs('IDENTITY_UNREADABLE', path, { argv: ['--data-directory', path] });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  test('that does not exist: none is made, since it would have no key', async () => {
    const path = join(place.directory, 'misspelt');
    await refusedAs('IDENTITY_MISSING', path, { argv: ['--data-directory', path] });
    expect(existsSync(path)).toBe(false);
  });

  test('whose database is a file', async () => {
    rmSync(logOf(place), { recursive: true, force: true });
    writeFileSync(logOf(place), 'precious');
    await refusedAs('DATA_DIRECTORY_UNUSABLE', logOf(place));
    rmSync(logOf(place));
  });

  test('in which the output of applications cannot be written', async () => {
    const output = join(place.config.dataOf('node1'), 'output');
    rmSync(output, { recursive: true, force: true });
    writeFileSync(output, 'precious');
    await writeSoundLog(place);
    await refusedAs('DATA_DIRECTORY_UNUSABLE', output, { data: 'same memory' });
    expect(readFileSync(output, 'utf8')).toBe('precious');
    rmSync(output);
  });
});

const overwrite = (path: string): void => writeFileSync(path, Buffer.alloc(3_000, 0x5a));
const flip = (path: string, at: (size: number) => number): void => {
  const bytes = readFileSync(path);
  bytes[at(bytes.length)] = 0xff ^ (bytes[at(bytes.length)] ?? 0);
  writeFileSync(path, bytes);
};

describe('data of a newer release', () => {
  test('are refused before anything is opened, and not a byte of them changes', async () => {
    await writeSoundLog(place);
    const note = join(logOf(place), 'FORMAT');
    const { store, entry, state } = JSON.parse(readFileSync(note, 'utf8'));
    writeFileSync(note, JSON.stringify({ store, entry: entry + 1, state }));
    await refusedAs('DATA_FORMAT_UNKNOWN', `entry ${entry + 1}`, { data: 'same bytes' });
  });

  test('of an older one are read by this one', async () => {
    await writeSoundLog(place);
    rmSync(join(logOf(place), 'FORMAT'));
    expect(await rememberedBy(place)).toEqual(SOUND);
  });
});

describe('a damaged database', () => {
  const DAMAGES: readonly (readonly [string, () => void])[] = [
    ['CURRENT is missing', () => rmSync(join(logOf(place), 'CURRENT'))],
    ['CURRENT is empty', () => truncateSync(join(logOf(place), 'CURRENT'), 0)],
    ['CURRENT is garbage', () => overwrite(join(logOf(place), 'CURRENT'))],
    ['the manifest is missing', () => rmSync(newest(place, 'MANIFEST-'))],
    ['the manifest is empty', () => truncateSync(newest(place, 'MANIFEST-'), 0)],
    ['the manifest is garbage', () => overwrite(newest(place, 'MANIFEST-'))],
    ['the log is missing', () => rmSync(newest(place, '.log'))],
    ['the log is empty', () => truncateSync(newest(place, '.log'), 0)],
    ['the log was cut short', () => truncateSync(newest(place, '.log'), 700)],
    ['the log is garbage', () => overwrite(newest(place, '.log'))],
    [
      'a byte of the log changed',
      () => flip(newest(place, '.log'), (size) => Math.floor(size / 3)),
    ],
    ['the table is missing', () => rmSync(newest(place, '.ldb'))],
  ];

  test.each(DAMAGES)('%s: it is refused and left for diagnosis', async (name, damage) => {
    await writeSoundLog(place);
    damage();
    const say = name === DAMAGES[0]?.[0] ? 'JSON and words' : 'JSON';
    await refusedAs('DATABASE_CORRUPT', logOf(place), { say });
  });

  test('the whole log is gone, and this node has had one: it is not begun anew', async () => {
    await writeSoundLog(place);
    await noteFirstStart(place.config.dataOf('node1'));
    rmSync(logOf(place), { recursive: true });
    await refusedAs('DATABASE_CORRUPT', logOf(place));
    expect(existsSync(logOf(place))).toBe(false);
  });

  const TABLES: readonly (readonly [string, () => void])[] = [
    ['is empty', () => truncateSync(newest(place, '.ldb'), 0)],
    ['is garbage', () => overwrite(newest(place, '.ldb'))],
    ['has another byte', () => flip(newest(place, '.ldb'), (size) => Math.floor(size / 3))],
  ];

  test.each(TABLES)('a table that %s is refused', async (_name, damage) => {
    await writeSoundLog(place);
    damage();
    const table = newest(place, '.ldb');
    const before = readFileSync(table);
    await refusedAs('DATABASE_CORRUPT', logOf(place), { data: 'judged by the test', say: 'JSON' });
    expect(readFileSync(table)).toEqual(before);
  });
});

describe('an identity key', () => {
  const keyOf = (node: string): string => join(place.config.dataOf(node), 'identity.key');
  const aside = (): string => join(place.directory, 'identity.aside');

  beforeAll(() => copyFileSync(keyOf('node1'), aside()));

  const KEYS: readonly (readonly [string, ProblemCode, () => void])[] = [
    ['that is garbage', 'IDENTITY_UNREADABLE', () => writeFileSync(keyOf('node1'), 'garbage')],
    ['that is empty', 'IDENTITY_UNREADABLE', () => truncateSync(keyOf('node1'), 0)],
    ['that others may read', 'IDENTITY_EXPOSED', () => chmodSync(keyOf('node1'), 0o644)],
    ['that is missing', 'IDENTITY_MISSING', () => rmSync(keyOf('node1'))],
  ];

  test.each(KEYS)('%s is refused: %s', async (_name, code, spoil) => {
    try {
      spoil();
      await refusedAs(code, keyOf('node1'));
    } finally {
      copyFileSync(aside(), keyOf('node1'));
      chmodSync(keyOf('node1'), 0o600);
    }
  });

  test('of another member is refused', async () => {
    copyFileSync(keyOf('node2'), keyOf('node1'));
    try {
      await refusedAs('IDENTITY_MISMATCH', 'node1');
    } finally {
      copyFileSync(aside(), keyOf('node1'));
    }
  });
});

describe('files that cannot be made', () => {
  const data = 'same memory';
  beforeAll(() => writeSoundLog(place));

  test('an operator socket where something else lies', async () => {
    const path = place.config.socketOf('node1');
    rmSync(path, { force: true });
    writeFileSync(path, 'precious');
    await refusedAs('NOT_A_SOCKET', path, { data });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    rmSync(path);
  });

  test('an operator socket in a directory that does not exist', async () => {
    const path = join(place.directory, 'deep', 'er', 'holdfast.sock');
    await refusedAs('SOCKET_UNUSABLE', path, { argv: ['--socket', path], data });
    expect(existsSync(join(place.directory, 'deep'))).toBe(false);
  });

  test.each(['--log-file', '--trace'])('%s in a directory that is a file', async (option) => {
    const path = join(place.directory, 'plain', 'here');
    writeFileSync(join(place.directory, 'plain'), '');
    await refusedAs('LOG_UNWRITABLE', path, { argv: [option, path], data });
  });

  test('a log that is a directory', async () => {
    mkdirSync(join(place.directory, 'logs'), { recursive: true });
    const path = join(place.directory, 'logs');
    await refusedAs('LOG_UNWRITABLE', path, { argv: ['--log-file', path], data });
  });
});

test('a daemon that is asked to end while it starts leaves nothing behind', async () => {
  await writeSoundLog(place);
  const daemon = place.startDaemon('node1');
  await until(() => place.logOf('node1').includes('"starting"'), {
    what: 'it is about to start its parts',
    limitMs: 60_000,
    intervalMs: 5,
  });
  daemon.kill('SIGTERM');
  // It knows of no order to stop before it runs; what it started ends with its pipe.
  expect([EXIT.ok, 'SIGTERM']).toContain(await endOf(daemon));
  await until(() => marked(place.directory).length === 0, {
    what: 'its guardian has ended',
    limitMs: 30_000,
  });
  expect(await rememberedBy(place)).toEqual(SOUND);
});

describe('beside a daemon that runs', () => {
  beforeAll(async () => {
    await writeSoundLog(place);
    place.startDaemon('node1');
    await until(async () => (await place.status('node1')) !== undefined, {
      what: 'a node alone answers',
      limitMs: 60_000,
    });
  });

  test('its data directory is locked', async () => {
    const socket = join(place.directory, 'second.sock');
    await refusedAs('DATA_DIRECTORY_LOCKED', logOf(place), { argv: ['--socket', socket] });
    expect(existsSync(socket)).toBe(false);
  });

  test('its operator socket is taken, by a daemon with data of its own', async () => {
    const socket = place.config.socketOf('node1');
    const attempt = {
      node: 'node2',
      argv: ['--socket', socket],
      data: 'judged by the test',
    } as const;
    await refusedAs('SOCKET_IN_USE', socket, attempt);
    expect((await place.status('node1'))?.node).toBe('node1');
  });

  test('it goes on, ends in order when asked, and remembers what it did before', async () => {
    expect((await place.status('node1'))?.quorate).toBe(false);
    const daemon = place.daemon('node1');
    daemon.kill('SIGTERM');
    expect(await endOf(daemon)).toBe(EXIT.ok);
    expect(existsSync(place.config.socketOf('node1'))).toBe(false);
    expect(await rememberedBy(place)).toEqual(SOUND);
  });
});
