/**
 * Two nodes and a client on a switch, each a network namespace of its own; the switch is a bridge in this
 * process's namespace. To be used inside a network namespace that was made for it.
 */
import { readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lines } from '../../../src/system/lines.ts';
import { type LongLived, startLongLived } from '../../../src/system/long-lived.ts';
import { destroy } from '../../guardian/support/guardian-process.ts';
import { until } from '../../system/support/until.ts';
import { KNOCK } from './network-stage.ts';
import { must, works } from './shell.ts';

const SERVE = fileURLToPath(new URL('../../contract/serve-mac.ts', import.meta.url));
const ASK = fileURLToPath(new URL('ask-frame.ts', import.meta.url));
const SWITCH = 'switch0';

type Name = 'one' | 'two' | 'client';
const NUMBERS: Readonly<Record<Name, number>> = { one: 11, two: 12, client: 13 };

export class SwitchStage {
  readonly #machines = new Map<Name, LongLived>();
  readonly #serving: LongLived[] = [];

  static async build(): Promise<SwitchStage> {
    const stage = new SwitchStage();
    must('ip', 'link', 'add', SWITCH, 'type', 'bridge', 'forward_delay', '0');
    must('ip', 'link', 'set', SWITCH, 'up');
    for (const name of ['one', 'two', 'client'] as const) await stage.#add(name);
    return stage;
  }

  async #add(name: Name): Promise<void> {
    const machine = await startLongLived({
      argv: ['unshare', '-n', 'sleep', '3600'],
      output: { kind: 'file', path: '/dev/null' },
    });
    this.#machines.set(name, machine);
    const { pid } = machine.mark;
    const namespace = (of: string) => readlinkSync(`/proc/${of}/ns/net`);
    await until('it has a network', () => namespace(`${pid}`) !== namespace('self'));
    must(
      'ip',
      'link',
      'add',
      `to-${name}`,
      'type',
      'veth',
      'peer',
      'name',
      'wire',
      'netns',
      `${pid}`,
    );
    must('ip', 'link', 'set', `to-${name}`, 'master', SWITCH, 'up');
    const number = NUMBERS[name];
    this.on(name, 'ip', 'link', 'set', 'lo', 'up');
    this.on(name, 'ip', 'link', 'set', 'wire', 'up');
    this.on(name, 'ip', 'addr', 'add', `192.0.2.${number}/24`, 'dev', 'wire');
    this.on(name, 'ip', '-6', 'addr', 'add', `2001:db8::${number}/64`, 'dev', 'wire', 'nodad');
  }

  on(name: Name, ...argv: readonly string[]): string {
    return must(...this.#enter(name), ...argv);
  }

  /** The node takes the address; answers with the MAC address under which it is served. */
  async serve(name: Name, how: 'mac' | 'plain', address: string): Promise<string> {
    const serving = await startLongLived({
      argv: [...this.#enter(name), process.execPath, SERVE, how, 'wire', address],
      output: { kind: 'pipes' },
    });
    this.#serving.push(serving);
    let errors = '';
    serving.pipes?.errors.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    if (serving.pipes === null) throw new Error('no pipes');
    for await (const line of lines(serving.pipes.output, 10_000)) {
      const outcome = JSON.parse(line) as { status: number; detail: string; mac: string };
      if (outcome.status !== 0) throw new Error(outcome.detail);
      return outcome.mac;
    }
    throw new Error(errors);
  }

  /** Its power is gone: nobody tells anybody anything. */
  powerOff(name: Name): void {
    must('ip', 'link', 'set', `to-${name}`, 'down');
  }

  /** A client that has learned the entry and will never learn another. */
  isDeaf(address: string, mac: string): void {
    const entry = [address, 'lladdr', mac, 'dev', 'wire', 'nud', 'permanent'];
    this.on('client', 'ip', 'neigh', 'replace', ...entry);
  }

  answersClient(address: string): boolean {
    return works(...this.#enter('client'), process.execPath, '-e', KNOCK, address);
  }

  answersFrames(mac: string): boolean {
    return works(...this.#enter('client'), process.execPath, ASK, 'wire', mac);
  }

  neighbour(address: string): string {
    const entry = this.on('client', 'ip', 'neigh', 'show', address, 'dev', 'wire');
    return /lladdr (\S+)/.exec(entry)?.[1] ?? '';
  }

  async destroy(): Promise<void> {
    for (const serving of this.#serving) await destroy(serving);
    for (const machine of this.#machines.values()) await destroy(machine);
    works('ip', 'link', 'del', SWITCH);
  }

  #enter(name: Name): readonly string[] {
    return ['nsenter', '-t', String(this.#machines.get(name)?.mark.pid), '--net'];
  }
}
