/**
 * The mount table of this process's mount namespace, read from the kernel each time: nothing that is
 * remembered about mounts can be trusted when a disk changes hands.
 *
 * It does not see other namespaces. A container that still holds a mount shows as a device that
 * cannot be opened exclusively (see the disk's fitness), not here.
 *
 * Reference: proc(5) `/proc/pid/mountinfo`.
 */
import { readFileSync } from 'node:fs';

export type Mount = {
  readonly id: number;
  /** `major:minor` of the file system's device. */
  readonly device: string;
  readonly directory: string;
  readonly type: string;
  /** What stands for the device in the table: a path, or a word such as `tmpfs`. */
  readonly source: string;
  /** Of this mount. */
  readonly options: readonly string[];
  /** Of the file system; `ro` appears here when the kernel gave up writing. */
  readonly superOptions: readonly string[];
};

/** All mounts, oldest first: of several on one directory the last one is on top. */
export function mounts(): readonly Mount[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** The mount on top of this directory (an absolute path without links), or null. */
export function mountAt(directory: string): Mount | null {
  return mounts().findLast((mount) => mount.directory === directory) ?? null;
}

/** All mounts of the device `major:minor`. */
export function mountsOf(device: string): readonly Mount[] {
  return mounts().filter((mount) => mount.device === device);
}

export function isReadOnly(mount: Mount): boolean {
  return mount.options.includes('ro') || mount.superOptions.includes('ro');
}

export function parseMountInfo(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [front, back] = line.split(' - ');
    if (front === undefined || back === undefined) return [];
    const [id = '', , device = '', , directory = '', options = ''] = front.split(' ');
    const [type = '', source = '', superOptions = ''] = back.split(' ');
    return [
      {
        id: Number(id),
        device,
        directory: plain(directory),
        type,
        source: plain(source),
        options: options.split(','),
        superOptions: superOptions.split(','),
      },
    ];
  });
}

/** Blanks, tabs, newlines and backslashes are written as three octal digits. */
function plain(escaped: string): string {
  return escaped.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
