/**
 * Hands a script to nftables; a script is one transaction of the kernel, so either all of it holds
 * or nothing does.
 *
 * Two ways: the library of nftables inside this process (0.15 ms for a refresh) and, where it cannot
 * be loaded, a process `nft -f -` (4 ms on a quiet machine, a hundred in a slow one). Calls into the
 * library are synchronous on purpose: the thread that holds the real-time class does the work. Its
 * socket stays open, since closing it makes the kernel wait until deleted elements are forgotten by all
 * processors (16–30 ms for each call), and is marked so that no application inherits it.
 *
 * It does not know what the tables mean; see `packet-filter.ts`.
 *
 * Reference: libnftables(3), nft(8).
 */
import { readdirSync, readlinkSync } from 'node:fs';
import type { KoffiFunc } from 'koffi';
import { HoldfastError } from '../lib/error.ts';
import type { Millis } from '../lib/ids.ts';
import { closeOnExec, nativeModule } from './native.ts';
import { run } from './run.ts';

export type NftablesAnswer = {
  readonly ok: boolean;
  readonly output: string;
  readonly error: string;
};

/** Port: performs a script. A refusal of the kernel is an answer, not an exception. */
export type Nftables = {
  readonly name: 'library' | 'command';
  apply(script: string): Promise<NftablesAnswer>;
};

const COMMAND_TIMEOUT_MS: Millis = 5_000;

type Library = {
  readonly create: KoffiFunc<(flags: number) => object | null>;
  readonly bufferOutput: KoffiFunc<(context: object) => number>;
  readonly bufferError: KoffiFunc<(context: object) => number>;
  readonly output: KoffiFunc<(context: object) => string>;
  readonly error: KoffiFunc<(context: object) => string>;
  readonly perform: KoffiFunc<(context: object, script: string) => number>;
};

/** The library where it can be loaded, else the command. */
export function nftables(): Nftables {
  try {
    return nftablesLibrary();
  } catch {
    // No library on this machine is an ordinary case: the command does the same, more slowly.
    return nftablesCommand;
  }
}

/** @throws HoldfastError NATIVE_CALLS_UNAVAILABLE when libnftables.so.1 cannot be loaded. */
export function nftablesLibrary(): Nftables {
  const library = bind();
  const context = open(library);
  return { name: 'library', apply: async (script) => perform(library, context, script) };
}

export const nftablesCommand: Nftables = {
  name: 'command',
  apply: async (script) => {
    const { status, stdout, stderr } = await run(['nft', '-f', '-'], {
      signal: AbortSignal.timeout(2 * COMMAND_TIMEOUT_MS),
      timeoutMs: COMMAND_TIMEOUT_MS,
      input: `${script}\n`,
    });
    return { ok: status === 0, output: stdout, error: stderr };
  },
};

function perform(library: Library, context: object, script: string): NftablesAnswer {
  const ok = library.perform(context, script) === 0;
  return { ok, output: library.output(context), error: library.error(context) };
}

/** The library opens its socket without FD_CLOEXEC; it is found by comparing what is open. */
function open(library: Library): object {
  const before = openSockets();
  const context = library.create(0);
  if (context === null) {
    throw new HoldfastError('NATIVE_CALLS_UNAVAILABLE', { reason: 'no socket for nftables' });
  }
  for (const [socket, fd] of openSockets()) if (!before.has(socket)) closeOnExec(fd);
  library.bufferOutput(context);
  library.bufferError(context);
  return context;
}

/** `socket:[inode]` → descriptor. Numbers alone would not do: the listing itself takes one for a moment. */
function openSockets(): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      found.set(readlinkSync(`/proc/self/fd/${fd}`), Number(fd));
    } catch {
      // The descriptor of the listing: closed by now.
    }
  }
  return found;
}

function bind(): Library {
  const koffi = nativeModule();
  try {
    const library = koffi.load('libnftables.so.1');
    const call = <T extends (...args: never[]) => unknown>(prototype: string): KoffiFunc<T> =>
      library.func(prototype) as unknown as KoffiFunc<T>;
    return {
      create: call('void *nft_ctx_new(uint32_t flags)'),
      bufferOutput: call('int nft_ctx_buffer_output(void *context)'),
      bufferError: call('int nft_ctx_buffer_error(void *context)'),
      output: call('const char *nft_ctx_get_output_buffer(void *context)'),
      error: call('const char *nft_ctx_get_error_buffer(void *context)'),
      perform: call('int nft_run_cmd_from_buffer(void *context, const char *script)'),
    };
  } catch (cause) {
    throw new HoldfastError('NATIVE_CALLS_UNAVAILABLE', { library: 'libnftables.so.1' }, { cause });
  }
}
