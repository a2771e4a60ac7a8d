/**
 * The agents in a machine with a kernel of its own: the contract and the stories again (an older kernel,
 * slow processes), what the actions cost there, and the one thing no namespace can show: an address
 * whose whole machine stands still and runs again.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monotonicClock as clock } from '../../src/system/clock.ts';
import type { ClauseReport } from '../contract/report-line.ts';
import { type Guest, guestMac, KernelLab, repositoryRoot } from '../lab/kernel/index.ts';
import { until } from '../system/support/until.ts';

const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const CONTRACT = `${repositoryRoot}/test/contract`;
const KNOCK = fileURLToPath(new URL('support/knock.ts', import.meta.url));
const NAMESPACES = 'unshare --net --mount --propagation private';
const PATIENCE_MS = 300_000;
/** P4: so long an address may answer on a machine that runs again. */
const ECHO_MS = 50;

const lab = new KernelLab();
let guest: Guest;

beforeAll(async () => {
  await lab.up({ nodes: 1, luns: 1, lunSizeMb: 64 });
  guest = lab.guest(1);
  await guest.exec('modprobe -a loop macvlan veth nf_tables xfs ext4');
});
afterAll(async () => {
  await lab.down();
});

describe('agents in a guest', () => {
  it(
    'keep the contract, and tell their stories',
    async () => {
      const runner = `${CONTRACT}/resource-agent-runner.ts`;
      const form = process.env['HOLDFAST_LONG'] === '1' ? '' : 'brief';
      const command = `mkdir -p /tmp/agents && ${NAMESPACES} ${NODE} ${runner} /tmp/agents ${form}`;
      const output = await guest.ok(command, PATIENCE_MS);
      const lines = output.split('\n').filter((line) => line.startsWith('{'));
      const reports = lines.map((line) => JSON.parse(line) as ClauseReport);
      expect(reports.filter(({ error }) => error !== null)).toEqual([]);
      expect(reports.length).toBeGreaterThan(80);
    },
    PATIENCE_MS,
  );

  // A measurement, and no check: half a minute of the long form.
  it.runIf(process.env['HOLDFAST_LONG'] === '1')(
    'cost this much there',
    async () => {
      const timings = `unshare --net ${NODE} ${CONTRACT}/address-timings.ts`;
      const output = await guest.ok(timings, PATIENCE_MS);
      process.stdout.write(`address actions in a guest: ${output}\n`);
      expect(JSON.parse(output)).toMatchObject({ engine: 'library' });
    },
    PATIENCE_MS,
  );

  it('an address whose machine stood still over its lease is silent when it runs again', async () => {
    const { whileFrozen, afterThaw } = await freeze({ address: '10.99.3.77', leaseMs: 15_000 });
    expect(whileFrozen).toEqual([]);
    expect(Math.max(0, ...afterThaw)).toBeLessThanOrEqual(ECHO_MS);
    expect(await guest.ok('ip -o addr show dev eth3')).toContain('10.99.3.77');
  }, 120_000);

  it('an address whose lease outlives the stop answers again', async () => {
    const { whileFrozen, afterThaw } = await freeze({ address: '10.99.3.78', leaseMs: 300_000 });
    expect(whileFrozen).toEqual([]);
    expect(Math.max(0, ...afterThaw)).toBeGreaterThan(ECHO_MS);
  }, 120_000);
});

/** Answers that a client got while the machine stood still for 16 s, and how long after (ms). */
async function freeze(served: { readonly address: string; readonly leaseMs: number }): Promise<{
  readonly whileFrozen: readonly number[];
  readonly afterThaw: readonly number[];
}> {
  const { address, leaseMs } = served;
  const log = join(guest.share, `${address}.log`);
  const serve = `${NODE} ${CONTRACT}/serve-address.ts eth3 ${address}/24 ${leaseMs}`;
  await guest.ok(`${serve} > /lab/${address}.log 2>&1 &`);
  const up = () => existsSync(log) && readFileSync(log, 'utf8').includes('"status":0');
  await until('the address is served', up);
  // Only what the guest answers counts, not when a neighbour would ask again for its MAC.
  const device = /dev (\S+)/.exec(await lab.client.run(['ip', 'route', 'get', address]))?.[1];
  const entry = [address, 'lladdr', guestMac(1, 3), 'dev', device ?? '', 'nud', 'permanent'];
  await lab.client.run(['ip', 'neigh', 'replace', ...entry]);
  const knocking = lab.client.spawn([process.execPath, KNOCK, address]);
  const answers: number[] = [];
  knocking.stdout.on('data', (chunk: Buffer) => {
    answers.push(...chunk.toString().trim().split('\n').map(Number));
  });
  try {
    await until('it answers', () => answers.length > 5);
    guest.freeze();
    const frozenMs = clock.now();
    await clock.after(16_000, AbortSignal.timeout(60_000));
    const thawedMs = clock.now();
    guest.thaw();
    await guest.ok('true');
    await clock.after(2_000, AbortSignal.timeout(60_000));
    return {
      // An answer may still have been on its way.
      whileFrozen: answers.filter((at) => at > frozenMs + 100 && at < thawedMs),
      afterThaw: answers.filter((at) => at > thawedMs).map((at) => at - thawedMs),
    };
  } finally {
    knocking.kill('SIGKILL');
  }
}
