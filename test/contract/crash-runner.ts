/**
 * Applications on a disk whose image is taken in one moment of a load, as a power loss would leave it, and
 * served again from that image by the same agents: `node crash-runner.ts DIRECTORY`, a line of JSON for each. To
 * be started in network and mount namespaces of its own.
 *
 * The disk is a file on Btrfs and the moment a clone of that file: everything that was written to the device
 * before is in it, nothing that came later. What it does not show: a disk that loses its own cache (the
 * kernel laboratory does), and the fence.
 */
import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Parameter, ResourceDefinition } from '../../src/cluster/definition.ts';
import { ApplicationAgent } from '../../src/resources/agents/application.ts';
import { FilesystemAgent } from '../../src/resources/agents/filesystem.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import {
  checkBooks,
  checkReceipts,
  Database,
  makeDatabase,
  noPostgres,
  POSTGRES,
  receiptsIn,
} from '../resources/support/database.ts';
import { contextOf, resource } from '../resources/support/definitions.ts';
import { must, works } from '../resources/support/shell.ts';
import { until } from '../system/support/until.ts';
import { reporting } from './report-line.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: crash-runner.ts DIRECTORY');
const report = reporting();

const HERE = '127.0.0.1';
const TYPE = 'ext4';
const BYTES = 1024 * 1024 * 1024;
const mountPoint = join(directory, 'mounted');
const store = join(directory, 'store');
const filesystem = new FilesystemAgent({ clock, deviceOf: async () => '' });
const application = new ApplicationAgent({ clock, logDirectory: join(directory, 'output') });
const loops: string[] = [];
/** Ends what was served, whatever became of the story. */
const running: (() => Promise<void>)[] = [];

function attach(file: string): string {
  const device = must('losetup', '--find', '--show', file).trim();
  loops.push(device);
  return device;
}

function sparse(file: string, bytes: number): string {
  writeFileSync(file, '');
  truncateSync(file, bytes);
  return file;
}

/** One node with the group: the first owner, or the next one after the crash. */
async function serve(
  device: string,
  parameters: Readonly<Record<string, Parameter>>,
  epoch: number,
) {
  const mount = resource('filesystem', { device, directory: mountPoint, type: TYPE });
  const server: ResourceDefinition = resource('application', parameters, {
    name: 'server',
    startTimeoutMs: 120_000,
  });
  const context = contextOf({ epoch, clean: epoch === 1 });
  running.push(async () => {
    await application.kill(server, context);
    await filesystem.kill(mount, context);
  });
  for (const [agent, definition] of [
    [filesystem, mount],
    [application, server],
  ] as const) {
    const outcome = await agent.start(definition, context);
    equal(outcome.status, 0, `${definition.type}: ${outcome.code} ${outcome.detail}`);
  }
  return {
    end: async () => {
      await application.kill(server, context);
      equal((await filesystem.stop(mount, context)).status, 0);
    },
  };
}

/** A disk with what `fill` puts on it. */
function disk(name: string, fill: (at: string) => void): string {
  const file = sparse(join(store, `${name}.img`), BYTES);
  const device = attach(file);
  must(`mkfs.${TYPE}`, '-q', '-J', 'size=8', device);
  must('mount', device, mountPoint);
  fill(mountPoint);
  must('umount', mountPoint);
  return device;
}

/** The disk as it is now, as another disk. */
function crash(name: string): string {
  const image = join(store, `${name}-crashed.img`);
  must('cp', '--reflink=always', join(store, `${name}.img`), image);
  return image;
}

function postgres(name: string, settings: string): () => Promise<void> {
  return async () => {
    const data = `${mountPoint}/pg`;
    const tar = makeDatabase(join(directory ?? '', name), HERE, settings);
    const device = disk(name, (at) => void must('tar', '-C', at, '-xf', tar));
    const parameters = {
      user: 'postgres',
      command: [POSTGRES, '-D', data],
      'stop-signal': 'SIGINT',
      recover: ['sh', '-c', `[ "$HOLDFAST_CLEAN" = yes ] || rm -f ${data}/postmaster.pid`],
      readiness: ['command', '/usr/lib/postgresql/15/bin/pg_isready', '-q', '-h', HERE],
    };
    const first = await serve(device, parameters, 1);
    const database = new Database(here, HERE);
    const logs = join(directory ?? '', `${name}-logs`);
    mkdirSync(logs);
    const ended = database.bench(logs, 100);
    const told = () => receiptsIn(logs, 100);
    await until('clients have receipts', () => told().length > 200);
    const receipts = told();
    const image = crash(name);
    await first.end();
    await ended;
    const next = await serve(attach(image), parameters, 2);
    try {
      await checkReceipts(database, receipts);
      await checkBooks(database);
    } finally {
      await next.end();
    }
  };
}

/** Programs of the clients: on this machine, in this namespace. */
const here = {
  run: async (argv: readonly string[]) => must(...argv),
  spawn: (argv: readonly string[]) => spawn(argv[0] ?? '', argv.slice(1), { stdio: 'pipe' }),
};

for (const path of [mountPoint, store]) mkdirSync(path);
must('ip', 'link', 'set', 'lo', 'up');
const pool = attach(sparse(join(directory, 'pool.img'), 8 * BYTES));
must('mkfs.btrfs', '-q', pool);
must('mount', pool, store);
try {
  if (noPostgres === null) {
    await report(
      'PostgreSQL: every transaction that was acknowledged is there',
      postgres('pg', ''),
    );
    await report('without fsync some are not: the control', async () => {
      const lost = await postgres('loose', 'fsync = off\nwal_writer_delay = 10s\n')().then(
        () => false,
        () => true,
      );
      equal(lost, true, 'nothing was lost without fsync');
    });
  } else process.stderr.write(`${noPostgres}\n`);
} finally {
  for (const end of running) await end().catch(() => undefined); // one that cannot, hinders no other
  works('umount', '--lazy', mountPoint);
  for (const device of loops.toReversed()) {
    if (device === pool) works('umount', store);
    works('losetup', '--detach', device);
  }
}
process.exit(0);
