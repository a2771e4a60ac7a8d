/**
 * The disk of one node's log. It keeps over a power loss what was synced, and of what was not a part:
 * some writes whole, then perhaps one that is torn (a log with checksums drops it, so it is as good
 * as absent). A sync may be slow or never come back; a write may fail, and then everything after it
 * fails until the log is opened anew, as in production; the disk may be full.
 *
 * It stands for `storage/`; whether that keeps this contract is tested there, on real files.
 */
import type { Clock } from '../../src/lib/clock.ts';
import type { Millis } from '../../src/lib/ids.ts';
import type { LogStore } from '../../src/raft/log-store.ts';
import type { Restored } from '../../src/raft/types.ts';
import { appended, compacted } from '../../src/storage/memory-log-store.ts';
import type { Effects } from './effects.ts';

/** What the daemon says of an error that the disk gave it, and a bug would not. */
export const DISK_ERROR = 'the simulated log disk';

const SYNC_MS: Millis = 1;
const NOTHING: Restored = {
  hardState: { term: 0, votedFor: null, commitIndex: 0 },
  entries: [],
  snapshot: null,
};

type Write = { readonly change: (content: Restored) => Restored };

export class LogDisk {
  syncMs: Millis = SYNC_MS;
  /** The next write fails, and half of the time it has reached the disk all the same. */
  nextFails: 'no' | 'lost' | 'written' = 'no';
  full = false;
  #content = NOTHING;
  #underWay: Write[] = [];
  /** Control: what was synced is forgotten all the same. */
  forgets = false;
  #before = NOTHING;
  readonly #effects: Effects;

  constructor(effects: Effects) {
    this.#effects = effects;
  }

  restored(): Restored {
    return this.#content;
  }

  get underWay(): number {
    return this.#underWay.length;
  }

  /** The end of a life: so many of the writes under way have reached the disk, in order. */
  end(kept: number): void {
    this.#effects.count('log-write-lost', Math.max(0, this.#underWay.length - kept));
    for (const write of this.#underWay.slice(0, kept)) this.#write(write);
    this.#underWay = [];
    if (this.forgets) this.#content = this.#before;
  }

  /** The log as one life of a daemon sees it. */
  open(clock: Clock): LogStore {
    let failed = false;
    const put = async (change: Write['change']): Promise<void> => {
      if (failed || this.full) {
        failed = true;
        throw new Error(`${DISK_ERROR} is ${this.full ? 'full' : 'broken'}`);
      }
      const fails = this.nextFails;
      this.nextFails = 'no';
      const write = { change };
      if (fails !== 'no') this.#effects.count('log-write-lost');
      this.#underWay.push(write);
      await clock.after(this.syncMs, NEVER);
      const at = this.#underWay.indexOf(write);
      if (failed) throw new Error(`${DISK_ERROR} is broken`);
      if (at < 0) return await new Promise<never>(() => undefined); // its life is over
      if (fails === 'no') {
        for (const done of this.#underWay.splice(0, at + 1)) this.#write(done);
        return;
      }
      failed = true;
      for (const before of this.#underWay.splice(0, at)) this.#write(before);
      this.#underWay = []; // those behind it fail with it: nothing may leave a hole
      if (fails === 'written') this.#write(write);
      throw new Error(`${DISK_ERROR} gave EIO`);
    };
    return {
      load: () => Promise.resolve(this.#content),
      append: (batch) => put((content) => appended(content, batch)),
      compact: (meta, state) => put((content) => compacted(content, meta, state)),
      close: () => Promise.resolve(),
    };
  }

  #write({ change }: Write): void {
    this.#before = this.#content;
    this.#content = change(this.#content);
  }
}

const NEVER = new AbortController().signal;
