/**
 * What the service manager wants to hear: that the daemon is ready, that it lives, what it does, that
 * it is stopping. One datagram each, to the socket that systemd names in the environment; a manager
 * that does not listen is no fault of ours, and nothing here ever waits or throws.
 *
 * The variables are taken out of the environment, so that an application does not speak in our name.
 *
 * Reference: sd_notify(3), sd_watchdog_enabled(3), unix(7).
 */
import type { Millis } from '../lib/ids.ts';
import { cLibrary, lastError } from './native.ts';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2_000_000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
/** `sun_path` of struct sockaddr_un. */
const LONGEST_PATH = 107;

export type SupervisedState =
  | { readonly READY: 1; readonly STATUS?: string }
  | { readonly STATUS: string }
  | { readonly WATCHDOG: 1 }
  | { readonly STOPPING: 1 };

export class Supervisor {
  readonly #address: Buffer;
  /** Without a sign of life for so long the manager ends the daemon; null: it does not watch. */
  readonly watchdogMs: Millis | null;
  /** Why the newest word was not delivered; '' when it was. */
  fault = '';

  private constructor(address: Buffer, watchdogMs: Millis | null) {
    this.#address = address;
    this.watchdogMs = watchdogMs;
  }

  /** null when nobody wants to hear. Takes the variables out of `environment`. */
  static of(environment: Record<string, string | undefined>, pid: number): Supervisor | null {
    const path = environment['NOTIFY_SOCKET'] ?? '';
    const watchdogMs = Number(environment['WATCHDOG_USEC'] ?? '') / 1_000;
    const watched = environment['WATCHDOG_PID'] ?? String(pid);
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
    // A path, or a name in the abstract namespace, which begins with a zero byte in the address.
    if (!/^[/@]./.test(path) || Buffer.byteLength(path) > LONGEST_PATH) return null;
    const name = Buffer.from(path);
    const terminator = path.startsWith('@') ? 0 : 1;
    if (path.startsWith('@')) name[0] = 0;
    const address = Buffer.alloc(2 + name.length + terminator);
    address.writeUInt16LE(AF_UNIX, 0);
    name.copy(address, 2);
    const isWatched = watchdogMs > 0 && watched === String(pid);
    return new Supervisor(address, isWatched ? watchdogMs : null);
  }

  tell(state: SupervisedState): void {
    const lines = Object.entries(state).map(([key, value]) => `${key}=${oneLine(String(value))}`);
    try {
      this.fault = this.#send(Buffer.from(lines.join('\n')));
    } catch (error) {
      this.fault = String(error);
    }
  }

  #send(text: Buffer): string {
    const { socket, sendto, close } = cLibrary();
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return lastError();
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = sendto(fd, text, text.length, flags, this.#address, this.#address.length);
    const fault = sent < 0 ? lastError() : '';
    close(fd);
    return fault;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
