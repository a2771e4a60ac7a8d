/**
 * Where notifications go: an HTTP address, a program, or the system's log. Each says whether it was
 * delivered; waiting and repeating are the outbox's.
 */
import type { NotificationConfig } from '../../config/types.ts';
import { HoldfastError } from '../../lib/error.ts';
import { run } from '../../system/run.ts';
import { readSecretFile } from '../../system/secret-file.ts';
import type { Notification, Severity } from './notification.ts';
import type { Receiver } from './outbox.ts';

const WEBHOOK_LIMIT_MS = 10_000;
const COMMAND_LIMIT_MS = 30_000;

/** @throws HoldfastError SECRET_FILE_EXPOSED, SECRET_FILE_UNREADABLE */
export function receiverOf({ target, least }: NotificationConfig): Receiver {
  switch (target.kind) {
    case 'webhook': {
      const { url, tokenFile } = target;
      const token = tokenFile === null ? null : readSecretFile(tokenFile);
      const deliver = webhook(url, token);
      return { name: new URL(url).host, least, deliver };
    }
    case 'command': {
      const { argv } = target;
      return { name: argv[0] ?? '', least, deliver: command(argv) };
    }
    case 'syslog':
      return { name: 'syslog', least, deliver: syslog };
  }
}

/** What the other side will never take is not sent again; what it could not take now is. */
const TRY_AGAIN: readonly number[] = [408, 425, 429];

function webhook(url: string, token: string | null): Receiver['deliver'] {
  return async (notification, signal) => {
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(WEBHOOK_LIMIT_MS)]),
      headers: {
        'content-type': 'application/json',
        'idempotency-key': notification.id,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(notification),
    });
    await response.body?.cancel();
    const { status, ok } = response;
    if (ok) return;
    const never = status >= 400 && status < 500 && !TRY_AGAIN.includes(status);
    const code = never ? 'NOTIFICATION_REFUSED' : 'NOTIFICATION_FAILED';
    throw new HoldfastError(code, { status });
  };
}

/** The notification comes on standard input, as one line of JSON. */
function command(argv: readonly string[]): Receiver['deliver'] {
  return async (notification, signal) => {
    const input = `${JSON.stringify(notification)}\n`;
    const { status, stderr } = await run(argv, { signal, input, timeoutMs: COMMAND_LIMIT_MS });
    if (status !== 0) {
      throw new HoldfastError('NOTIFICATION_FAILED', { status, stderr: stderr.slice(0, 200) });
    }
  };
}

/** syslog(3): `daemon`, since the program is one. */
const PRIORITIES: Readonly<Record<Severity, string>> = {
  info: 'daemon.notice',
  warning: 'daemon.warning',
  critical: 'daemon.crit',
};

async function syslog(notification: Notification, signal: AbortSignal): Promise<void> {
  const { severity, text, id } = notification;
  const argv = ['logger', '--tag', 'holdfast', '--priority', PRIORITIES[severity], '--'];
  const options = { signal, timeoutMs: COMMAND_LIMIT_MS };
  const { status, stderr } = await run([...argv, `${text} [${id}]`], options);
  if (status !== 0) {
    throw new HoldfastError('NOTIFICATION_FAILED', { status, stderr: stderr.slice(0, 200) });
  }
}
