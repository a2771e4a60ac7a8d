/**
 * Does the laboratory itself work? Machines boot and log in, a disk survives power loss, all nodes
 * see one disk by one identity, reservations outlive the target's power, cables can be cut, a
 * floating address answers, and falls silent when its lease in the kernel runs out. Every other
 * scenario rests on these sentences.
 */

import { LabCluster } from '../cluster.ts';
import { guestAddress, until } from '../kernel/index.ts';
import type { Lab, Machine } from '../lab.ts';
import type { Report, Scenario, ScenarioContext, ScenarioReport } from '../scenario.ts';
import { pathGivenUp, sgPersist } from '../sg-persist.ts';

const floating = '10.99.3.100';
const powerLosses = 3;

export const boot: Scenario = {
  name: 'boot',
  about:
    'the laboratory proves itself: boot, login, persistent disks, identity, cables, Node in a guest',
  lab: { nodes: 3, luns: 2 },
  run,
};

async function run({ lab, options, report }: ScenarioContext): Promise<ScenarioReport> {
  await identities(lab, options.luns, report);
  await emptyDaemons(lab, report);
  await cables(lab, report);
  await durability(lab, report);
  await frozen(lab, report);
  await aptpl(lab, report);
  await kernelLease(lab, report);
  return report.done();
}

/** The NAA designator of page 83h: the name that a disk keeps on every path and host. */
async function naa(guest: Machine, lun: number): Promise<string> {
  const page = await guest.ok(
    `sg_vpd -q -p 0x83 /dev/lab/lun${lun} || sg_vpd -q -p 0x83 /dev/lab/lun${lun}`,
  );
  return /0x6[0-9a-f]{31}/.exec(page)?.[0] ?? 'none';
}

async function identities(lab: Lab, luns: number, report: Report): Promise<void> {
  const seen: string[][] = [];
  for (let lun = 0; lun < luns; lun += 1) {
    seen.push(await Promise.all(lab.nodes.map((guest) => naa(guest, lun))));
  }
  const same = seen.every(
    (names) => names[0] !== 'none' && names.every((name) => name === names[0]),
  );
  report.check(
    'all nodes see each disk by the same VPD 83h identity',
    same,
    seen.map((n) => n[0]).join(' '),
  );
  report.check(
    'each disk has an identity of its own',
    new Set(seen.map((n) => n[0])).size === luns,
  );
}

async function emptyDaemons(lab: Lab, report: Report): Promise<void> {
  const cluster = LabCluster.empty(lab);
  await report.time('startEmptyDaemons', () => cluster.startAll());
  const ask = (id: number): Promise<string> =>
    lab.client.run(['busybox', 'nc', '-w', '2', guestAddress(id, 3), '7999']).catch(() => '');
  const answers = await until(
    async () => {
      const all = await Promise.all(lab.nodes.map((_, i) => ask(i + 1)));
      return all.every((text) => text !== '') && all;
    },
    { what: 'a Node process answers in every guest', limitMs: 30_000 },
    () => cluster.logTails,
  );
  report.check(
    'Node 24 runs and answers in every guest',
    answers.every((a) => a.startsWith('v24.')),
    answers[0],
  );
  await cluster.node(1).daemon.kill();
  report.check('a killed program is gone', !(await cluster.node(1).daemon.isRunning()));
  report.check('its log is on the host', cluster.node(1).daemon.log.includes('empty daemon v24.'));
  await cluster.stopAll();
}

async function cables(lab: Lab, report: Report): Promise<void> {
  const pings = async (from: number, to: number): Promise<boolean> =>
    (await lab.guest(from).exec(`busybox ping -c 1 -W 1 ${guestAddress(to, 1)}`)).status === 0;
  const ways = async (): Promise<string> => {
    const [client, onetwo, onethree, twothree] = await Promise.all([
      lab.client.reaches(guestAddress(1, 1)),
      pings(1, 2),
      pings(1, 3),
      pings(2, 3),
    ]);
    return [client, onetwo, onethree, twothree].map(Number).join('');
  };
  report.check('all ways are open', (await ways()) === '1111');
  await lab.cut({ guest: 1, network: 1 });
  report.check('a cut cable cuts all ways of its guest, and no other', (await ways()) === '0001');
  await lab.restore({ guest: 1, network: 1 });
  report.check('it is whole again', (await ways()) === '1111');
  await lab.cut({ between: [1, 2], network: 1 });
  report.check('a cut between two guests cuts nothing else', (await ways()) === '1011');
  await lab.restoreAll();
  await lab.cut({ guest: 1, network: 1, direction: 'from-guest' });
  const silent = await ways();
  const before = await received(lab.guest(1));
  await lab.client.reaches(guestAddress(1, 1));
  const hears = (await received(lab.guest(1))) > before;
  report.check('a guest that cannot send still hears', silent === '0001' && hears);
  await lab.restoreAll();
}

const received = async (guest: Machine): Promise<number> =>
  Number(await guest.ok('cat /sys/class/net/eth1/statistics/rx_packets'));

async function durability(lab: Lab, report: Report): Promise<void> {
  const guest = lab.guest(1);
  let lost = 0;
  for (let round = 1; round <= powerLosses; round += 1) {
    // Acknowledged in /lab, which is the host's; the power goes in the middle of the next write.
    await guest.ok(
      `rm -f /lab/acked; f=/var/lib/holdfast/lines
      (i=0; while i=$((i+1)); do
        echo ${round}-$i >> $f && sync $f && echo $i > /lab/acked
      done) >/dev/null 2>&1 &`,
    );
    await until(async () => Number((await guest.exec('cat /lab/acked')).output) >= 5, {
      what: 'five durable lines',
      limitMs: 20_000,
    });
    const acked = Number((await guest.ok('cat /lab/acked')).trim());
    await guest.powerOff();
    await report.time(`bootAgain${round}`, () => lab.boot(1));
    const kept = await guest.ok(`grep -c '^${round}-' /var/lib/holdfast/lines`);
    if (Number(kept) < acked) lost += 1;
  }
  report.check(`no fsynced line is lost in ${powerLosses} power losses`, lost === 0);
}

async function frozen(lab: Lab, report: Report): Promise<void> {
  const guest = lab.guest(2);
  guest.freeze();
  const { status } = await guest.exec('true', 500);
  const reached = await lab.client.reaches(guestAddress(2, 3));
  report.check('a frozen guest answers nothing', status === -1 && !reached);
  guest.thaw();
  report.check('a thawed one answers again', (await guest.exec('true')).status === 0);
}

/**
 * The target is off for longer than the sessions wait for it, as it is by itself where laboratories run
 * beside each other.
 */
async function aptpl(lab: Lab, report: Report): Promise<void> {
  const device = '/dev/lab/lun1';
  const ask = async (args: string): Promise<string> =>
    (await sgPersist(lab.guest(1), args, device)).output;
  await ask('-o -G -S 0xa1 -Z');
  await ask('-o -R -K 0xa1 -T 1');
  const capable = /PTPL_A\): 1/.test(await ask('-i -c'));
  report.check('REGISTER with APTPL sets PTPL_A', capable);
  await lab.storage.powerOff();
  await report.time('pathGivenUp', () => pathGivenUp(lab.guest(1), device));
  await report.time('storageBootAgain', () => lab.boot(0));
  const after = await report.time('sessionResumed', () => ask('-i -r'));
  report.check(
    'key and reservation outlive the power of the target',
    /Key=0xa1/.test(after),
    after.trim().replaceAll(/\s+/g, ' '),
  );
}

/**
 * What the daemon's packet filter needs of this kernel; see README: of nftables only the bridge
 * family is here.
 */
async function kernelLease(lab: Lab, report: Report): Promise<void> {
  const guest = lab.guest(3);
  const leaseMs = 1_500;
  await guest.ok(`ip link add vip0 link eth3 address 02:00:5e:00:01:01 type macvlan mode bridge
ip addr add ${floating}/24 dev vip0; ip link set vip0 up`);
  report.check('a macvlan address answers the client', await lab.client.reaches(floating));
  const neighbour = await lab.client.run(['ip', 'neigh', 'show', floating]);
  report.check("ARP gives the macvlan's own MAC", neighbour.includes('02:00:5e:00:01:01'));
  const families: string[] = [];
  for (const family of ['inet', 'ip', 'arp', 'netdev', 'bridge']) {
    const { status } = await guest.exec(
      `nft add table ${family} probe && nft delete table ${family} probe`,
    );
    if (status === 0) families.push(family);
  }
  report.check(
    'nftables has the bridge family',
    families.includes('bridge'),
    `has: ${families.join(' ')}`,
  );
  await guest.ok(`nft -f - <<'END'
table bridge lease {
  set live { type ipv4_addr; flags timeout; }
  chain in { type filter hook prerouting priority -300
    ip daddr ${floating} ip daddr != @live drop
    arp daddr ip ${floating} arp daddr ip != @live drop
  }
  chain out { type filter hook postrouting priority 300
    ip saddr ${floating} ip saddr != @live drop
    arp saddr ip ${floating} arp saddr ip != @live drop
  }
}
END`);
  report.check('without a lease the address is silent', !(await lab.client.reaches(floating)));
  await guest.ok(`nft add element bridge lease live { ${floating} timeout ${leaseMs}ms }`);
  const began = performance.now();
  let answers = 0;
  let lastAskedMs = 0;
  await until(
    async () => {
      const askedMs = performance.now() - began;
      if (await lab.client.reaches(floating)) {
        answers += 1;
        lastAskedMs = askedMs;
      }
      return askedMs > leaseMs + 500;
    },
    { what: 'the lease runs out', limitMs: leaseMs + 10_000 },
  );
  report.measure('leaseLastAnswerMs', lastAskedMs);
  report.check('with it, it answers', answers > 0, `${answers} times`);
  // By when it was asked: an answer may be on its way for long where all is busy.
  report.check(
    'what is asked after the lease ran out is not answered',
    lastAskedMs < leaseMs + 50,
    `${Math.round(lastAskedMs)} ms`,
  );
}
