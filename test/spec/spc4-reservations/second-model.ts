/**
 * SPC-4 §5.13 once more, written from the tables and with nothing of the target in it: a list of
 * records, and the rules in the order of the clauses. Slow and short, to be compared with.
 */
import type { ReserveOut } from '../../../src/fencing/devices/emulated/commands.ts';

export type Record = { nexus: string; key: bigint; holds: boolean };

export class SecondModel {
  records: Record[] = [];
  /** 0: nothing is reserved. */
  type = 0;
  generation = 0;
  aptpl = false;
  /** Codes that wait for each nexus, in order, each once. */
  readonly attentions = new Map<string, string[]>();

  /** GOOD, CONFLICT or the code of an ILLEGAL REQUEST. */
  out(nexus: string, command: ReserveOut): string {
    const own = this.records.find((record) => record.nexus === nexus);
    if ('aptpl' in command) {
      return this.#register(nexus, own, command);
    }
    if (own === undefined || own.key !== command.key) return 'conflict';
    switch (command.action) {
      case 'reserve':
        if (this.type === 0) {
          this.#reserve(own, command.type);
          return 'good';
        }
        return this.#isHolder(own) && this.type === command.type ? 'good' : 'conflict';
      case 'release':
        if (this.type === 0 || !this.#isHolder(own)) return 'good';
        if (this.type !== command.type) return '26/04';
        this.#released(nexus, this.type > 4);
        return 'good';
      case 'clear':
        for (const other of this.records) if (other !== own) this.#tell(other.nexus, '2a/03');
        this.records = [];
        this.type = 0;
        this.generation += 1;
        return 'good';
      default:
        return this.#preempt(own, command.serviceKey, command.type);
    }
  }

  may(nexus: string, writes: boolean): boolean {
    if (this.type === 0) return true;
    const own = this.records.find((record) => record.nexus === nexus);
    if (own !== undefined && (this.#isHolder(own) || this.type > 4)) return true;
    return !writes && [1, 5, 7].includes(this.type);
  }

  #register(
    nexus: string,
    own: Record | undefined,
    command: Extract<ReserveOut, { aptpl: boolean }>,
  ): string {
    if (command.action === 'register' && command.key !== (own?.key ?? 0n)) return 'conflict';
    if (own === undefined && command.serviceKey === 0n) return 'good';
    this.generation += 1;
    this.aptpl = command.aptpl;
    if (own === undefined) this.records.push({ nexus, key: command.serviceKey, holds: false });
    else if (command.serviceKey !== 0n) own.key = command.serviceKey;
    else this.#unregister(own);
    return 'good';
  }

  #unregister(own: Record): void {
    this.records = this.records.filter((record) => record !== own);
    if (this.type > 6 && this.records.length === 0) this.type = 0;
    if (own.holds) this.#released(own.nexus, this.type === 5 || this.type === 6);
  }

  #preempt(own: Record, victim: bigint, type: number): string {
    const all = this.type > 6;
    if (victim === 0n && !all) return '26/00';
    const named = this.records.filter((record) => victim === 0n || record.key === victim);
    if (named.length === 0) return 'conflict';
    this.generation += 1;
    const takes = (all && victim === 0n) || named.some((record) => record.holds);
    const gone = named.filter((record) => !takes || record !== own);
    this.records = this.records.filter((record) => !gone.includes(record));
    for (const record of gone) if (record !== own) this.#tell(record.nexus, '2a/05');
    if (takes) {
      const changed = this.type !== type;
      for (const record of this.records) record.holds = false;
      this.#reserve(own, type);
      if (changed)
        for (const other of this.records) if (other !== own) this.#tell(other.nexus, '2a/04');
    }
    if (this.records.length === 0) this.type = 0;
    return 'good';
  }

  #reserve(own: Record, type: number): void {
    this.type = type;
    own.holds = type < 7;
  }

  #released(by: string, tells: boolean): void {
    this.type = 0;
    for (const record of this.records) {
      record.holds = false;
      if (tells && record.nexus !== by) this.#tell(record.nexus, '2a/04');
    }
  }

  #isHolder(record: Record): boolean {
    return this.type > 6 || record.holds;
  }

  #tell(nexus: string, code: string): void {
    const codes = this.attentions.get(nexus) ?? [];
    if (!codes.includes(code)) codes.push(code);
    this.attentions.set(nexus, codes);
  }
}
