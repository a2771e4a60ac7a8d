import { describe, expect, it } from 'vitest';
import { detailsOf, edited, faultsOf, VALID } from './fixture.ts';

/** Situation, edit, and the faults as `CODE path @ text at its place`. */
type Case = readonly [string, string, string, readonly string[]];

const replaced: readonly Case[] = [
  [
    'a watchdog that resets the machine at every pause',
    'profile: fast',
    'profile: fast\nwatchdog: { timeout: 500ms }',
    ['CONFIG_INVALID watchdog.timeout @ 500ms '],
  ],
  [
    'a watchdog that is no path',
    'profile: fast',
    'profile: fast\nwatchdog: { device: softdog }',
    ['CONFIG_INVALID watchdog.device @ softdog '],
  ],
  ['a key that nothing reads', 'socket:', 'soket:', ['CONFIG_UNKNOWN_KEY soket @ soket']],
  [
    'a parameter that nothing reads',
    'identity:',
    'identty:',
    [
      'CONFIG_UNKNOWN_KEY groups[0].resources[0].parameters.identty @ identty',
      'CONFIG_INVALID groups[0].resources[0].parameters.identity @ identty',
    ],
  ],
  [
    'a name with a blank',
    'name: node3',
    'name: "node 3"',
    [
      'CONFIG_INVALID members[2].name @ "node 3"',
      'NODE_NOT_IN_MEMBERS groups[0].resources[2].parameters.parent.per-node.node3 @ node3',
    ],
  ],
  ['a member without a number', '    number: 2\n', '', ['CONFIG_INVALID members[1].number @ name']],
  [
    'a number of more than 16 bits',
    'number: 3',
    'number: 65536',
    ['CONFIG_INVALID members[2].number @ 65536'],
  ],
  [
    'a peer id that is none',
    '12D3KooWPj2z5pohryCFgBZtJPFe19iMkpacEaTQbcVbVUruCUwo',
    'QmNope',
    ['CONFIG_INVALID members[2].peer-id @ QmNope'],
  ],
  [
    'the name of a member twice',
    'name: node2',
    'name: node1',
    [
      'DUPLICATE_NAME members[1].name @ node1',
      'NODE_NOT_IN_MEMBERS groups[0].preferred[1] @ node2',
      'NODE_NOT_IN_MEMBERS groups[0].resources[2].parameters.parent.per-node.node2 @ node2',
    ],
  ],
  [
    'the number of a member twice',
    'number: 3',
    'number: 1',
    ['DUPLICATE_NAME members[2].number @ 1'],
  ],
  [
    'a peer id twice',
    '12D3KooWAyMhqQvqYvv7t1SvUmDvyUH9Fiis1AHQt1F61HVL5Bsj',
    '12D3KooWKz233y1CGbsaU8Mpjus92eA4kqrCJdRoBZ7xkmD9ZuTn',
    ['DUPLICATE_NAME members[1].peer-id @ 12D3KooWKz233y1CGbsaU8Mpjus92eA4kqrCJdRoBZ7xkmD9ZuTn'],
  ],
  [
    'the address of a member twice',
    '10.2.0.3:7400',
    '10.2.0.1:7400',
    ['DUPLICATE_ADDRESS members[2].addresses.lan-b @ "10.2.0.1:7400" '],
  ],
  [
    'a floating IP that is the address of a member',
    'address: 192.0.2.10/24',
    'address: 10.1.0.2/24',
    ['DUPLICATE_ADDRESS groups[0].resources[3].parameters.address @ 10.1.0.2/24'],
  ],
  [
    'a member without an address on an interconnect',
    ', lan-b: "10.2.0.3:7400"',
    '',
    ['CONFIG_INVALID members[2].addresses @ { lan-a'],
  ],
  [
    'an address on an interconnect that is not defined',
    'interconnects: [lan-a, lan-b]',
    'interconnects: [lan-a, lan-c]',
    [
      'CONFIG_INVALID members[0].addresses @ { lan-a',
      'CONFIG_UNKNOWN_KEY members[0].addresses.lan-b @ lan-b',
      'CONFIG_INVALID members[1].addresses @ { lan-a',
      'CONFIG_UNKNOWN_KEY members[1].addresses.lan-b @ lan-b',
      'CONFIG_INVALID members[2].addresses @ { lan-a',
      'CONFIG_UNKNOWN_KEY members[2].addresses.lan-b @ lan-b',
    ],
  ],
  [
    'an address without a port',
    '"10.2.0.3:7400"',
    '"10.2.0.3"',
    ['CONFIG_INVALID members[2].addresses.lan-b @ "10.2.0.3" '],
  ],
  [
    'an address of no machine',
    '10.2.0.3:7400',
    '0.0.0.0:7400',
    ['CONFIG_INVALID members[2].addresses.lan-b @ "0.0.0.0:7400" '],
  ],
  [
    'an interconnect twice',
    '[lan-a, lan-b]',
    '[lan-a, lan-b, lan-a]',
    ['DUPLICATE_NAME interconnects[2] @ lan-a'],
  ],
  [
    'a node that is no member',
    'node: node1\n',
    'node: node9\n',
    ['NODE_NOT_IN_MEMBERS node @ node9'],
  ],
  ['no word about which node this is', 'node: node1\n', '', ['CONFIG_INVALID node @ cluster']],
  [
    'a preferred node that is no member',
    '[node1, node2]',
    '[node1, node7]',
    ['NODE_NOT_IN_MEMBERS groups[0].preferred[1] @ node7'],
  ],
  [
    'a preferred node twice',
    '[node1, node2]',
    '[node1, node1]',
    ['DUPLICATE_NAME groups[0].preferred[1] @ node1'],
  ],
  [
    'the name of a resource twice',
    'name: mac\n',
    'name: disk\n',
    [
      'DUPLICATE_NAME groups[0].resources[2].name @ disk',
      'UNKNOWN_DEPENDENCY groups[0].resources[3].parameters.on @ mac',
    ],
  ],
  [
    'a type that does not exist',
    'type: virtual-mac',
    'type: virtualmac',
    ['UNKNOWN_RESOURCE_TYPE groups[0].resources[2].type @ virtualmac'],
  ],
  [
    'a need that is not defined',
    'needs: [data, address]',
    'needs: [data, ghost]',
    ['UNKNOWN_DEPENDENCY groups[0].resources[4].needs[1] @ ghost'],
  ],
  [
    'a reference that is not defined',
    'disk: disk',
    'disk: ghost',
    ['UNKNOWN_DEPENDENCY groups[0].resources[1].parameters.disk @ ghost'],
  ],
  [
    'a reference to a resource of another type',
    'disk: disk',
    'disk: mac',
    ['UNKNOWN_DEPENDENCY groups[0].resources[1].parameters.disk @ mac'],
  ],
  [
    'a circle of needs',
    'type: virtual-mac\n',
    'type: virtual-mac\n        needs: [app]\n',
    ['CYCLIC_DEPENDENCY groups[0].resources[2].needs[0] @ app'],
  ],
  [
    'an ext2 file system',
    'type: ext4',
    'type: ext2',
    ['NO_JOURNAL groups[0].resources[1].parameters.type @ ext2'],
  ],
  [
    'a file system that is not supported',
    'type: ext4',
    'type: zfs',
    ['CONFIG_INVALID groups[0].resources[1].parameters.type @ zfs'],
  ],
  [
    'a mount without barriers',
    '[noatime]',
    '[noatime, nobarrier]',
    ['BARRIER_REFUSED groups[0].resources[1].parameters.options[1] @ nobarrier'],
  ],
  [
    'a mount without barriers, written as ext4 also takes it',
    '[noatime]',
    'noatime,barrier=0',
    ['BARRIER_REFUSED groups[0].resources[1].parameters.options[1] @ noatime'],
  ],
  [
    'a mount that skips its journal',
    '[noatime]',
    '[noload]',
    ['NO_JOURNAL groups[0].resources[1].parameters.options[0] @ noload'],
  ],
  [
    'a mount point that is the root',
    'directory: /srv/ledger',
    'directory: /',
    ['CONFIG_INVALID groups[0].resources[1].parameters.directory @ /'],
  ],
  [
    'a disk called by its device name',
    'naa.6001405000000001',
    '/dev/sda',
    ['CONFIG_INVALID groups[0].resources[0].parameters.identity @ /dev/sda'],
  ],
  [
    'a reservation type without a single holder',
    'identity: naa.6001405000000001',
    'identity: naa.6001405000000001\n          reservation-type: 7',
    ['CONFIG_INVALID groups[0].resources[0].parameters.reservation-type @ 7'],
  ],
  [
    'registrants that may write, registered by a program that is killed when it is late',
    'identity: naa.6001405000000001',
    'identity: naa.6001405000000001\n          reservation-type: 5\n          adapter: sg-persist',
    ['CONFIG_INVALID groups[0].resources[0].parameters.adapter @ sg-persist'],
  ],
  [
    'an emulated disk that says not where it answers',
    'identity: naa.6001405000000001',
    'identity: naa.6001405000000001\n          adapter: emulated',
    ['CONFIG_INVALID groups[0].resources[0].parameters.device @ identity'],
  ],
  [
    'a floating IP without a prefix length',
    '192.0.2.10/24',
    '192.0.2.10',
    ['CONFIG_INVALID groups[0].resources[3].parameters.address @ 192.0.2.10'],
  ],
  [
    'a floating IP that is nowhere',
    '          on: mac\n',
    '',
    ['CONFIG_INVALID groups[0].resources[3].parameters @ address'],
  ],
  [
    'a MAC address of a group of stations',
    '02:00:5e:10:00:01',
    '01:00:5e:10:00:01',
    ['CONFIG_INVALID groups[0].resources[2].parameters.mac @ "01:00:5e:10:00:01"'],
  ],
  [
    'a device name that the kernel would refuse',
    'node3: enp3s0',
    'node3: a-name-of-17-char',
    ['CONFIG_INVALID groups[0].resources[2].parameters.parent @ { per-node'],
  ],
  [
    'a value that is missing for one node',
    ', node3: enp3s0',
    '',
    ['CONFIG_INVALID groups[0].resources[2].parameters.parent @ { per-node'],
  ],
  [
    'a value for a node that is no member',
    'node3: enp3s0',
    'node3: enp3s0, node4: eth0',
    ['NODE_NOT_IN_MEMBERS groups[0].resources[2].parameters.parent.per-node.node4 @ node4'],
  ],
  [
    'a value that may not differ between nodes',
    'directory: /srv/ledger',
    'directory: { per-node: { node1: /a, node2: /b, node3: /c } }',
    ['CONFIG_INVALID groups[0].resources[1].parameters.directory @ { per-node'],
  ],
  [
    'an application without a command',
    '[/usr/bin/ledger]',
    '[]',
    ['CONFIG_INVALID groups[0].resources[4].parameters.command @ ['],
  ],
  [
    'a variable that the cluster sets itself',
    '{ PORT: 7000 }',
    '{ HOLDFAST_EPOCH: 1 }',
    ['CONFIG_INVALID groups[0].resources[4].parameters.environment.HOLDFAST_EPOCH @ 1 '],
  ],
  [
    'a readiness probe of no known kind',
    '{ tcp: "192.0.2.10:7000" }',
    '{ ping: "192.0.2.10" }',
    ['CONFIG_INVALID groups[0].resources[4].parameters.readiness @ { ping'],
  ],
  [
    'a duration in an unknown unit',
    'start-timeout: 20s',
    'start-timeout: 20 sec',
    ['CONFIG_INVALID groups[0].resources[4].start-timeout @ 20 sec'],
  ],
  [
    'a socket path that the kernel would cut',
    '/run/holdfast/holdfast.sock',
    `/${'x'.repeat(120)}`,
    ['CONFIG_INVALID socket @ /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'],
  ],
  [
    'a detection faster than three heartbeats',
    'profile: fast',
    'profile: fast\ntimes: { heartbeat: 100ms }',
    ['TIMES_INCONSISTENT times.detection @ { heartbeat'],
  ],
  [
    'a figure that is no duration',
    'profile: fast',
    'profile: fast\ntimes: { heartbeat: soon }',
    ['CONFIG_INVALID times.heartbeat @ soon '],
  ],
  [
    'a profile that does not exist',
    'profile: fast',
    'profile: faster',
    ['CONFIG_INVALID profile @ faster'],
  ],
];

describe('a configuration with one mistake is refused at its place:', () => {
  it.each(replaced)('%s', (_situation, from, to, expected) => {
    expect(faultsOf(edited(from, to))).toEqual(expected);
  });

  it('one interconnect', () => {
    const text = VALID.replace('[lan-a, lan-b]', '[lan-a]').replace(/, lan-b: "[^"]*"/g, '');
    expect(faultsOf(text)).toEqual(['TOO_FEW_INTERCONNECTS interconnects @ [lan-a']);
  });

  it('a disk, a mount point, an address and a MAC address that another group uses', () => {
    const group = VALID.slice(VALID.indexOf('  - name: ledger'));
    const text = VALID + group.replace('name: ledger', 'name: second');
    expect(faultsOf(text)).toEqual([
      'DUPLICATE_ADDRESS groups[1].resources[0].parameters.identity @ naa.6001405000000001',
      'DUPLICATE_ADDRESS groups[1].resources[1].parameters.directory @ /srv/ledger',
      'DUPLICATE_ADDRESS groups[1].resources[2].parameters.mac @ "02:00:5e:10:00:01"',
      'DUPLICATE_ADDRESS groups[1].resources[3].parameters.address @ 192.0.2.10/24',
    ]);
    expect(detailsOf(text)[0]).toBe('disk naa.6001405000000001 is already used in line 27');
  });

  it('one IPv6 address in two spellings', () => {
    const group = VALID.slice(
      VALID.indexOf('      - name: address'),
      VALID.indexOf('      - name: app'),
    );
    const text =
      edited('192.0.2.10/24', '2001:db8::10/64') +
      group
        .replace('name: address', 'name: address6')
        .replace('192.0.2.10/24', '2001:0DB8:0:0::10/64');
    expect(faultsOf(text)).toEqual([
      'DUPLICATE_ADDRESS groups[0].resources[5].parameters.address @ 2001:0DB8:0:0::10/64',
    ]);
  });

  it('the name of a group twice', () => {
    const text = `${VALID}  - name: ledger\n    resources: []\n`;
    expect(faultsOf(text)).toEqual(['DUPLICATE_NAME groups[1].name @ ledger']);
  });

  it('mistakes in several places are all reported, in the order of the file', () => {
    let text = edited('profile: fast', 'profile: fast\ntimes: { detection: 100ms }');
    text = edited('number: 2', 'number: two', text);
    text = edited('type: ext4', 'type: ext2', text);
    text = edited('needs: [data, address]', 'needs: [ghost]', text);
    text = edited('command: [/usr/bin/ledger]', 'command: /usr/bin/ledger', text);
    expect(faultsOf(text).map((fault) => fault.split(' ')[0])).toEqual([
      'TIMES_INCONSISTENT',
      'CONFIG_INVALID',
      'NO_JOURNAL',
      'CONFIG_INVALID',
    ]);
  });
});
