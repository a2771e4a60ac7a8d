/**
 * `node main.ts ADDRESS…`, run in the laboratory's namespace: says, a JSON line each, whenever a
 * guest was heard to speak for one of the addresses, with the kernel's time and the port of the
 * switch. It also asks "who has it?" by broadcast every 25 ms, since a machine that is not asked
 * does not show. Ends with its standard input.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { clientAddress } from '../kernel/network.ts';
import { whoHas } from './frame.ts';
import { HeardSpeech } from './heard.ts';
import { PacketSocket } from './packet-socket.ts';

const askIntervalMs = 25;
const drainIntervalMs = 2;
const frameLimit = 10_000; // A drain is bounded, whatever the load.

const addresses = process.argv.slice(2);
const index = (name: string): number =>
  Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
const ports = new Map<number, number>();
for (const name of readdirSync('/sys/class/net')) {
  const [, guest] = /^g(\d+)n3$/.exec(name) ?? [];
  if (guest !== undefined) ports.set(index(name), Number(guest));
}
const bridge = index('br3');
const mac = networkInterfaces()
  ['br3']?.[0]?.mac.split(':')
  .map((byte) => Number.parseInt(byte, 16));
const questions = addresses.map((address) =>
  whoHas(address, clientAddress(3), Uint8Array.from(mac ?? [])),
);

const socket = new PacketSocket();
const heard = new HeardSpeech(ports, bridge, addresses);
setInterval(() => {
  for (let i = 0; i < frameLimit; i += 1) {
    const arrival = socket.read();
    if (arrival === undefined) return;
    const speech = heard.observe(arrival);
    if (speech !== undefined) process.stdout.write(`${JSON.stringify(speech)}\n`);
  }
}, drainIntervalMs);
setInterval(() => {
  for (const question of questions) socket.send(bridge, question);
}, askIntervalMs);
process.stdin.on('end', () => process.exit(0)).resume();
process.stdout.write(`${JSON.stringify({ watching: addresses })}\n`);
