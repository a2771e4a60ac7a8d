/**
 * Two ways to one disk: over the SAN, and over the first interconnect to a second portal of the same
 * target; and a dm-multipath map above them, made by hand. What multipathd does elsewhere (a path that
 * answers again is used again) is done here when it is told.
 */
import { extraSession } from './extra-session.ts';
import { until } from './kernel/index.ts';
import type { Lab, Machine } from './lab.ts';

const SECOND_PORTAL = '10.99.1.10:3260';
const TARGET = '/sys/kernel/config/target/iscsi/iqn.2026-01.lab:san/tpgt_1';
const MAP = 'shared';
const LINK = '/dev/lab/lun0';
const LIMIT_MS = 60_000;

export class TwoPaths {
  readonly guest: Machine;
  /** `/dev/sda`, over network 0. */
  readonly first: string;
  /** Over network 1. Another device after each login. */
  second: string;

  private constructor(guest: Machine, first: string, second: string) {
    this.guest = guest;
    this.first = first;
    this.second = second;
  }

  /** `/dev/lab/lun0` leads to the map from here on. */
  static async of(guest: Machine): Promise<TwoPaths> {
    const first = (await guest.ok(`readlink -f ${LINK}`)).trim();
    const paths = new TwoPaths(guest, first, await secondLogin(guest));
    await guest.ok('modprobe dm-multipath; modprobe dm-round-robin');
    await guest.ok(
      `dmsetup create ${MAP} -u mpath-${MAP} --table "${await paths.#table(paths.second)}"
       dmsetup mknodes && ln -sfn /dev/dm-0 ${LINK}`,
    );
    await paths.#hurry();
    return paths;
  }

  /** How many paths the map has, used or not. */
  async inMap(): Promise<number> {
    return (await this.guest.ok(`dmsetup table ${MAP}`)).match(/ \d+:\d+/g)?.length ?? 0;
  }

  /** A path that failed is used again once it answers, as multipathd sees to it. */
  async reinstate(path: string): Promise<void> {
    await until(
      async () => {
        const read = `dd if=${path} of=/dev/null bs=4096 count=1 iflag=direct 2>&1`;
        return (await this.guest.exec(read, LIMIT_MS)).status === 0;
      },
      { what: `${this.guest.name}: ${path} answers again`, limitMs: LIMIT_MS },
    );
    const number = await this.#number(path);
    await this.guest.ok(`dmsetup message ${MAP} 0 "reinstate_path ${number}"`);
  }

  /** Out of the map, and its session ends. */
  async takeOutSecond(): Promise<void> {
    await this.guest.ok(
      `dmsetup load ${MAP} --table "${await this.#table()}" && dmsetup suspend --noflush ${MAP}
       dmsetup resume ${MAP} && iscsiadm -m node -p ${SECOND_PORTAL} -u >/dev/null`,
    );
  }

  /** Another session, and so another nexus, outside the map. */
  async logInSecond(): Promise<void> {
    this.second = await secondLogin(this.guest);
    await this.#hurry();
  }

  async #table(...more: readonly string[]): Promise<string> {
    const size = (await this.guest.ok(`blockdev --getsz ${this.first}`)).trim();
    const numbers = await Promise.all([this.first, ...more].map((path) => this.#number(path)));
    const paths = numbers.map((number) => `${number} 1`).join(' ');
    return `0 ${size} multipath 0 0 1 1 round-robin 0 ${numbers.length} 1 ${paths}`;
  }

  async #number(path: string): Promise<string> {
    return (await this.guest.ok(`cat /sys/block/${path.replace('/dev/', '')}/dev`)).trim();
  }

  /** With several paths one does not wait long for a single one: as multipath.conf(5) advises. */
  async #hurry(): Promise<void> {
    await this.guest.ok(
      'for s in /sys/class/iscsi_session/session*/recovery_tmo; do echo 1 > $s; done',
    );
  }
}

export async function secondPortal(lab: Lab): Promise<void> {
  await lab.storage.ok(`mkdir -p ${TARGET}/np/${SECOND_PORTAL}`);
}

function secondLogin(guest: Machine): Promise<string> {
  const initiator = `iqn.2026-01.lab:${guest.name}`;
  return extraSession(guest, { initiator, portal: SECOND_PORTAL, lun: 0 });
}
