/**
 * Whether every write to a mounted file system has reached its disk.
 *
 * The intuition: when the kernel cannot write a page back it says so once, to whoever calls fsync on
 * that file, and keeps the page as if it had been written. A process that is started afterwards reads
 * it, calls fsync, hears nothing of it and believes that it is durable. The kernel also counts such
 * losses for the whole file system and tells every descriptor that was open when they happened; so
 * one is kept from the mount on.
 *
 * The descriptor holds the mount: `close` comes before `umount`. A process that dies lets go of it.
 *
 * Reference: syncfs(2) (errors are reported since Linux 5.8), linux/Documentation/errseq.rst.
 */
import { closeSync, openSync } from 'node:fs';
import { cLibrary } from './native.ts';

export class MountWrites {
  readonly #fd: number;
  #asked: Promise<boolean> = Promise.resolve(true);
  #closed = false;

  /** @throws Error of open(2) when there is no such directory. */
  constructor(directory: string) {
    this.#fd = openSync(directory, 'r');
  }

  /**
   * Writes what is not written yet, and says whether any write has been lost since this was opened;
   * once false it stays false. It takes as long as the disk takes.
   *
   * @throws HoldfastError NATIVE_CALLS_UNAVAILABLE
   */
  allArrived(): Promise<boolean> {
    // The kernel tells a descriptor only once.
    this.#asked = this.#asked.then(async (before) => (await sync(this.#fd)) && before);
    return this.#asked;
  }

  /** A question that is under way keeps the descriptor until it is answered. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const close = (): void => closeSync(this.#fd);
    void this.#asked.then(close, close);
  }
}

function sync(fd: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    cLibrary().syncfs.async(fd, (error: unknown, answer: number) => {
      if (error) reject(error);
      else resolve(answer === 0);
    });
  });
}
