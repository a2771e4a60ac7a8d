/** PostgreSQL of Debian for the laboratory: a cluster that is made on the host, and clients that keep receipts. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { must } from './shell.ts';

const BINARIES = '/usr/lib/postgresql/15/bin';
const AS_POSTGRES = ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups'];

export const POSTGRES = `${BINARIES}/postgres`;
export const noPostgres = existsSync(POSTGRES) ? null : 'PostgreSQL 15 of Debian is not installed';

/** Small, and durable as it is delivered: fsync, full_page_writes and synchronous_commit stay on. */
const SETTINGS = (address: string, more: string) => `
listen_addresses = '${address}'
shared_buffers = 16MB
max_connections = 20
max_wal_size = 64MB
dynamic_shared_memory_type = mmap
jit = off
autovacuum = off
log_min_messages = warning
log_checkpoints = off
log_line_prefix = '%m '
unix_socket_directories = ''
${more}`;

/** A row for each transaction that the client may be told of: who, and which one of his. */
const SCHEMA = 'create table receipts (client int, number int, primary key (client, number))';

/** pgbench's own transaction (TPC-B-like), and the receipt in the same transaction. */
export const SCRIPT = `
\\set n :n + 1
\\set aid random(1, 100000 * :scale)
\\set bid random(1, 1 * :scale)
\\set tid random(1, 10 * :scale)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, now());
INSERT INTO receipts (client, number) VALUES (:base + :client_id, :n);
COMMIT;
`;

/** Makes a database cluster below `directory` with pgbench's tables, packed into DIRECTORY/pg.tar. */
export function makeDatabase(directory: string, address: string, more = ''): string {
  mkdirSync(directory, { recursive: true });
  const data = join(directory, 'pg');
  const socket = join(directory, 'socket');
  for (const path of [data, socket]) {
    mkdirSync(path, { recursive: true });
    must('chown', 'postgres:', path);
  }
  chmodSync(directory, 0o755);
  const postgres = (...argv: readonly string[]) => must(...AS_POSTGRES, ...argv);
  postgres(`${BINARIES}/initdb`, '--no-sync', '--auth=trust', data);
  const log = join(data, 'first.log');
  const local = `-c listen_addresses='' -k ${socket} -c fsync=off`;
  postgres(`${BINARIES}/pg_ctl`, '-w', '-D', data, '-l', log, '-o', local, 'start');
  postgres(`${BINARIES}/pgbench`, '-i', '-q', '-s', '1', '-h', socket, 'postgres');
  postgres(`${BINARIES}/psql`, '-q', '-h', socket, '-c', SCHEMA, 'postgres');
  postgres(`${BINARIES}/pg_ctl`, '-w', '-D', data, '-m', 'fast', 'stop');
  writeFileSync(join(data, 'postgresql.auto.conf'), SETTINGS(address, more));
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all all 10.99.0.0/16 trust\nhost all all 127.0.0.0/8 trust\n',
  );
  const tar = join(directory, 'pg.tar');
  must('tar', '-C', directory, '-cf', tar, 'pg');
  return tar;
}

export type Receipt = `${number}/${number}`;

/** What pgbench was told is committed: lines of its transaction logs. */
export function receiptsIn(directory: string, base: number): readonly Receipt[] {
  return readdirSync(directory)
    .filter((name) => name.startsWith(`receipts-${base}.`))
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .filter((line) => /^\d+ \d+ \d/.test(line))
    .map((line): Receipt => {
      const [client = '', number = ''] = line.split(' ');
      return `${base + Number(client)}/${Number(number)}`;
    });
}

/** Where the programs of the clients run. */
export type ClientSide = {
  run(argv: readonly string[], timeoutMs?: number): Promise<string>;
  spawn(argv: readonly string[]): {
    readonly stdout: Readable;
    readonly stderr: Readable;
    once(event: 'exit', told: () => void): unknown;
  };
};

export class Database {
  readonly #client: ClientSide;
  readonly #target: string;

  constructor(client: ClientSide, address: string) {
    this.#client = client;
    const patience = 'connect_timeout=5 keepalives_idle=1 keepalives_interval=1 keepalives_count=5';
    this.#target = `host=${address} user=postgres dbname=postgres ${patience} tcp_user_timeout=5000`;
  }

  /** Rows of the answer; rejects when there is none. */
  async ask(query: string): Promise<readonly string[]> {
    const argv = [`${BINARIES}/psql`, '-X', '-A', '-t', '-c', query, this.#target];
    return (await this.#client.run(argv, 20_000)).split('\n').filter((line) => line !== '');
  }

  /** Clients commit until the database is gone; their receipts lie in the directory afterwards. */
  bench(directory: string, base: number): Promise<void> {
    const script = join(directory, 'script.sql');
    writeFileSync(script, SCRIPT);
    const prefix = join(directory, `receipts-${base}`);
    const options = ['-n', '-f', script, '-c', '4', '-T', '600', '-l', `--log-prefix=${prefix}`];
    const variables = ['-D', 'n=0', '-D', 'scale=1', '-D', `base=${base}`];
    const bench = this.#client.spawn([
      `${BINARIES}/pgbench`,
      ...options,
      ...variables,
      this.#target,
    ]);
    bench.stdout.resume();
    bench.stderr.resume();
    return new Promise((resolve) => bench.once('exit', () => resolve()));
  }
}

/** Which receipts stand for transactions that the database does not have. */
export async function missingOf(
  database: Database,
  receipts: readonly Receipt[],
): Promise<readonly Receipt[]> {
  const rows = await database.ask(`select client || '/' || number from receipts`);
  const there = new Set<string>(rows);
  return receipts.filter((receipt) => !there.has(receipt));
}

export async function checkReceipts(
  database: Database,
  receipts: readonly Receipt[],
): Promise<void> {
  const missing = await missingOf(database, receipts);
  if (missing.length > 0) throw new Error(`${missing.length} of ${receipts.length} are lost`);
}

/** pgbench's books: what went to accounts, tellers, branches and into the history is the same sum. */
export async function checkBooks(database: Database): Promise<void> {
  const [sums = ''] = await database.ask(
    `select (select sum(abalance) from pgbench_accounts), (select sum(tbalance) from pgbench_tellers),
      (select sum(bbalance) from pgbench_branches), (select coalesce(sum(delta), 0) from pgbench_history)`,
  );
  if (new Set(sums.split('|')).size !== 1) throw new Error(`the books do not balance: ${sums}`);
}
