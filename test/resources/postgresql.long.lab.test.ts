/**
 * Application recovery end to end: the product, Debian's PostgreSQL and pgbench on real kernels, and the
 * owner's power lost in the middle of it. Every transaction that a client was told is committed must be
 * there on the next owner, and pgbench's books must balance. The control: with fsync off in the database,
 * the same power loss loses acknowledged transactions, and this test sees it.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterStatus } from '../../src/operator/api.ts';
import { identityOf } from '../../src/system/block-device.ts';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import { LabCluster } from '../lab/cluster.ts';
import { daemonFiles } from '../lab/daemon-command.ts';
import { KernelLab, until } from '../lab/kernel/index.ts';
import { FLOATING_IP, labConfig, MOUNT_POINT, makeIdentities } from '../lab/lab-config.ts';
import {
  checkBooks,
  Database,
  makeDatabase,
  missingOf,
  noPostgres,
  POSTGRES,
  type Receipt,
  receiptsIn,
} from './support/database.ts';
import { must } from './support/shell.ts';

const DATA = `${MOUNT_POINT}/pg`;
const APPLICATION = {
  name: 'server',
  type: 'application',
  needs: ['data', 'address'],
  'start-timeout': '120s',
  'stop-timeout': '60s',
  'monitor-interval': '5s',
  'monitor-timeout': '20s',
  parameters: {
    user: 'postgres',
    command: [POSTGRES, '-D', DATA],
    'stop-signal': 'SIGINT',
    // Of a postmaster that died with its machine: its pid may be another's here.
    recover: ['sh', '-c', `[ "$HOLDFAST_CLEAN" = yes ] || rm -f ${DATA}/postmaster.pid`],
    readiness: { command: ['/usr/lib/postgresql/15/bin/pg_isready', '-q', '-h', FLOATING_IP] },
  },
};
const FAILOVER_LIMIT_MS = 300_000;
const ENOUGH = 100;

if (noPostgres !== null) process.stderr.write(`PostgreSQL is not tested: ${noPostgres}\n`);

describe.skipIf(noPostgres !== null)('PostgreSQL on the owner', () => {
  const lab = new KernelLab();
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  let directory = '';
  let cluster: LabCluster;
  let database: Database;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-pg-'));
    const tar = makeDatabase(directory, FLOATING_IP);
    await lab.up({ nodes: 3, luns: 1, say });
    say('copying the database onto the LUN');
    const first = lab.guest(1);
    must('cp', tar, join(first.share, 'pg.tar'));
    await first.ok(
      `mkfs.ext4 -q -F -J size=8 /dev/lab/lun0 && mount /dev/lab/lun0 /mnt &&
       tar -C /mnt -xf /lab/pg.tar && umount /mnt && rm /lab/pg.tar
       blockdev --flushbufs /dev/lab/lun0; echo 3 > /proc/sys/vm/drop_caches`,
      300_000,
    );
    const page = await first.ok(
      'base64 -w0 /sys/block/$(basename $(readlink /dev/lab/lun0))/device/vpd_pg83',
    );
    const identity = identityOf(Buffer.from(page.trim(), 'base64')) ?? '';
    const peerIds = await makeIdentities(lab);
    const disks = [{ identity }];
    const places = { lab, disks, filesystem: 'ext4', sabotage: undefined, stamps: false } as const;
    const config = labConfig({ ...places, application: APPLICATION }, peerIds);
    cluster = new LabCluster(lab, { config });
    database = new Database(lab.client, FLOATING_IP);
    say('starting a daemon on every node');
    await cluster.startAll();
    await answers();
    say('the database answers');
  }, 900_000);

  afterAll(async () => {
    await lab.down();
    rmSync(directory, { recursive: true, force: true });
  });

  it('loses no committed transaction when the owner loses its power', async () => {
    const { missing, receipts, outageMs, owners } = await powerLossUnderLoad(100);
    say(
      `${receipts} receipts, ${missing.length} missing, ${Math.round(outageMs)} ms without answer`,
    );
    expect(receipts).toBeGreaterThan(ENOUGH);
    expect(missing).toEqual([]);
    expect(owners[1]).not.toBe(owners[0]);
    await checkBooks(database);
  }, 900_000);

  it('would lose some without fsync: the control', async () => {
    await database.ask(`alter system set fsync = off`);
    await database.ask('select pg_reload_conf()');
    await until(async () => (await database.ask('show fsync'))[0] === 'off', {
      what: 'fsync is off',
      limitMs: 60_000,
    });
    const { missing, receipts } = await powerLossUnderLoad(200).catch((error: unknown) => {
      // Not to come up again is a loss too.
      say(`the database did not come back: ${String(error).slice(0, 300)}`);
      return { missing: ['1/1'], receipts: ENOUGH + 1 };
    });
    say(`without fsync: ${receipts} receipts, ${missing.length} missing`);
    expect(receipts).toBeGreaterThan(ENOUGH);
    expect(missing.length).toBeGreaterThan(0);
  }, 900_000);

  async function powerLossUnderLoad(base: number): Promise<{
    readonly missing: readonly Receipt[];
    readonly receipts: number;
    readonly outageMs: number;
    readonly owners: readonly number[];
  }> {
    const logs = join(directory, `logs-${base}`);
    mkdirSync(logs);
    const before = await owner();
    const ended = database.bench(logs, base);
    const count = `select count(*) from receipts where client >= ${base}`;
    await until(async () => Number((await database.ask(count))[0]) > 2 * ENOUGH, {
      what: 'pgbench commits',
      limitMs: 120_000,
      intervalMs: 500,
    });
    say(`power off: node${before}`);
    await lab.guest(before).powerOff();
    const lostMs = clock.now();
    await answers();
    const outageMs = clock.now() - lostMs;
    await ended;
    const after = await owner();
    const receipts = receiptsIn(logs, base);
    const missing = await missingOf(database, receipts);
    await cluster.bootAgain(before);
    return { missing, receipts: receipts.length, outageMs, owners: [before, after] };
  }

  async function answers(): Promise<void> {
    const asked = async () => (await database.ask('select 1').catch(() => []))[0] === '1';
    await until(
      asked,
      { what: 'the database answers', limitMs: FAILOVER_LIMIT_MS, intervalMs: 200 },
      () => cluster.logTails,
    );
  }

  async function owner(): Promise<number> {
    return await until(
      async () => {
        for (const { id, guest } of cluster.nodes) {
          if (!guest.isOn) continue;
          const { socket } = daemonFiles;
          const curl = `curl -s -m 5 --unix-socket ${socket} http://localhost/v1/status`;
          const { status, output } = await guest.exec(curl, 8_000);
          if (status !== 0) continue;
          const { data } = JSON.parse(output) as { readonly data: ClusterStatus };
          const [group] = data.groups;
          if (group?.phase !== 'serving' || group.owner === null) continue;
          const serving = Number(group.owner.replace('node', ''));
          if (cluster.node(serving).guest.isOn && id > 0) return serving;
        }
        return undefined;
      },
      { what: 'the group is served', limitMs: FAILOVER_LIMIT_MS, intervalMs: 200 },
      () => cluster.logTails,
    );
  }
});
