/** What is seen of a floating address from the outside, at each step of its life. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FloatingIpAgent } from '../../../src/resources/agents/floating-ip.ts';
import { derivedMac, virtualMacDevice } from '../../../src/resources/agents/virtual-mac.ts';
import { probeDuplicate } from '../../../src/system/announce.ts';
import { monotonicClock as clock } from '../../../src/system/clock.ts';
import { addAddress, addressState, link } from '../../../src/system/network.ts';
import { nftablesCommand, nftablesLibrary } from '../../../src/system/nftables.ts';
import { PacketFilter } from '../../../src/system/packet-filter.ts';
import { until } from '../../system/support/until.ts';
import { contextOf, resource } from '../support/definitions.ts';
import { type NetworkStage, PUBLIC } from '../support/network-stage.ts';
import { must } from '../support/shell.ts';
import { addressOn, addressOnMac, filter, floatingIp, lease, MAC, virtualMac } from './labs.ts';

export type Story = { readonly name: string; readonly run: () => Promise<void> };

const calm = new AbortController().signal;

export function addressStories(stage: NetworkStage): readonly Story[] {
  return [
    ...['192.0.2.20', '2001:db8::20'].flatMap((address) => lifeOf(stage, address)),
    ...virtualMacStories(stage),
    ...watchfulStories(stage),
    ...filterStories(stage),
  ];
}

function lifeOf(stage: NetworkStage, address: string): readonly Story[] {
  const definition = addressOn(PUBLIC, `${address}/${address.includes(':') ? 64 : 24}`);
  const context = contextOf();
  const started = async () => {
    await floatingIp.kill(definition, context);
    await lease(address);
    equal((await floatingIp.start(definition, context)).status, 0);
  };
  return [
    {
      name: `${address} answers with a lease, and not before, not suspended, not after`,
      run: async () => {
        await floatingIp.prepare(definition, context);
        addAddress(PUBLIC, `${address}/${address.includes(':') ? 64 : 24}`);
        equal(stage.answers(address), false, 'guarded, without a lease');
        await started();
        equal(stage.answers(address), true, 'started');
        await floatingIp.suspend(definition, context);
        equal(stage.answers(address), false, 'suspended');
        await lease(address);
        await floatingIp.resume(definition, context);
        equal(stage.answers(address), true, 'resumed');
        await floatingIp.stop(definition, context);
        equal(stage.answers(address), false, 'stopped');
      },
    },
    {
      name: `${address} is announced to a neighbour that remembers an old owner (pain 18: stale ARP)`,
      run: async () => {
        await floatingIp.kill(definition, context);
        stage.mislead(address);
        await started();
        await until('the neighbour knows', () => stage.macOf(address) === link(PUBLIC).mac);
        await floatingIp.stop(definition, context);
      },
    },
    {
      name: `${address} falls silent in the kernel when the lease runs out, announcements too`,
      run: async () => {
        await started();
        await filter.open([address], clock.now() + 700);
        await until('silence', async () => !(await filter.isLive(address)));
        equal(addressState(PUBLIC, address), 'usable', 'the address itself is still there');
        equal(stage.answers(address), false);
        stage.mislead(address);
        await clock.after(1_000, calm);
        equal(stage.macOf(address), '02:00:00:00:ff:ff', 'an announcement without a lease');
        await floatingIp.stop(definition, context);
      },
    },
    {
      name: `${address} that no lease opens does not start`,
      run: async () => {
        const hasty = { ...definition, startTimeoutMs: 500 };
        equal((await floatingIp.start(hasty, context)).code, 'ADDRESS_NOT_LIVE');
        await floatingIp.kill(definition, context);
      },
    },
    {
      name: `${address} on another machine is found by the duplicate probe`,
      run: async () => {
        await floatingIp.kill(definition, context);
        const options = { clock, timeoutMs: 1_000, signal: calm };
        equal(await probeDuplicate(PUBLIC, address, options), null, 'nobody has it');
        const other = address.includes(':') ? '2001:db8::1' : '192.0.2.1';
        notEqual(await probeDuplicate(PUBLIC, other, options), null, 'the neighbour has it');
      },
    },
  ];
}

function virtualMacStories(stage: NetworkStage): readonly Story[] {
  const context = contextOf({ resources: [MAC] });
  const definition = addressOnMac('192.0.2.30/24');
  const mac = derivedMac('mac', context);
  return [
    {
      name: 'an address on a virtual MAC is known by that MAC alone',
      run: async () => {
        await virtualMac.start(MAC, context);
        await lease('192.0.2.30');
        equal((await floatingIp.start(definition, context)).status, 0);
        for (let round = 0; round < 5; round += 1) {
          equal(stage.answers('192.0.2.30'), true);
          equal(stage.macOf('192.0.2.30'), mac, 'the parent must not answer');
        }
        await floatingIp.stop(definition, context);
        await virtualMac.stop(MAC, context);
      },
    },
    {
      name: 'a prepared virtual MAC sends nothing, and tells switches where it is when it comes up',
      run: async () => {
        await virtualMac.prepare(MAC, context);
        const name = virtualMacDevice('mac', context);
        equal(link(name).up, false);
        equal(sentBy(name), 0);
        await virtualMac.start(MAC, context);
        await clock.after(300, calm);
        ok(sentBy(name) >= 1 && sentBy(name) <= 3, `${sentBy(name)} packets`);
        await virtualMac.stop(MAC, context);
      },
    },
    {
      name: 'a wire without carrier makes address and MAC fail, and the node unfit (pain 19: the card is down)',
      run: async () => {
        await virtualMac.start(MAC, context);
        const plain = addressOn(PUBLIC, '192.0.2.31/24');
        await lease('192.0.2.31');
        await floatingIp.start(plain, context);
        const heard: (string | null)[] = [];
        const interest = new AbortController();
        const watching = { ...context, signal: interest.signal };
        floatingIp.watch(plain, watching, (outcome) => heard.push(outcome.code));
        stage.unplug();
        await until('the loss is told', () => heard.includes('LINK_DOWN'));
        equal((await floatingIp.monitor(plain, context)).code, 'LINK_DOWN');
        equal((await virtualMac.fitness(MAC, context)).code, 'LINK_DOWN');
        // A device above another one hears of it a moment later.
        const monitored = async () => (await virtualMac.monitor(MAC, context)).code;
        await until('the virtual MAC knows', async () => (await monitored()) === 'LINK_DOWN');
        stage.plug('192.0.2.31');
        await until('the return is told', () => heard.at(-1) === null);
        await until('and announced', () => stage.macOf('192.0.2.31') === link(PUBLIC).mac);
        interest.abort();
        await floatingIp.stop(plain, context);
        await virtualMac.stop(MAC, context);
      },
    },
  ];
}

/** Packets that the device has sent. */
function sentBy(device: string): number {
  const line = new RegExp(`${device}:(.*)`).exec(readFileSync('/proc/net/dev', 'utf8'))?.[1] ?? '';
  return Number(line.trim().split(/\s+/)[9]);
}

function watchfulStories(stage: NetworkStage): readonly Story[] {
  const context = contextOf();
  const shown = (address: string) => must('ip', '-o', 'addr', 'show', 'to', address);
  const pairs = [
    ['192.0.2.70/24', '192.0.2.1/24'],
    ['2001:db8::70/64', '2001:db8::1/64'],
  ] as const;
  return pairs.flatMap(([address, neighbour]) => [
    {
      name: `${address} lives in the kernel for a minute, and is given it again when it resumes`,
      run: async () => {
        const definition = addressOn(PUBLIC, address);
        await lease(address);
        equal((await floatingIp.start(definition, context)).status, 0);
        match(shown(address), /valid_lft (5\d|60)sec/);
        await floatingIp.suspend(definition, context);
        addAddress(PUBLIC, address, 1);
        await until('the kernel has removed it', () => addressState(PUBLIC, address) === 'absent');
        await lease(address);
        equal((await floatingIp.resume(definition, context)).status, 0);
        match(shown(address), /valid_lft (5\d|60)sec/);
        await floatingIp.stop(definition, context);
      },
    },
    {
      name: `${address} hears of a gateway that falls silent, and moves only where that was asked for`,
      run: async () => {
        const [gateway = ''] = neighbour.split('/');
        const place = { address, device: PUBLIC, gateway };
        const reports = resource('floating-ip', place);
        const moves = resource('floating-ip', { ...place, 'gateway-loss': 'move' });
        equal((await floatingIp.fitness(reports, context)).status, 0, 'fit');
        await lease(address);
        equal((await floatingIp.start(reports, context)).status, 0);
        equal((await floatingIp.monitor(moves, context)).status, 0, 'the gateway answers');
        stage.outside('ip', 'addr', 'del', neighbour, 'dev', 'wire0');
        const { status, code } = await floatingIp.monitor(reports, context);
        deepEqual({ status, code }, { status: 190, code: 'GATEWAY_SILENT' });
        equal((await floatingIp.monitor(moves, context)).status, 1);
        await floatingIp.stop(reports, context);
        equal((await floatingIp.fitness(reports, context)).code, 'GATEWAY_SILENT');
        const nodad = neighbour.includes(':') ? ['nodad'] : [];
        stage.outside('ip', 'addr', 'add', neighbour, 'dev', 'wire0', ...nodad);
      },
    },
    {
      name: `${address} that somebody else has too is degraded, and well when he is gone (pain 17: a duplicate)`,
      run: async () => {
        const watchful = new FloatingIpAgent({ clock, filter, log: () => {}, aloneEveryMs: 100 });
        const definition = addressOn(PUBLIC, address);
        await lease(address);
        equal((await watchful.start(definition, context)).status, 0);
        const interest = new AbortController();
        watchful.watch(definition, { ...context, signal: interest.signal }, () => {});
        const nodad = address.includes(':') ? ['nodad'] : [];
        stage.outside('ip', 'addr', 'add', address, 'dev', 'wire0', ...nodad);
        const code = async () => (await watchful.monitor(definition, context)).code;
        await until('the other is found', async () => (await code()) === 'ADDRESS_DUPLICATE');
        equal((await watchful.monitor(definition, context)).status, 190);
        stage.outside('ip', 'addr', 'del', address, 'dev', 'wire0');
        await until('it is alone again', async () => (await code()) === null);
        interest.abort();
        await watchful.stop(definition, context);
      },
    },
  ]);
}

function filterStories(stage: NetworkStage): readonly Story[] {
  const context = contextOf();
  const definition = addressOn(PUBLIC, '192.0.2.40/24');
  return [
    {
      name: 'a rule set that somebody flushed is built again by the next renewal',
      run: async () => {
        await lease('192.0.2.40');
        await floatingIp.start(definition, context);
        must('nft', 'flush', 'ruleset');
        await filter.open(['192.0.2.40'], clock.now() + 60_000);
        equal(await filter.isLive('192.0.2.40'), true);
        await filter.block(['192.0.2.40']);
        equal(stage.answers('192.0.2.40'), false);
        await floatingIp.stop(definition, context);
      },
    },
    {
      name: 'an address that stays on a machine that was robbed of it does not hinder the new owner',
      run: async () => {
        await filter.guard(['192.0.2.41']);
        addAddress(PUBLIC, '192.0.2.41/24');
        stage.outside('ip', 'addr', 'add', '192.0.2.41/24', 'dev', 'wire0');
        ok(await probeDuplicate(PUBLIC, '192.0.2.41', { clock, timeoutMs: 1_000, signal: calm }));
        stage.outside('arping', '-c', '1', '-D', '-I', 'wire0', '192.0.2.41');
        stage.outside('ip', 'addr', 'del', '192.0.2.41/24', 'dev', 'wire0');
        await floatingIp.kill(addressOn(PUBLIC, '192.0.2.41/24'), context);
      },
    },
    {
      name: 'one of several addresses of a network goes without taking the others along',
      run: async () => {
        const first = addressOn(PUBLIC, '198.51.100.1/24');
        const second = { ...addressOn(PUBLIC, '198.51.100.2/24'), name: 'second' };
        await lease('198.51.100.1');
        await lease('198.51.100.2');
        await floatingIp.start(first, context);
        await floatingIp.start(second, context);
        await floatingIp.stop(first, context);
        equal((await floatingIp.monitor(second, context)).status, 0);
        await floatingIp.stop(second, context);
      },
    },
    ...[nftablesLibrary, () => nftablesCommand].map((engine) => ({
      name: `the filter, spoken to through the ${engine().name}, opens, closes, forgets and ends`,
      run: async () => {
        const own = new PacketFilter({ clusterId: engine().name, clock, nftables: engine() });
        const addresses = ['192.0.2.50', '2001:db8::50/64'];
        await own.guard(addresses);
        // A command that takes longer than the one before it is taken back: asked again, it opens.
        await until('they are open', () => own.open(addresses, clock.now() + 60_000));
        for (const address of addresses) equal(await own.isLive(address), true);
        await own.block(['192.0.2.50']);
        equal(await own.isLive('192.0.2.50'), false);
        equal(await own.isLive('2001:db8::50'), true, 'one of them only');
        await own.open(['192.0.2.50'], clock.now() + 2_000);
        await until('it runs out', async () => !(await own.isLive('192.0.2.50')));
        await own.forget(addresses);
        await own.remove();
        equal(must('nft', 'list', 'tables').includes(own.table), false);
        await own.remove();
      },
    })),
    {
      name: 'a machine that stood still inside the renewal does not gain that time',
      run: async () => {
        let jumps = 1;
        const through = nftablesLibrary();
        const apply = async (script: string) => {
          if (jumps > 0 && script.includes('ms }')) {
            jumps -= 1;
            await clock.after(400, calm);
          }
          return await through.apply(script);
        };
        const own = new PacketFilter({
          clusterId: 'still',
          clock,
          nftables: { name: 'library', apply },
        });
        const untilMs = clock.now() + 900;
        await own.open(['192.0.2.51'], untilMs);
        await until('silence', async () => !(await own.isLive('192.0.2.51')));
        ok(clock.now() < untilMs + 300, 'it lived for the time that was lost');
        await own.remove();
      },
    },
    {
      name: 'a moment that has passed opens nothing, and text that is no address goes nowhere',
      run: async () => {
        equal(await filter.open(['192.0.2.42'], clock.now() - 1), false);
        equal(await filter.isLive('192.0.2.42'), false);
        const injected = {
          ...definition,
          parameters: { address: '1.2.3.4 }; flush', device: 'x' },
        };
        equal((await floatingIp.start(injected, context)).code, 'FLOATING_ADDRESS_INVALID');
      },
    },
  ];
}
