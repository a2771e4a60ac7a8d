/**
 * A client of one group: sends a record to the group's address, waits for its acknowledgement, gives
 * up after a while and sends another one. It remembers what was acknowledged.
 */
import type { Millis } from '../../src/lib/ids.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Cluster } from './cluster.ts';

const TRAVEL_MS: Millis = 0.3;
const PATIENCE_MS: Millis = 250;

export class Client {
  readonly group: string;
  /** World time of the newest request that was acknowledged, when it was sent. */
  servedMs: Millis = -Infinity;
  readonly #cluster: Cluster;
  readonly #random: Random;
  #number = 0;
  #waitsFor: string | null = null;
  #stopped = false;

  constructor(cluster: Cluster, group: string, random: Random) {
    this.#cluster = cluster;
    this.group = group;
    this.#random = random;
  }

  start(): void {
    this.#ask();
  }

  stop(): void {
    this.#stopped = true;
  }

  #ask(): void {
    if (this.#stopped) return;
    const { clock } = this.#cluster;
    this.#number += 1;
    const record = `${this.group}#${this.#number}`;
    const sentMs = clock.now();
    this.#waitsFor = record;
    clock.schedule(TRAVEL_MS, () => this.#arrive(record, sentMs));
    clock.schedule(PATIENCE_MS, () => {
      if (this.#waitsFor === record) this.#ask();
    });
  }

  #arrive(record: string, sentMs: Millis): void {
    const answering = this.#cluster.answering(this.group);
    this.#cluster.checkers.visible.address(
      `${this.group}/ip`,
      answering.map(({ name, isUnaware }) => ({ host: name, isExcused: isUnaware })),
    );
    for (const machine of answering) {
      const { kernel } = machine;
      const epoch = kernel?.addresses.get(`${this.group}/ip`) ?? 0;
      this.#cluster.acted(machine, { what: 'answer', group: this.group, epoch });
      const ledger = kernel?.applications.get(`${this.group}/app`);
      ledger?.handle(record, () => {
        // The answer leaves through the same filter.
        if (machine.kernel !== kernel || kernel?.answers(`${this.group}/ip`) !== true) return;
        this.#cluster.checkers.records.acknowledged(this.group, record);
        this.#cluster.served(this.group, ledger.mount.epoch, machine.name);
        this.#cluster.clock.schedule(TRAVEL_MS, () => this.#acknowledged(record, sentMs));
      });
    }
  }

  #acknowledged(record: string, sentMs: Millis): void {
    this.servedMs = sentMs;
    if (this.#waitsFor !== record) return;
    this.#waitsFor = null;
    const { clock, options } = this.#cluster;
    const thinkMs = options.thinkMs ?? 15;
    clock.schedule(thinkMs + this.#random.below(2 * thinkMs), () => this.#ask());
  }
}
