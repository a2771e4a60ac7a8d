/**
 * The C library, called directly. An announcement, an address or a scheduling class costs
 * microseconds this way and a process start otherwise, and a process start is what a loaded machine
 * does worst.
 *
 * The library is loaded at the first call, so that a program that needs none of it starts without
 * it. Nothing here knows what the calls mean; errors come back as numbers and are named by callers.
 *
 * Reference: koffi (https://koffi.dev), errno(3).
 */
import { createRequire } from 'node:module';
import { getSystemErrorName } from 'node:util';
import type { KoffiFunc, LibraryHandle } from 'koffi';
import { HoldfastError } from '../lib/error.ts';

type Bytes = Uint8Array;

/** One call of the C library; `-1` means that `errno` says why. */
export type LibC = {
  readonly socket: KoffiFunc<(domain: number, type: number, protocol: number) => number>;
  readonly bind: KoffiFunc<(fd: number, address: Bytes, length: number) => number>;
  readonly send: KoffiFunc<(fd: number, data: Bytes, length: number, flags: number) => number>;
  readonly sendto: KoffiFunc<
    (
      fd: number,
      data: Bytes,
      length: number,
      flags: number,
      address: Bytes,
      addressLength: number,
    ) => number
  >;
  readonly recv: KoffiFunc<(fd: number, data: Bytes, length: number, flags: number) => number>;
  readonly setsockopt: KoffiFunc<
    (fd: number, level: number, name: number, value: Bytes, length: number) => number
  >;
  readonly getsockopt: KoffiFunc<
    (fd: number, level: number, name: number, value: Bytes, length: Bytes) => number
  >;
  readonly adjtimex: KoffiFunc<(timex: Bytes) => number>;
  readonly close: KoffiFunc<(fd: number) => number>;
  readonly syncfs: KoffiFunc<(fd: number) => number>;
  readonly fcntl: (fd: number, command: number, type: 'int', argument: number) => number;
  readonly schedSetscheduler: KoffiFunc<(pid: number, policy: number, param: Bytes) => number>;
  readonly schedGetscheduler: KoffiFunc<(pid: number) => number>;
};

const F_SETFD = 2;
const FD_CLOEXEC = 1;

type Koffi = typeof import('koffi');

const load = createRequire(import.meta.url);
let koffi: Koffi | null = null;
let libc: LibC | null = null;

/** @throws HoldfastError NATIVE_CALLS_UNAVAILABLE when the module does not run on this machine. */
export function nativeModule(): Koffi {
  if (koffi !== null) return koffi;
  try {
    koffi = load('koffi') as Koffi;
    return koffi;
  } catch (cause) {
    throw new HoldfastError('NATIVE_CALLS_UNAVAILABLE', {}, { cause });
  }
}

/** @throws HoldfastError NATIVE_CALLS_UNAVAILABLE */
export function cLibrary(): LibC {
  libc ??= bind(nativeModule().load('libc.so.6'));
  return libc;
}

/** No program that this process starts gets the descriptor. One that is closed is none of theirs. */
export function closeOnExec(fd: number): void {
  cLibrary().fcntl(fd, F_SETFD, 'int', FD_CLOEXEC);
}

/** The name of the last call's error ("EPERM"). Only right directly after the call that failed. */
export function lastError(): string {
  const number = nativeModule().errno();
  return number === 0 ? 'no error' : getSystemErrorName(-number);
}

function bind(library: LibraryHandle): LibC {
  const call = <T extends (...args: never[]) => number>(prototype: string): KoffiFunc<T> =>
    library.func(prototype) as unknown as KoffiFunc<T>;
  return {
    socket: call('int socket(int domain, int type, int protocol)'),
    bind: call('int bind(int fd, const void *address, unsigned int length)'),
    send: call('long send(int fd, const void *data, size_t length, int flags)'),
    sendto: call(
      'long sendto(int fd, const void *data, size_t n, int flags, const void *to, unsigned int m)',
    ),
    recv: call('long recv(int fd, _Out_ void *data, size_t length, int flags)'),
    setsockopt: call(
      'int setsockopt(int fd, int level, int name, const void *value, unsigned int length)',
    ),
    getsockopt: call(
      'int getsockopt(int fd, int level, int name, _Inout_ void *value, _Inout_ void *length)',
    ),
    adjtimex: call('int adjtimex(_Inout_ void *timex)'),
    close: call('int close(int fd)'),
    syncfs: call('int syncfs(int fd)'),
    fcntl: library.func('int fcntl(int fd, int command, ...)'),
    schedSetscheduler: call('int sched_setscheduler(int pid, int policy, const void *param)'),
    schedGetscheduler: call('int sched_getscheduler(int pid)'),
  };
}
