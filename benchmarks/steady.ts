/**
 * `npm run bench -- steady`: false alarms. Nothing fails; the machine is only made as busy as it can
 * be: both processors burnt by four processes, bulk on one interconnect, and a log disk that is kept
 * writing. Counts elections, new epochs and outages that nobody asked for.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { FailoverLab } from '../test/lab/failover-lab.ts';
import { guestAddress } from '../test/lab/kernel/index.ts';
import type { Lab } from '../test/lab/lab.ts';
import { isLabKind, openLab } from '../test/lab/open-lab.ts';

const { values } = parseArgs({
  options: {
    lab: { type: 'string', default: 'native' },
    profile: { type: 'string', default: 'fast' },
    minutes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
});
const BURNERS = 4;
const BULK_PORT = 7399;
const LOOK_EVERY_MS = 10_000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** In the client's place, so that they end with the laboratory, and outside of every node. */
function burn(lab: Lab): void {
  for (let i = 0; i < BURNERS; i += 1) lab.client.spawn(['sh', '-c', 'while :; do :; done']);
}

/** From one node to another over the first interconnect, as fast as it goes. */
async function bulk(lab: Lab): Promise<void> {
  const sink = `require('net').createServer((s) => s.resume()).listen(${BULK_PORT})`;
  const source = `const s = require('net').connect(${BULK_PORT}, '${guestAddress(2, 1)}');
    const more = () => { while (s.write(Buffer.alloc(65536))); }; s.on('drain', more); more()`;
  await lab.guest(2).ok(`setsid node -e "${sink}" </dev/null >/dev/null 2>&1 &`);
  await pause(1_000);
  await lab.guest(1).ok(`setsid node -e "${source}" </dev/null >/dev/null 2>&1 &`);
}

/** Beside the log of every node: its disk is never idle. */
async function writeLogs(lab: Lab): Promise<void> {
  const loop = `while :; do dd if=/dev/zero of=/var/lib/holdfast/noise bs=1M count=8 conv=fsync; done`;
  for (const { id } of lab.nodes) {
    await lab.guest(id).ok(`setsid sh -c '${loop}' </dev/null >/dev/null 2>&1 &`);
  }
}

/** How often a node says that somebody leads. */
function elections(all: FailoverLab): number {
  const terms = all.cluster.nodes.flatMap(({ daemon }) => [
    ...daemon.log.matchAll(/"leader":"node\d+","term":(\d+)/g),
  ]);
  return new Set(terms.map(([, term]) => term)).size;
}

async function main(): Promise<void> {
  const { lab: kind, profile } = values;
  if (!isLabKind(kind) || (profile !== 'fast' && profile !== 'safe')) {
    throw new Error('usage: npm run bench -- steady [--lab native|kernel] [--profile fast|safe]');
  }
  const lab = await openLab(kind, { nodes: 3, luns: 1, say });
  try {
    const all = await FailoverLab.start({ lab, say, profile });
    const first = await all.served();
    const electionsBefore = elections(all);
    const outagesBefore = (await all.load.status()).outages.length;
    burn(lab);
    await bulk(lab);
    await writeLogs(lab);
    const endMs = performance.now() + Number(values.minutes) * 60_000;
    while (performance.now() < endMs) {
      await pause(Math.min(LOOK_EVERY_MS, Math.max(0, endMs - performance.now())));
      const owner = await all.served();
      const left = Math.round((endMs - performance.now()) / 1000);
      say(`${left} s left: ${owner.node}, epoch ${owner.epoch}, ${elections(all)} elections`);
    }
    const last = await all.served();
    const { outages } = await all.load.status();
    const felt = outages.slice(outagesBefore).map(({ durationMs }) => Math.round(durationMs));
    console.log(
      JSON.stringify({
        lab: kind,
        profile,
        minutes: Number(values.minutes),
        elections: elections(all) - electionsBefore,
        failovers: last.epoch - first.epoch,
        outagesMs: felt,
        load: readFileSync('/proc/loadavg', 'utf8').trim(),
      }),
    );
  } finally {
    await lab.down();
  }
}

await main();
