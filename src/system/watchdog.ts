/**
 * The kernel's watchdog: once it is open somebody has to feed it, or the machine is reset.
 *
 * The intuition: it is the one mechanism that works when no process of this machine runs any more,
 * the kernel's timer or a chip on the board. It is closed with the letter V, and only then does it
 * stop; a feeder that dies without it has the machine reset.
 *
 * When to feed is decided above (`guardian/feeder.ts`). Reference: Linux
 * Documentation/watchdog/watchdog-api.rst.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { ioctl } from './sg-io.ts';

export type Watchdog = {
  /** As the driver calls itself, such as `Software Watchdog`. */
  readonly identity: string;
  /** What the driver made of the wanted timeout, which it may round. */
  readonly timeoutMs: Millis;
  /** Without magic close the driver stops when the feeder dies: it guards against hangs only. */
  readonly magicClose: boolean;
  /** Never waits: a driver's write returns at once. @throws HoldfastError WATCHDOG_FAILED */
  feed(): void;
  /** Closes it in order: nobody has to feed it any more. Idempotent. */
  disarm(): void;
};

export type WatchdogOptions = {
  /** `/dev/watchdog`, `/dev/watchdog0`, … */
  readonly path: string;
  readonly timeoutMs: Millis;
  /** Tests only. */
  readonly control?: (fd: number, request: number, argument: Buffer) => Promise<number>;
};

const WDIOC_GETSUPPORT = 0x8028_5700;
const WDIOC_SETTIMEOUT = 0xc004_5706;
const WDIOF_MAGICCLOSE = 0x0100;
const INFO_BYTES = 40;

/**
 * From here on it has to be fed.
 *
 * @throws HoldfastError WATCHDOG_BUSY (another process has it), WATCHDOG_FAILED (no such device, or
 *   none that takes the timeout; it is closed again)
 */
export async function openWatchdog(options: WatchdogOptions): Promise<Watchdog> {
  const { path, timeoutMs } = options;
  const control = options.control ?? ioctl;
  const fd = open(path);
  const disarm = once(() => {
    writeSync(fd, 'V');
    closeSync(fd);
  });
  try {
    const info = Buffer.alloc(INFO_BYTES);
    const wanted = Buffer.alloc(4);
    wanted.writeInt32LE(Math.ceil(timeoutMs / 1000));
    if ((await control(fd, WDIOC_GETSUPPORT, info)) < 0) throw failed(path, 'WDIOC_GETSUPPORT');
    if ((await control(fd, WDIOC_SETTIMEOUT, wanted)) < 0) throw failed(path, 'WDIOC_SETTIMEOUT');
    return {
      identity: info.toString('latin1', 8).replace(/\0.*$/s, ''),
      timeoutMs: wanted.readInt32LE() * 1000,
      magicClose: (info.readUInt32LE(0) & WDIOF_MAGICCLOSE) !== 0,
      feed: () => {
        try {
          writeSync(fd, '\0');
        } catch (cause) {
          throw new HoldfastError('WATCHDOG_FAILED', { device: path, failed: 'write' }, { cause });
        }
      },
      disarm,
    };
  } catch (error) {
    disarm();
    throw error;
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (cause) {
    const busy = cause instanceof Error && 'code' in cause && cause.code === 'EBUSY';
    throw new HoldfastError(
      busy ? 'WATCHDOG_BUSY' : 'WATCHDOG_FAILED',
      { device: path },
      { cause },
    );
  }
}

function failed(device: string, call: string): HoldfastError {
  return new HoldfastError('WATCHDOG_FAILED', { device, failed: call });
}

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    work();
  };
}
