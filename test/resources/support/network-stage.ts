/**
 * Two machines on a wire: this process's network namespace with the device `public0`, and a neighbour's
 * with the device `wire0` and the addresses 192.0.2.1 and 2001:db8::1. To be used inside a network
 * namespace that was made for it.
 */
import { readlinkSync } from 'node:fs';
import { type LongLived, startLongLived } from '../../../src/system/long-lived.ts';
import { destroy } from '../../guardian/support/guardian-process.ts';
import { until } from '../../system/support/until.ts';
import { must, works } from './shell.ts';

export const PUBLIC = 'public0';

/** Port 9 is closed: a refusal within a second is an answer of the machine. */
export const KNOCK = `
  const socket = require('net').connect({ host: process.argv[1], port: 9 });
  socket.on('error', (error) => process.exit(error.code === 'ECONNREFUSED' ? 0 : 1));
  setTimeout(() => process.exit(2), 1_000);
`;

/** A kernel that filters frames only where they cross a bridge gets one. */
function needsBridge(): boolean {
  return !works('nft', 'add table inet probe; delete table inet probe');
}

export class NetworkStage {
  readonly #neighbour: LongLived;

  constructor(neighbour: LongLived) {
    this.#neighbour = neighbour;
  }

  static async build(): Promise<NetworkStage> {
    const neighbour = await startLongLived({
      argv: ['unshare', '-n', 'sleep', '3600'],
      output: { kind: 'file', path: '/dev/null' },
    });
    const { pid } = neighbour.mark;
    const namespace = (of: string) => readlinkSync(`/proc/${of}/ns/net`);
    await until('the neighbour has a network', () => namespace(`${pid}`) !== namespace('self'));
    const stage = new NetworkStage(neighbour);
    const end = needsBridge() ? 'port0' : PUBLIC;
    must('ip', 'link', 'add', end, 'type', 'veth', 'peer', 'name', 'wire0', 'netns', `${pid}`);
    must('ip', 'link', 'set', 'lo', 'up');
    must('ip', 'link', 'set', end, 'up');
    if (end !== PUBLIC) {
      must('ip', 'link', 'add', PUBLIC, 'type', 'bridge', 'forward_delay', '0');
      must('ip', 'link', 'set', end, 'master', PUBLIC);
      must('ip', 'link', 'set', PUBLIC, 'up');
    }
    must('ip', 'addr', 'add', '192.0.2.2/24', 'dev', PUBLIC);
    must('ip', '-6', 'addr', 'add', '2001:db8::2/64', 'dev', PUBLIC, 'nodad');
    stage.outside('ip', 'link', 'set', 'wire0', 'up');
    stage.outside('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'wire0');
    stage.outside('ip', '-6', 'addr', 'add', '2001:db8::1/64', 'dev', 'wire0', 'nodad');
    return stage;
  }

  /** On the neighbour. */
  outside(...argv: readonly string[]): string {
    return must('nsenter', '-t', String(this.#neighbour.mark.pid), '--net', ...argv);
  }

  /** Whether the address answers the neighbour, from the question for its MAC up to TCP. */
  answers(address: string): boolean {
    const enter = ['nsenter', '-t', String(this.#neighbour.mark.pid), '--net'];
    works(...enter, 'ip', 'neigh', 'flush', 'dev', 'wire0');
    return works(...enter, process.execPath, '-e', KNOCK, address);
  }

  /** The MAC address that the neighbour's cache holds for the address; empty for none. */
  macOf(address: string): string {
    const entry = this.outside('ip', 'neigh', 'show', address, 'dev', 'wire0');
    return /lladdr (\S+)/.exec(entry)?.[1] ?? '';
  }

  /** An entry that is wrong, as an old owner leaves it. */
  mislead(address: string): void {
    const wrong = ['lladdr', '02:00:00:00:ff:ff', 'dev', 'wire0', 'nud', 'stale'];
    this.outside('ip', 'neigh', 'replace', address, ...wrong);
  }

  /** Pulls the neighbour's cable, or plugs it in with an entry in the cache that is wrong. */
  unplug(): void {
    this.outside('ip', 'link', 'set', 'wire0', 'down');
  }

  plug(address: string): void {
    this.outside('ip', 'link', 'set', 'wire0', 'up');
    // The kernel takes addresses of IPv6 from a device that goes down.
    this.outside('ip', '-6', 'addr', 'replace', '2001:db8::1/64', 'dev', 'wire0', 'nodad');
    this.mislead(address);
  }

  async destroy(): Promise<void> {
    works('ip', 'link', 'del', PUBLIC);
    await destroy(this.#neighbour);
  }
}
