/**
 * mount(2) without a process: a process start is what a loaded machine does worst, and a takeover
 * waits for it. The call runs on a thread of its own, since replaying a journal takes time, and is
 * over when the kernel says so: no signal shortens it.
 *
 * It knows no reasons: what the kernel refuses is left to mount(8), which says why and knows options
 * that the kernel does not. Reference: mount(2), mount(8) "FILESYSTEM-INDEPENDENT MOUNT OPTIONS".
 */
import type { KoffiFunc } from 'koffi';
import { nativeModule } from './native.ts';

export type MountCall = {
  readonly device: string;
  readonly directory: string;
  readonly type: string;
  /** Single options, as in fstab. */
  readonly options: readonly string[];
};

/** Bits of `mountflags`; an option without an entry is the file system's own. */
const FLAGS: Readonly<Record<string, number>> = {
  defaults: 0,
  rw: 0,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  dirsync: 0x80,
  noatime: 0x400,
  nodiratime: 0x800,
  relatime: 0x20_0000,
  strictatime: 0x100_0000,
  lazytime: 0x200_0000,
};

type Mount = KoffiFunc<
  (source: string, target: string, type: string, flags: number, data: string) => number
>;
let call: Mount | null = null;

/** Options in the kernel's terms. */
export function mountArguments(options: readonly string[]): {
  readonly flags: number;
  readonly data: string;
} {
  const own = options.filter((option) => FLAGS[option] === undefined);
  const flags = options.reduce((sum, option) => sum | (FLAGS[option] ?? 0), 0);
  return { flags, data: own.join(',') };
}

/** False: the kernel refused, or cannot be called from here; nothing was mounted. */
export async function mountDirectly(wanted: MountCall): Promise<boolean> {
  const mount = bound();
  if (mount === null) return false;
  const { device, directory, type, options } = wanted;
  const { flags, data } = mountArguments(options);
  return await new Promise((resolve) => {
    mount.async(device, directory, type, flags, data, (error: unknown, status: number) =>
      resolve(!error && status === 0),
    );
  });
}

function bound(): Mount | null {
  try {
    call ??= nativeModule()
      .load('libc.so.6')
      .func(
        'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
      ) as unknown as Mount;
    return call;
  } catch {
    return null; // mount(8) does the same, later
  }
}
