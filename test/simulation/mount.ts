/**
 * A journaled file system as one machine has it mounted: a file of records, of which a block each is
 * written. It can write only through the target, it keeps what was not written yet as dirty pages and
 * writes them back by itself whenever it likes, also when nobody wants it any more. That last is the
 * fear behind the rule that a node which holds a mount registers nothing.
 *
 * An error of the journal (a flush that failed, a disk that refuses us) makes it read-only. An error of
 * a data page does not: as on Linux, the page counts as clean from then on and stays readable, who has
 * the file open hears of it at his next fsync, and whoever opens it after that hears of nothing.
 */
import type { Status } from '../../src/fencing/devices/emulated/commands.ts';
import type { Epoch, Millis } from '../../src/lib/ids.ts';
import type { FreezableClock } from './freezable-clock.ts';
import { blockOf, type Lun, wordsOf } from './lun.ts';
import type { San } from './san.ts';

export type MountOptions = {
  readonly lun: Lun;
  readonly host: string;
  readonly kernel: FreezableClock;
  /** On the machine's clock; nothing happens while it stands still or when it has lost its power. */
  readonly later: (delayMs: Millis, action: () => void) => void;
  readonly san: San;
  readonly epoch: Epoch;
};

type Blocks = { readonly blocks: readonly string[] };
type Answer = Status | 'landed' | 'aborted' | 'path-lost' | 'timeout' | 'io-error';

const RETRY_MS: Millis = 1;
const RETRIES = 40;
const WRITEBACK_MS: Millis = 40;

/** A file that is open: errors up to here were told to it. */
export type OpenFile = { told: number };

export class Mount {
  readonly epoch: Epoch;
  readonly lun: Lun;
  readonly #options: MountOptions;
  readonly #dirty = new Map<number, string>();
  #records: string[] = [];
  #state: 'mounting' | 'live' | 'read-only' | 'gone' = 'mounting';
  #inFlight = 0;
  #syncing = false;
  #waiters: ((ok: boolean) => void)[] = [];
  /** Data pages that never reached the disk and count as clean (`errseq_t`), and how many were told. */
  #lost = 0;
  #toldLost = 0;
  #gone: (() => void)[] = [];
  #leaving = false;

  constructor(options: MountOptions) {
    this.#options = options;
    this.lun = options.lun;
    this.epoch = options.epoch;
  }

  get isWritable(): boolean {
    return this.#state === 'live';
  }

  get isInTree(): boolean {
    return !this.#leaving && !this.isGone;
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  get records(): readonly string[] {
    return this.#records;
  }

  /** What a file descriptor that was open since the mount would hear of `syncfs`. */
  get lostWrites(): number {
    return this.#lost;
  }

  /** An error that nobody was told of yet is told to whoever opens next. */
  openFile(): OpenFile {
    return { told: this.#toldLost };
  }

  /** Replays the journal; a mount writes its superblock, so a disk that refuses us is no mount. */
  open(done: (failed: string | null) => void): void {
    const { lun, later, epoch } = this.#options;
    const replay = (nexus: string, reply: (what: Blocks | Answer) => void): void => {
      const first = lun.isBusy ? 'busy' : lun.target.read(nexus, 0);
      if (typeof first === 'string' || 'check' in first) {
        reply(first);
        return;
      }
      const blocks = lun.blocks((block) => {
        const answer = lun.target.read(nexus, block);
        return typeof answer === 'object' && 'data' in answer ? answer.data : null;
      });
      reply({ blocks });
    };
    this.#command<Blocks>(replay, (found) => {
      if (typeof found === 'string' || 'check' in found) {
        done(`journal: ${text(found)}`);
        return;
      }
      this.#records = found.blocks.map(wordsOf);
      this.#write(0, blockOf(epoch, 'superblock'), (written) => {
        if (written !== 'landed') {
          done(`superblock: ${text(written)}`);
          return;
        }
        if (this.#state !== 'mounting') {
          done('taken off the tree meanwhile');
          return;
        }
        this.#state = 'live';
        later(WRITEBACK_MS, () => this.#writeBack());
        done(null);
      });
    });
  }

  /** In memory only, until `sync` has answered. */
  append(record: string): void {
    this.#records.push(record);
    this.#dirty.set(this.#records.length, blockOf(this.epoch, record));
  }

  /** fsync: true when all that was appended before is on the medium, as far as this file was told. */
  sync(file: OpenFile, done: (ok: boolean) => void): void {
    if (this.#state !== 'live') {
      done(false);
      return;
    }
    this.#waiters.push((ok) => {
      const isNews = this.#lost > file.told;
      file.told = this.#lost;
      this.#toldLost = this.#lost;
      done(ok && !isNews);
    });
    if (!this.#syncing) this.#flushNow();
  }

  /** Orderly: everything is written first, or given up where the disk refuses it. */
  unmount(done: () => void): void {
    this.#gone.push(done);
    this.#leaving = true;
    if (this.#state === 'live' && this.#dirty.size > 0)
      this.sync(this.openFile(), () => this.#leave());
    else this.#leave();
  }

  /**
   * Taken off the tree, at once. The kernel writes what is dirty all the same, and only then lets go of
   * the disk: until then `isGone` is false.
   */
  detach(done: () => void): void {
    this.#leaving = true;
    this.#leave();
    done();
  }

  #leave(): void {
    if (this.#state === 'gone') {
      this.#tellGone();
      return;
    }
    this.#state = 'read-only';
    if (this.#inFlight > 0 || this.#dirty.size > 0) return;
    this.#state = 'gone';
    this.#dirty.clear();
    this.#tellGone();
  }

  #tellGone(): void {
    for (const done of this.#gone.splice(0)) done();
  }

  #flushNow(): void {
    const { lun } = this.#options;
    const waiters = this.#waiters.splice(0);
    const pages = [...this.#dirty];
    const { powerLosses } = lun;
    this.#syncing = true;
    const end = (ok: boolean): void => {
      this.#syncing = false;
      if (!ok) this.#fail();
      for (const done of waiters) done(ok);
      if (this.#waiters.length > 0) this.#flushNow();
    };
    let left = pages.length;
    let refused = false;
    const flush = (): void => {
      if (refused) {
        end(false);
        return;
      }
      this.#command<Answer>(
        (nexus, reply) => reply(lun.isBusy ? 'busy' : lun.target.synchronizeCache(nexus)),
        (answer) => {
          // A target that lost its power in between has lost what it had cached.
          const ok = answer === 'good' && lun.powerLosses === powerLosses;
          if (ok) for (const [block, data] of pages) this.#clean(block, data);
          end(ok);
        },
      );
    };
    if (left === 0) flush();
    for (const [block, data] of pages) {
      this.#write(block, data, (answer) => {
        if (this.#isLost(answer)) this.#lose(block, data);
        else refused ||= answer !== 'landed';
        left -= 1;
        if (left === 0) flush();
      });
    }
  }

  /** The kernel's own: nobody asked for it, and nobody hears how it went. */
  #writeBack(): void {
    if (this.#state === 'gone') return;
    if (!this.#syncing) {
      for (const [block, data] of this.#dirty) {
        this.#write(block, data, (answer) => {
          if (this.#isLost(answer)) this.#lose(block, data);
          else if (this.#leaving) this.#settle(block, data, answer);
        });
      }
    }
    this.#options.later(WRITEBACK_MS, () => this.#writeBack());
  }

  /** The disk is ours and the page is not on it: it could not be written, and nobody keeps it. */
  #isLost(answer: Answer): boolean {
    if (answer === 'io-error') return true;
    return !this.lun.options.queues && (answer === 'path-lost' || answer === 'timeout');
  }

  /** A page of a mount that nobody sees any more: written, or refused; without a path it is kept. */
  #settle(block: number, data: string, answer: Answer): void {
    if (answer === 'path-lost' || answer === 'timeout') return;
    this.#clean(block, data);
    this.#leave();
  }

  #clean(block: number, data: string): void {
    if (this.#dirty.get(block) === data) this.#dirty.delete(block);
  }

  /** It was not written, will not be written any more, and can be read all the same. */
  #lose(block: number, data: string): void {
    if (this.#dirty.get(block) !== data) return;
    this.#dirty.delete(block);
    this.#lost += 1;
    if (this.#leaving) this.#leave();
  }

  #fail(): void {
    if (this.#state === 'live') this.#state = 'read-only';
    for (const done of this.#waiters.splice(0)) done(false);
  }

  #write(block: number, data: string, done: (answer: Answer) => void): void {
    const { lun, san, host, later } = this.#options;
    if (block > 0 && san.failsWrite(host, this.#path())) {
      later(RETRY_MS, () => done('io-error'));
      return;
    }
    this.#command<Answer>((nexus, reply) => {
      const status = lun.write(nexus, block, data, (landed) =>
        reply(landed ? 'landed' : 'aborted'),
      );
      if (status !== 'good') reply(status);
    }, done);
  }

  /** As the kernel does: busy and unit attentions are asked again, a bounded number of times. */
  #command<T>(
    arrive: (nexus: string, reply: (what: T | Answer) => void) => void,
    done: (answer: T | Answer) => void,
    attempt = 0,
  ): void {
    const { san, host, kernel, later } = this.#options;
    const path = this.#path();
    this.#inFlight += 1;
    san.send<T | Answer>({
      host,
      path,
      kernel,
      arrive: (reply) => arrive(`${host}:${path}`, reply),
      answer: (answer) => {
        this.#inFlight -= 1;
        if (this.#leaving && this.#inFlight === 0 && this.#state === 'read-only') {
          this.#leave();
        }
        if (isAgain(answer) && attempt < RETRIES && this.#state !== 'gone') {
          later(RETRY_MS * (1 + attempt), () => this.#command(arrive, done, attempt + 1));
        } else done(answer);
      },
    });
  }

  /** The multipath map: the first path that works. */
  #path(): string {
    const { lun, san, host } = this.#options;
    const { paths } = lun.options;
    return paths.find((path) => !san.path(host, path).cut) ?? paths[0] ?? 'a';
  }
}

function isAgain(answer: unknown): boolean {
  if (answer === 'busy') return true;
  const check = typeof answer === 'object' && answer !== null && 'check' in answer;
  return check && answer.check === 'unit-attention';
}

function text(answer: unknown): string {
  return typeof answer === 'string' ? answer : JSON.stringify(answer);
}
