/** Each check once on what is sound, and once for each thing that it must find. */
import { describe, expect, it } from 'vitest';
import { checkAddresses } from '../../../src/cli/doctor/check-addresses.ts';
import { type ClockFacts, checkClocks } from '../../../src/cli/doctor/check-clocks.ts';
import { checkData, type DataFacts } from '../../../src/cli/doctor/check-data.ts';
import {
  checkInterconnects,
  type InterconnectFacts,
} from '../../../src/cli/doctor/check-interconnects.ts';
import { checkJournals } from '../../../src/cli/doctor/check-journals.ts';
import { checkPorts } from '../../../src/cli/doctor/check-ports.ts';
import { checkQuorum } from '../../../src/cli/doctor/check-quorum.ts';
import { checkReservations, type DiskFacts } from '../../../src/cli/doctor/check-reservations.ts';
import { checkScheduling } from '../../../src/cli/doctor/check-scheduling.ts';
import { checkVersions, type VersionFacts } from '../../../src/cli/doctor/check-versions.ts';
import { checkWatchdog } from '../../../src/cli/doctor/check-watchdog.ts';
import type { Findings } from '../../../src/cli/doctor/finding.ts';
import { clusterTag, packKey } from '../../../src/fencing/protocol/key.ts';

/** `level: words` of what is not good. */
const troubles = (findings: Findings): readonly string[] =>
  findings.filter(({ level }) => level !== 'good').map(({ level, text }) => `${level}: ${text}`);

/** Whoever complains says what to do. */
const found = (findings: Findings, expected: RegExp): void => {
  expect(troubles(findings).join('\n')).toMatch(expected);
  for (const { level, advice } of findings) if (level !== 'good') expect(advice).not.toBe('');
};

describe('clocks', () => {
  const sound: ClockFacts = { source: 'tsc', synchronized: true, maxErrorMs: 12 };

  it('control: of a machine with TSC and NTP are good', () => {
    expect(troubles(checkClocks(sound))).toEqual([]);
  });

  it.each([
    [{ source: 'hpet' }, /^warning: the monotonic clock comes from hpet/],
    [{ source: null }, /^unknown: the source/],
    [{ synchronized: false }, /^warning: the wall clock is not synchronized/],
    [{ maxErrorMs: 16_000 }, /^warning: the wall clock is not synchronized/],
    [{ synchronized: null }, /^unknown: whether the wall clock/],
  ])('%j', (change, expected) => found(checkClocks({ ...sound, ...change }), expected));
});

describe('interconnects', () => {
  const link = (change: Partial<InterconnectFacts>): InterconnectFacts => ({
    interconnect: 'lan-a',
    address: '10.1.0.1',
    device: 'eth0',
    subnet: '10.1.0.0/24',
    loopback: false,
    carrier: true,
    cards: ['eth0'],
    slots: ['0000:03:00'],
    switches: ['sw1'],
    ...change,
  });
  const a = link({});
  const b = link({
    interconnect: 'lan-b',
    device: 'eth1',
    subnet: '10.2.0.0/24',
    cards: ['eth1'],
    slots: ['0000:04:00'],
    switches: ['sw2'],
  });

  it('control: with separate cards, subnets and switches are good', () => {
    expect(troubles(checkInterconnects([a, b]))).toEqual([]);
  });

  it.each<readonly [string, readonly InterconnectFacts[], RegExp]>([
    ['only one', [a], /^failure: there is one interconnect only/],
    [
      'one device',
      [a, { ...b, device: 'eth0' }],
      /^failure: lan-a and lan-b share the device eth0/,
    ],
    ['two VLANs of one port', [a, { ...b, cards: ['eth0'] }], /^failure: .* share the port eth0/],
    ['one subnet', [a, { ...b, subnet: a.subnet }], /^failure: .* in one subnet, 10.1.0.0\/24/],
    ['one card', [a, { ...b, slots: a.slots }], /^warning: .* two ports of one card/],
    ['one switch', [a, { ...b, switches: ['sw1'] }], /^failure: .* end at one switch/],
    ['no LLDP', [a, { ...b, switches: [] }], /^unknown: .* whether they use separate switches/],
    ['no carrier', [a, { ...b, carrier: false }], /^failure: lan-b: eth1 has no carrier/],
    ['no device', [a, { ...b, device: null }], /^failure: lan-b: no network device/],
    ['loopback', [a, { ...b, loopback: true }], /^warning: lan-b runs over loopback/],
  ])('%s', (_name, all, expected) => found(checkInterconnects(all), expected));
});

describe('scheduling', () => {
  const sound = {
    daemon: { policy: 2, priority: 1 },
    runtimeUs: 950_000,
    profile: 'fast',
  } as const;

  it('control: SCHED_RR is good', () => {
    expect(troubles(checkScheduling(sound))).toEqual([]);
  });

  it.each([
    [{ daemon: { policy: 0, priority: 0 } }, /^failure: the daemon does not run in SCHED_RR/],
    [{ daemon: { policy: 0, priority: 0 }, profile: 'safe' as const }, /^warning: the daemon/],
    [{ daemon: { policy: 1, priority: 9 } }, /^failure: the daemon runs in SCHED_FIFO/],
    [{ daemon: null }, /^unknown: no daemon/],
    [{ runtimeUs: 0 }, /^failure: the kernel gives real-time processes no time/],
  ])('%j', (change, expected) => found(checkScheduling({ ...sound, ...change }), expected));
});

describe('the watchdog', () => {
  const sound = { devices: ['iTCO_wdt'], serviceMs: 2_000, unguarded: [] };

  it('control: of the board, under systemd, is good', () => {
    expect(troubles(checkWatchdog(sound))).toEqual([]);
  });

  it.each([
    [{ devices: [] }, /^warning: the machine has no watchdog/],
    [{ devices: ['Software Watchdog'] }, /^warning: the only watchdog is in the kernel/],
    [{ devices: [], unguarded: ['web'] }, /^failure: .* web has no disk/],
    [{ serviceMs: null }, /^warning: nothing starts a daemon that hangs/],
  ])('%j', (change, expected) => found(checkWatchdog({ ...sound, ...change }), expected));
});

describe('reservations', () => {
  const key = (node: number, epoch: number, cluster = 'lab'): bigint =>
    packKey({ tag: clusterTag(cluster), node, epoch });
  const path = { path: '/dev/sda', error: null, keys: [key(2, 6)], holder: key(2, 6), type: 5 };
  const sound: DiskFacts = {
    group: 'ledger',
    disk: 'data',
    error: null,
    paths: [path, { ...path, path: '/dev/sdb' }],
    persistent: true,
    accepted: { volatile: false },
    owner: { number: 2, epoch: 6 },
  };
  const check = (change: Partial<DiskFacts>): Findings =>
    checkReservations('lab', [{ ...sound, ...change }]);
  const held = (holder: bigint | null, keys = [key(2, 6)]): Partial<DiskFacts> => ({
    paths: sound.paths.map((one) => ({ ...one, holder, keys })),
  });

  it('control: of the owner, in its epoch, on every path are good', () => {
    expect(troubles(check({}))).toEqual([]);
    expect(troubles(check({ owner: null }))).toEqual([]);
    expect(troubles(check({ persistent: false, accepted: { volatile: true } }))).toEqual([]);
  });

  it.each<readonly [string, Partial<DiskFacts>, RegExp]>([
    ['unreachable', { error: 'DISK_NOT_FOUND' }, /^failure: ledger\/data is not reached/],
    ['nobody, owned', held(null), /^failure: .* reserved by nobody, though it is owned/],
    ['nobody, unowned', { ...held(null), owner: null }, /^warning: .* reserved by nobody: any/],
    ['a stranger', held(0xa1n), /^failure: .* reserved by a stranger, 0x00000000000000a1/],
    ['another cluster', held(key(2, 6, 'other')), /^failure: .* reserved by a stranger/],
    ['an older epoch', held(key(1, 5)), /^failure: .* member 1 in epoch 5, but member 2/],
    ['missing on a path', held(key(2, 6), []), /^warning: .* not registered on \/dev\/sda/],
    ['volatile', { persistent: false }, /^failure: .* do not outlive a power loss/],
    [
      'a dead path',
      { paths: [path, { ...path, error: 'path-lost' }] },
      /^failure: ledger\/data: path \/dev\/sda does not answer: path-lost/,
    ],
    [
      'two holders',
      { paths: [path, { ...path, holder: key(1, 5) }] },
      /^failure: .* the paths name different holders/,
    ],
  ])('%s', (_name, change, expected) => found(check(change), expected));

  it('of no disk are unknown', () => found(checkReservations('lab', []), /^unknown: no disk/));
});

describe('the journal', () => {
  const sound = { group: 'g', resource: 'fs', type: 'ext4', journalBytes: 64 << 20, error: '' };

  it('control: of 64 MiB is good', () => expect(troubles(checkJournals([sound]))).toEqual([]));

  it.each([
    [{ journalBytes: 1 << 30 }, /^warning: .* 1024 MiB/],
    [{ journalBytes: 1 << 20 }, /^warning: .* 1 MiB/],
    [{ journalBytes: null, error: 'not mounted here' }, /^unknown: .*not mounted here/],
  ])('%j', (change, expected) => found(checkJournals([{ ...sound, ...change }]), expected));
});

describe('versions', () => {
  const sound: VersionFacts = {
    command: '0.1.0',
    daemon: '0.1.0',
    node: 'v24.1.0',
    kernel: '6.1.0-13-amd64',
    missing: [],
  };

  it('control: of today are good', () => expect(troubles(checkVersions(sound))).toEqual([]));

  it.each([
    [{ daemon: '0.0.9' }, /^warning: the daemon has version 0.0.9, this command 0.1.0/],
    [{ node: 'v22.9.0' }, /^failure: Node v22.9.0 is too old/],
    [{ kernel: '5.10.0' }, /^warning: Linux 5.10.0: cgroup.kill/],
    [{ kernel: '4.19.1' }, /^warning: Linux 4.19.1/],
    [{ missing: [{ program: 'nft', package: 'nftables' }] }, /^failure: the program nft/],
  ])('%j', (change, expected) => found(checkVersions({ ...sound, ...change }), expected));
});

describe('ports', () => {
  const sound = { node: 'node2', interconnect: 'lan-a', address: '10.1.0.2:7400' };

  it('control: that all accept are good', () => {
    expect(troubles(checkPorts([{ ...sound, outcome: 'accepted' }]))).toEqual([]);
  });

  it.each([
    ['refused', /^failure: node2 at 10.1.0.2:7400 \(lan-a\) refuses/],
    ['silent', /^failure: .* does not answer/],
    ['unreachable', /^failure: .* cannot be reached/],
  ] as const)('%s', (outcome, expected) => found(checkPorts([{ ...sound, outcome }]), expected));
});

describe('the data directory', () => {
  const sound: DataFacts = {
    directory: '/var/lib/holdfast',
    error: null,
    volatile: false,
    freeBytes: 20 * 2 ** 30,
    logBytes: 1 << 20,
    mode: 0o700,
    syncMs: 2,
    assumedSyncMs: 5,
  };

  it('control: on a quick disk, closed to others, is good', () => {
    expect(troubles(checkData(sound))).toEqual([]);
  });

  it.each([
    [{ syncMs: 60 }, /^warning: a synced write .* 60.0 ms, .* assumes 5 ms/],
    [{ volatile: true }, /^failure: .* is in memory/],
    [{ freeBytes: 9 << 20 }, /^warning: .* 9 MiB left/],
    [{ logBytes: 2 ** 31 }, /^warning: the log has 2048 MiB/],
    [{ mode: 0o755 }, /^failure: .* open to everybody/],
    [{ error: 'EACCES' }, /^unknown: .* EACCES/],
  ])('%j', (change, expected) => found(checkData({ ...sound, ...change }), expected));
});

describe('the quorum', () => {
  const sound = { voters: 3, heard: 3, quorate: true, why: '' };

  it('control: of three of three is good', () => {
    expect(troubles(checkQuorum({ cluster: sound }))).toEqual([]);
  });

  it.each([
    [{ heard: 2 }, /^warning: 2 of 3 voters are heard; 0 more may fail/],
    [{ voters: 4, heard: 4 }, /^warning: .* even number/],
    [{ quorate: false, why: 'no majority' }, /^failure: nothing is served: no majority/],
  ])('%j', (change, expected) =>
    found(checkQuorum({ cluster: { ...sound, ...change } }), expected),
  );
});

describe('addresses', () => {
  it('control: with arp_ignore, or without floating addresses, are good', () => {
    expect(troubles(checkAddresses({ floating: true, arpIgnore: 1 }))).toEqual([]);
    expect(troubles(checkAddresses({ floating: false, arpIgnore: 0 }))).toEqual([]);
  });

  it('that two cards answer for are found', () =>
    found(checkAddresses({ floating: true, arpIgnore: 0 }), /^warning: net.ipv4.conf.all/));
});
