/**
 * posix_spawn(3), pipe2(2) and waitpid(2), called directly. Numbers in, numbers out; what they mean for
 * a process is `launch.ts`.
 *
 * Reference: posix_spawn(3), posix_spawnattr_setflags(3), <spawn.h> of glibc, wait(2).
 */
import type { KoffiFunc } from 'koffi';
import { lastError, nativeModule } from './native.ts';

export type SpawnRequest = {
  /** The file; nothing is searched. */
  readonly program: string;
  readonly argv: readonly string[];
  /** `NAME=value` */
  readonly environment: readonly string[];
  readonly directory: string | null;
  /** Descriptors that become 0, 1 and 2; null for `none`, a file that is opened instead. */
  readonly input: number | null;
  readonly output: number;
  readonly errors: number;
  readonly none: string;
};

export type SpawnCalls = {
  /** `error` is an errno, or 0. On a thread of the pool. */
  readonly spawn: (
    request: SpawnRequest,
  ) => Promise<{ readonly error: number; readonly pid: number }>;
  /** Neither end is handed to a program. The name of an error where there is none. */
  readonly pipe: () => { readonly read: number; readonly write: number } | string;
  readonly close: (fd: number) => void;
  /** Null while it runs. Asked again after its end it answers as if it had ended with status 0. */
  readonly endingOf: (
    pid: number,
  ) => { readonly status: number | null; readonly signal: number | null } | null;
};

/** glibc's own are 80, 336 and 128 bytes. */
const ROOM_BYTES = 1_024;
/** A session of its own; no signal blocked; every signal as at the start of a program. */
const SETSID_SETSIGMASK_SETSIGDEF = 0x80 | 0x08 | 0x04;
const O_RDONLY = 0;
const O_CLOEXEC = 0o2_000_000;
const WNOHANG = 1;

type Bytes = Uint8Array;
let calls: SpawnCalls | null | undefined;

/** Null where the C library cannot be called, or knows too little. */
export function spawnCalls(): SpawnCalls | null {
  if (calls === undefined) {
    try {
      calls = bind();
    } catch {
      calls = null; // Node forks instead, which works everywhere
    }
  }
  return calls;
}

function bind(): SpawnCalls {
  const library = nativeModule().load('libc.so.6');
  const call = <T extends (...args: never[]) => number>(prototype: string): KoffiFunc<T> =>
    library.func(prototype) as unknown as KoffiFunc<T>;
  const spawn = call<
    (
      pid: Bytes,
      path: string,
      actions: Bytes,
      attributes: Bytes,
      argv: readonly (string | null)[],
      environment: readonly (string | null)[],
    ) => number
  >('int posix_spawn(void *pid, str path, void *actions, void *attributes, str *argv, str *envp)');
  const actionsInit = call<(actions: Bytes) => number>(
    'int posix_spawn_file_actions_init(void *actions)',
  );
  const actionsDestroy = call<(actions: Bytes) => number>(
    'int posix_spawn_file_actions_destroy(void *actions)',
  );
  const addDup = call<(actions: Bytes, fd: number, as: number) => number>(
    'int posix_spawn_file_actions_adddup2(void *actions, int fd, int as)',
  );
  const addOpen = call<
    (actions: Bytes, fd: number, path: string, flags: number, mode: number) => number
  >('int posix_spawn_file_actions_addopen(void *actions, int fd, str path, int flags, int mode)');
  const addDirectory = call<(actions: Bytes, path: string) => number>(
    'int posix_spawn_file_actions_addchdir_np(void *actions, str path)',
  );
  const attributesInit = call<(attributes: Bytes) => number>(
    'int posix_spawnattr_init(void *attributes)',
  );
  const setFlags = call<(attributes: Bytes, flags: number) => number>(
    'int posix_spawnattr_setflags(void *attributes, short flags)',
  );
  const setDefaults = call<(attributes: Bytes, set: Bytes) => number>(
    'int posix_spawnattr_setsigdefault(void *attributes, const void *set)',
  );
  const setMask = call<(attributes: Bytes, set: Bytes) => number>(
    'int posix_spawnattr_setsigmask(void *attributes, const void *set)',
  );
  const fillSet = call<(set: Bytes) => number>('int sigfillset(void *set)');
  const pipe2 = call<(ends: Bytes, flags: number) => number>('int pipe2(void *ends, int flags)');
  const close = call<(fd: number) => number>('int close(int fd)');
  const waitpid = call<(pid: number, status: Bytes, options: number) => number>(
    'int waitpid(int pid, void *status, int options)',
  );

  const attributes = Buffer.alloc(ROOM_BYTES);
  const every = Buffer.alloc(ROOM_BYTES);
  fillSet(every);
  attributesInit(attributes);
  setFlags(attributes, SETSID_SETSIGMASK_SETSIGDEF);
  setDefaults(attributes, every);
  setMask(attributes, Buffer.alloc(ROOM_BYTES));

  return {
    spawn: (request) => {
      const { program, argv, environment, directory, input, output, errors, none } = request;
      const actions = Buffer.alloc(ROOM_BYTES);
      const pid = Buffer.alloc(4);
      actionsInit(actions);
      if (input === null) addOpen(actions, 0, none, O_RDONLY, 0);
      else addDup(actions, input, 0);
      addDup(actions, output, 1);
      addDup(actions, errors, 2);
      if (directory !== null) addDirectory(actions, directory);
      const args = [...argv, null];
      const words = [...environment, null];
      return new Promise((resolve, reject) => {
        const done = (failure: unknown, error: number): void => {
          actionsDestroy(actions);
          if (failure) reject(failure);
          else resolve({ error, pid: pid.readInt32LE() });
        };
        spawn.async(pid, program, actions, attributes, args, words, done);
      });
    },
    pipe: () => {
      const ends = Buffer.alloc(8);
      if (pipe2(ends, O_CLOEXEC) < 0) return lastError();
      return { read: ends.readInt32LE(0), write: ends.readInt32LE(4) };
    },
    close: (fd) => void close(fd),
    endingOf: (pid) => {
      const status = Buffer.alloc(4);
      const answer = waitpid(pid, status, WNOHANG);
      if (answer === 0) return null;
      const word = answer < 0 ? 0 : status.readInt32LE();
      const signal = word & 0x7f;
      return signal === 0 ? { status: (word >> 8) & 0xff, signal: null } : { status: null, signal };
    },
  };
}
