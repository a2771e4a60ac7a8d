/** What is read of the machine, on texts as the tools print them, and on this machine itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseExtJournal, parseXfsLog } from '../../../src/cli/doctor/measure-disks.ts';
import {
  classOf,
  clockFacts,
  dataFacts,
  schedulingFacts,
} from '../../../src/cli/doctor/measure-machine.ts';
import {
  interconnectFacts,
  parseLldp,
  portFacts,
  subnetOf,
} from '../../../src/cli/doctor/measure-network.ts';

it('the class of a process whose name has blanks and parentheses', () => {
  const rest = `S ${'0 '.repeat(36)}1 2 0`;
  expect(classOf(`7 (a) b (c)) ${rest}`)).toEqual({ priority: 1, policy: 2 });
});

it('the class of this process is the ordinary one', async () => {
  const { daemon } = await schedulingFacts(process.pid, null);
  expect(daemon).toEqual({ priority: 0, policy: 0 });
});

it('the clocks of this machine can be read', async () => {
  const { synchronized, maxErrorMs } = await clockFacts();
  expect(typeof synchronized).toBe('boolean');
  expect(maxErrorMs).toBeGreaterThanOrEqual(0);
});

it('journals, as dumpe2fs and xfs_info print them', () => {
  expect(parseExtJournal('Inode count: 7\nTotal journal size:       64M\n')).toBe(64 << 20);
  expect(parseExtJournal('Journal size:             4096k')).toBe(4 << 20);
  expect(parseExtJournal('nothing of the kind')).toBeNull();
  const xfs = 'log      =internal log           bsize=4096   blocks=16384, version=2';
  expect(parseXfsLog(`meta-data=/dev/sda\n${xfs}\n`)).toBe(64 << 20);
  expect(parseXfsLog('naming   =version 2')).toBeNull();
});

it('switches, as lldpctl prints them', () => {
  const text = 'lldp.eth0.via=LLDP\nlldp.eth0.chassis.mac=00:11\nlldp.eth1.chassis.mac=00:22\n';
  expect([...parseLldp(text)]).toEqual([
    ['eth0', ['00:11']],
    ['eth1', ['00:22']],
  ]);
});

it.each([
  ['10.1.0.7/24', '10.1.0.0/24'],
  ['192.168.77.130/25', '192.168.77.128/25'],
  ['2001:db8:1:2::7/64', '2001:db8:1:2::/64'],
  [null, null],
])('%s lies in %s', (cidr, subnet) => {
  expect(subnetOf(cidr)).toBe(subnet);
});

it('a synced write is measured, and nothing is left of it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-doctor-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const facts = await dataFacts(directory, null);
  expect(facts).toMatchObject({ error: null, mode: 0o700, logBytes: 0 });
  expect(facts.syncMs).toBeGreaterThan(0);
  expect((await dataFacts(join(directory, 'missing'), null)).error).toContain('ENOENT');
});

it('a port that listens accepts, and one that does not refuses', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const members = [{ node: 'node1', addresses: { 'lan-a': `127.0.0.1:${port}` } }];
  expect(await portFacts(members)).toMatchObject([{ outcome: 'accepted' }]);
  await new Promise((resolve) => server.close(resolve));
  expect(await portFacts(members)).toMatchObject([{ outcome: 'refused' }]);
});

it('loopback is told apart from a device, and an address that nobody has is not found', async () => {
  const facts = await interconnectFacts({ 'lan-a': '127.0.0.1:1', 'lan-b': '203.0.113.9:1' });
  expect(facts).toMatchObject([{ device: 'lo', loopback: true }, { device: null }]);
});
