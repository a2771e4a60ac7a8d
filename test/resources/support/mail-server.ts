/** OpenSMTPD of Debian, and clients that keep receipts of what it has accepted. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { works } from './shell.ts';

export const SMTPD = '/usr/sbin/smtpd';
/** Where it keeps its queue: compiled in. */
export const SPOOL = '/var/spool/smtpd';
export const PORT = 2525;
const MAILBOX = `${SPOOL}/mail/nobody`;
const CLIENTS = 4;
/** A session carries fewer than the server allows. */
const MAILS_PER_SESSION = 50;

export const SETTINGS = `listen on 127.0.0.1 port ${PORT}
action "keep" maildir "${SPOOL}/mail/%{user.username}"
match from any for any action "keep"
`;

/** Installs it where it may; why it cannot be tested, or null. */
export function whyNoMailServer(): string | null {
  if (existsSync(SMTPD)) return null;
  if (process.getuid?.() !== 0) return 'OpenSMTPD is not installed, and only root can install it';
  if (!existsSync('/usr/bin/apt-get')) return 'OpenSMTPD is not installed, and this is no Debian';
  // It would be removed: Debian has room for one mail server.
  if (existsSync('/usr/sbin/sendmail')) return 'another mail server is installed';
  const quiet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y'];
  works(...quiet, 'update');
  works(...quiet, 'install', '--no-install-recommends', 'opensmtpd');
  works('service', 'opensmtpd', 'stop');
  return existsSync(SMTPD) ? null : 'OpenSMTPD could not be installed';
}

/** Clients hand in numbered mails until the server is gone. */
export class MailClients {
  readonly accepted = new Set<number>();
  readonly #sockets = new Set<Socket>();
  #next = 1;
  #stopped = false;

  start(): readonly Promise<void>[] {
    return Array.from({ length: CLIENTS }, () => this.#send());
  }

  stop(): void {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  async #send(): Promise<void> {
    // A session that ends early hands in nothing more; the next one goes on.
    while (!this.#stopped) await this.#session().catch(() => undefined);
  }

  async #session(): Promise<void> {
    const socket = connect(PORT, '127.0.0.1');
    this.#sockets.add(socket);
    const reader = createInterface({ input: socket });
    const lines = reader[Symbol.asyncIterator]();
    socket.on('error', () => undefined); // told by the end of its lines
    socket.on('close', () => reader.close());
    const answer = async (wanted: string): Promise<void> => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true || !value.startsWith(wanted)) throw new Error(`the server said ${value}`);
        if (value[3] !== '-') return;
      }
    };
    const say = async (words: string, wanted: string): Promise<void> => {
      socket.write(`${words}\r\n`);
      await answer(wanted);
    };
    await answer('220');
    await say('EHLO client.example', '250');
    for (let mails = 0; mails < MAILS_PER_SESSION && !this.#stopped; mails += 1) {
      const number = this.#next++;
      await say('MAIL FROM:<client@example.net>', '250');
      await say('RCPT TO:<nobody@localhost>', '250');
      await say('DATA', '354');
      await say(`Subject: number ${number}\r\n\r\nbody of number ${number}\r\n.`, '250');
      this.accepted.add(number);
    }
    socket.end('QUIT\r\n');
    this.#sockets.delete(socket);
  }
}

/** The numbers of the mails that lie in the mailbox, whole. */
export function delivered(): ReadonlySet<number> {
  const folder = join(MAILBOX, 'new');
  if (!existsSync(folder)) return new Set();
  return new Set(
    readdirSync(folder)
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .map((text) => /^Subject: number (\d+)$/m.exec(text)?.[1] ?? '')
      .filter((number) => number !== '')
      .map(Number),
  );
}

/**
 * Nothing is left on the disk that could be delivered; the server itself also says so while it has not
 * read its queue yet. An envelope has sixteen digits; one that is empty says to nobody what to do.
 */
export function queueIsEmpty(): boolean {
  return envelopes(join(SPOOL, 'queue')).every((path) => sizeOf(path) === 0);
}

function envelopes(directory: string): readonly string[] {
  try {
    const found = readdirSync(directory, { withFileTypes: true });
    return found.flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return envelopes(path);
      return /^[0-9a-f]{16}$/.test(entry.name) ? [path] : [];
    });
  } catch {
    return []; // delivered in between, and its directory with it
  }
}

/** 0 when it was delivered in between. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
