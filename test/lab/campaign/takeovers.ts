/**
 * Takeover after takeover on one cluster: a fault hits an owner that writes to two disks, another
 * takes over, the machine comes back, and the judges are asked. One laboratory for all of them.
 */
import { FAILOVER_LIMIT_MS, type FailoverLab, type Owner } from '../failover-lab.ts';
import { until } from '../kernel/index.ts';
import { GROUP } from '../lab-config.ts';
import { type Observation, observe, violations } from '../observer.ts';
import type { Report } from '../scenario.ts';
import type { Fault, Inflicted } from './faults.ts';
import type { Landings } from './landings.ts';
import { hostTime, type Landing, lateWrites, type Return } from './late-writes.ts';
import { splitOwnership } from './split-ownership.ts';

export const LUNS = 2;

export type Tally = {
  runs: number;
  readonly faults: Record<string, number>;
  lateWrites: number;
  doubleMounts: number;
  splitOwnership: number;
  /** Epochs that nobody asked for: a machine that was starved for longer than the detection time. */
  unasked: number;
  /** From the fault until the next owner serves, as an operator sees it. */
  readonly servedMs: number[];
  readonly roundMs: number[];
};

export class Takeovers {
  readonly tally: Tally = {
    runs: 0,
    faults: {},
    lateWrites: 0,
    doubleMounts: 0,
    splitOwnership: 0,
    unasked: 0,
    servedMs: [],
    roundMs: [],
  };
  readonly #all: FailoverLab;
  readonly #landings: Landings;
  readonly #report: Report;
  /** Of this round and the last: a write can be late by a whole round. */
  #seen: readonly Landing[] = [];
  #returns: readonly Return[] = [];

  constructor(all: FailoverLab, landings: Landings, report: Report) {
    this.#all = all;
    this.#landings = landings;
    this.#report = report;
  }

  get hasBlamed(): boolean {
    const { lateWrites, doubleMounts, splitOwnership } = this.tally;
    return lateWrites + doubleMounts + splitOwnership > 0;
  }

  async round(name: string, fault: Fault): Promise<void> {
    const began = performance.now();
    const owner = await this.#ready();
    this.#report.say(`${this.tally.runs + 1}: ${name} of ${owner.node}, epoch ${owner.epoch}`);
    const blow = performance.now();
    const inflicted = await fault(this.#all, owner);
    const next = await this.#all.served({ after: inflicted.after, asking: this.#asked(inflicted) });
    const servedMs = performance.now() - blow;
    await this.#judgeOwnership(next, inflicted);
    await this.#settle(next, inflicted);
    await this.#judgeWrites(next);
    this.tally.unasked += next.epoch - inflicted.after - 1;
    this.tally.runs += 1;
    this.tally.faults[name] = (this.tally.faults[name] ?? 0) + 1;
    this.tally.servedMs.push(servedMs);
    this.tally.roundMs.push(performance.now() - began);
    this.#report.say(
      `   ${next.node}, epoch ${next.epoch}, served after ${(servedMs / 1000).toFixed(1)} s, ` +
        `whole after ${((performance.now() - blow) / 1000).toFixed(1)} s`,
    );
  }

  /** Somebody serves and writes, and everybody else could take over. */
  async #ready(): Promise<Owner> {
    const { lab } = this.#all;
    await this.#all.whole();
    await this.#waitFor('every node is fit', async () => {
      const statuses = await Promise.all(lab.nodes.map(({ id }) => this.#all.group(id)));
      return statuses.every((group) => group?.fitness.every(({ fit }) => fit)) || null;
    });
    return await this.#waitFor('an owner that writes', async () => {
      const owner = await this.#all.served();
      return this.#landings.hasWritten(owner.epoch) ? owner : null;
    });
  }

  /** What the target says while the former owner is still as the fault left it. */
  async #judgeOwnership(next: Owner, inflicted: Inflicted): Promise<void> {
    const seen = await observe(this.#all.lab, LUNS, inflicted.silent);
    const split = splitOwnership(seen.reservations, next);
    // Meanwhile there may be a newer owner: then it is that one's disks that were looked at.
    const again = { after: next.epoch - 1, asking: this.#asked(inflicted) };
    const now = split.length === 0 ? next : await this.#all.served(again);
    if (now.epoch === next.epoch) this.#blame('splitOwnership', split);
    this.#judgeMounts(seen);
  }

  #asked({ silent }: Inflicted): readonly number[] {
    return this.#all.lab.nodes.map(({ id }) => id).filter((id) => !silent.includes(id));
  }

  #judgeMounts(seen: Observation): void {
    this.#blame(
      'doubleMounts',
      violations(seen).filter((one) => one.startsWith('lun')),
    );
  }

  /** The machine comes back; it is looked at from the first moment until it holds nothing any more. */
  async #settle(next: Owner, inflicted: Inflicted): Promise<void> {
    await inflicted.restore();
    await this.#waitFor('one machine holds what belongs to the group', async () => {
      const seen = await observe(this.#all.lab, LUNS);
      this.#judgeMounts(seen);
      const holders = seen.guests.filter(
        ({ mounts, floating }) => mounts.length > 0 || floating.length > 0,
      );
      return seen.guests.every(({ state }) => state === 'answers') && holders.length <= 1;
    });
    await this.#all.whole();
    await this.#waitFor('the next owner has written', () => this.#landings.hasWritten(next.epoch));
  }

  async #judgeWrites(next: Owner): Promise<void> {
    const fresh = this.#landings.take();
    const all = [...this.#seen, ...fresh];
    const at = await this.#returned(next, all);
    if (at === null) this.#report.say(`   epoch ${next.epoch} is over already: not judged by it`);
    else this.#returns = [...this.#returns, { epoch: next.epoch, at }];
    const late = lateWrites(fresh, this.#returns);
    this.#blame(
      'lateWrites',
      late.map(
        ({ stamp, newer, lateMs }) =>
          `lun${stamp.lun}: write ${stamp.sequence} of node${stamp.node}, epoch ${stamp.epoch}, ` +
          `${Math.round(lateMs)} ms after the takeover of epoch ${newer}`,
      ),
    );
    this.#seen = fresh;
  }

  /** When the takeover of every disk had returned, on the host's clock. */
  async #returned(owner: Owner, landings: readonly Landing[]): Promise<number | null> {
    const told = await this.#all.timelines(owner.id);
    const line = told.find(({ group, epoch }) => group === GROUP && epoch === owner.epoch);
    const ends = (line?.stamps ?? [])
      .filter(({ phase }) => phase === 'fence')
      .map(({ startedMs, durationMs }) => startedMs + durationMs);
    return ends.length === 0 ? null : hostTime(landings, owner.epoch, Math.max(...ends));
  }

  #blame(counter: 'lateWrites' | 'doubleMounts' | 'splitOwnership', found: readonly string[]) {
    this.tally[counter] += found.length;
    for (const one of found.slice(0, 3)) this.#report.say(`   FAIL  ${counter}: ${one}`);
  }

  #waitFor<T>(what: string, look: () => Promise<T | null | false> | T | null | false): Promise<T> {
    return until(
      look,
      { what, limitMs: FAILOVER_LIMIT_MS, intervalMs: 50 },
      () => this.#all.cluster.logTails,
    );
  }
}
