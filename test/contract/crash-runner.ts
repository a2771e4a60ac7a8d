/**
 * PostgreSQL on a disk whose image is taken in one moment of a load (`crash-stage.ts`):
 * `node crash-runner.ts DIRECTORY`, a line of JSON for each story. To be started in network and mount
 * namespaces of its own.
 */
import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CrashStage } from '../resources/support/crash-stage.ts';
import {
  checkBooks,
  checkReceipts,
  Database,
  makeDatabase,
  noPostgres,
  POSTGRES,
  receiptsIn,
} from '../resources/support/database.ts';
import { must } from '../resources/support/shell.ts';
import { until } from '../system/support/until.ts';
import { reporting } from './report-line.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: crash-runner.ts DIRECTORY');
const report = reporting();

const HERE = '127.0.0.1';
const mountPoint = join(directory, 'mounted');

function postgres(stage: CrashStage, name: string, settings: string): () => Promise<void> {
  return async () => {
    const data = `${mountPoint}/pg`;
    const tar = makeDatabase(join(directory ?? '', name), HERE, settings);
    const device = stage.disk(name, mountPoint, (at) => void must('tar', '-C', at, '-xf', tar));
    const application = {
      user: 'postgres',
      command: [POSTGRES, '-D', data],
      'stop-signal': 'SIGINT',
      recover: ['sh', '-c', `[ "$HOLDFAST_CLEAN" = yes ] || rm -f ${data}/postmaster.pid`],
      readiness: ['command', '/usr/lib/postgresql/15/bin/pg_isready', '-q', '-h', HERE],
    };
    const first = await stage.serve({ device, mountPoint, application, epoch: 1 });
    const database = new Database(here, HERE);
    const logs = join(directory ?? '', `${name}-logs`);
    mkdirSync(logs);
    const ended = database.bench(logs, 100);
    const told = () => receiptsIn(logs, 100);
    await until('clients have receipts', () => told().length > 200);
    const receipts = told();
    const image = stage.crash(name);
    await first.end();
    await ended;
    const crashed = stage.attach(image);
    const next = await stage.serve({ device: crashed, mountPoint, application, epoch: 2 });
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

mkdirSync(mountPoint);
const stage = new CrashStage(directory);
try {
  if (noPostgres === null) {
    await report(
      'PostgreSQL: every transaction that was acknowledged is there',
      postgres(stage, 'pg', ''),
    );
    await report('without fsync some are not: the control', async () => {
      const loose = postgres(stage, 'loose', 'fsync = off\nwal_writer_delay = 10s\n');
      const lost = await loose().then(
        () => false,
        () => true,
      );
      equal(lost, true, 'nothing was lost without fsync');
    });
  } else process.stderr.write(`${noPostgres}\n`);
} finally {
  await stage.destroy();
}
process.exit(0);
