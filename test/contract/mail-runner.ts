/**
 * A mail server on a disk whose image is taken in one moment of a load (`crash-stage.ts`): `node
 * mail-runner.ts DIRECTORY`, a line of JSON for each story. To be started in network and mount namespaces
 * of its own.
 *
 * Debian's OpenSMTPD flushes neither its queue nor the directories of it before it acknowledges a mail. So the group's
 * file system is mounted with `sync`; without that, mails that were acknowledged are lost (the control).
 */
import { deepEqual, equal } from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { CrashStage } from '../resources/support/crash-stage.ts';
import {
  delivered,
  MailClients,
  PORT,
  queueIsEmpty,
  SETTINGS,
  SMTPD,
  SPOOL,
} from '../resources/support/mail-server.ts';
import { must } from '../resources/support/shell.ts';
import { until } from '../system/support/until.ts';
import { reporting } from './report-line.ts';

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: mail-runner.ts DIRECTORY');
const report = reporting();
const ENOUGH = 20;

const application = {
  command: [SMTPD, '-F', '-f', `${SPOOL}/smtpd.conf`],
  // Of deliveries that the power loss cut short.
  recover: ['sh', '-c', `[ "$HOLDFAST_CLEAN" = yes ] || rm -f ${SPOOL}/mail/*/tmp/*`],
  readiness: ['tcp', `127.0.0.1:${PORT}`],
};

/** Mails that the first owner acknowledged and the next one did not deliver. */
async function lost(stage: CrashStage, name: string, options: readonly string[]) {
  const device = stage.disk(name, SPOOL, (at) => {
    writeFileSync(`${at}/smtpd.conf`, SETTINGS);
    mkdirSync(`${at}/mail`);
    chmodSync(`${at}/mail`, 0o1777);
    chmodSync(at, 0o711);
  });
  const group = { mountPoint: SPOOL, options, application };
  const first = await stage.serve({ ...group, device, epoch: 1 });
  const clients = new MailClients();
  const ended = clients.start();
  let acknowledged: readonly number[] = [];
  let image = '';
  try {
    await until('clients have receipts', () => clients.accepted.size >= ENOUGH);
    acknowledged = [...clients.accepted];
    image = stage.crash(name);
  } finally {
    clients.stop();
    await Promise.all(ended);
    await first.end();
  }
  const next = await stage.serve({ ...group, device: stage.attach(image), epoch: 2 });
  try {
    const missing = () => {
      const there = delivered();
      return acknowledged.filter((number) => !there.has(number));
    };
    await until('all is delivered', () => missing().length === 0 || queueIsEmpty());
    return missing();
  } finally {
    await next.end();
  }
}

// What the program has compiled in is this namespace's own.
for (const path of ['/run', '/var/spool']) must('mount', '-t', 'tmpfs', 'tmpfs', path);
mkdirSync(SPOOL);
const stage = new CrashStage(directory);
try {
  await report(
    'OpenSMTPD: every mail that was acknowledged is delivered by the next owner',
    async () => {
      deepEqual(await lost(stage, 'mail', ['sync']), []);
    },
  );
  await report('on a mount without `sync` some are not: the control', async () => {
    equal((await lost(stage, 'loose', [])).length > 0, true, 'nothing was lost without sync');
  });
} finally {
  await stage.destroy();
}
process.exit(0);
