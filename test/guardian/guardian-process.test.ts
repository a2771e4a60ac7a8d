import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guardianArgv } from '../../src/guardian/argv.ts';
import { monotonicClock } from '../../src/system/clock.ts';
import type { LongLived } from '../../src/system/long-lived.ts';
import { PacketFilter } from '../../src/system/packet-filter.ts';
import { noNetworks } from '../system/support/privilege.ts';
import { isAlive, until, untilTime } from '../system/support/until.ts';
import {
  arm,
  destroy,
  Ear,
  GuardianProcess,
  killing,
  startVictim,
} from './support/guardian-process.ts';

let victim: LongLived;
let ear: Ear;
const guardians: GuardianProcess[] = [];

async function startGuardian(options?: { readonly ownNetwork: boolean }): Promise<GuardianProcess> {
  const guardian = await GuardianProcess.start(options);
  guardians.push(guardian);
  return guardian;
}

beforeEach(async () => {
  victim = await startVictim();
  ear = new Ear();
  await ear.open();
});

afterEach(async () => {
  for (const guardian of guardians.splice(0)) await guardian.destroy();
  await destroy(victim);
  ear.close();
});

describe('a guardian that is to feed a watchdog', () => {
  it.each([
    ['which is not there', '/dev/no-such-watchdog', 'WATCHDOG_FAILED'],
    ['which is none', '/dev/null', 'WDIOC_GETSUPPORT'],
  ])('%s does not start, and says why', async (_, device, word) => {
    const argv = guardianArgv({ clusterId: 'c', watchdog: { device, timeoutMs: 10_000 } });
    const [file = '', ...args] = argv;
    const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', timeout: 25_000 });
    expect({ status, stdout }).toEqual({ status: 69, stdout: '' });
    expect(stderr).toContain(word);
  });
});

describe('the guardian process', () => {
  it('when the daemon and its whole process group are killed, tears down and publishes', async () => {
    const message = arm({ teardown: [killing(victim)], publishTo: [ear.address] });
    const daemon = spawn(
      process.execPath,
      [fileURLToPath(new URL('support/parent.ts', import.meta.url)), JSON.stringify(message)],
      { detached: true, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [pid] = await once(daemon.stdout, 'data');
    expect(isAlive(victim.mark.pid)).toBe(true);
    process.kill(-(daemon.pid ?? Number.NaN), 'SIGKILL');
    await until('the victim is down', () => !isAlive(victim.mark.pid));
    await until('the proof is heard', () => ear.heard.length > 0);
    expect(ear.heard[0]).toEqual({
      kind: 'torn-down',
      clusterId: 'test-cluster',
      group: 'db',
      epoch: 7,
      secret: 's3cret',
    });
    await until('the guardian has ended', () => !isAlive(Number(pid)));
  });

  it('when the deadline passes under a daemon that hangs, tears down and publishes', async () => {
    const guardian = await startGuardian();
    const downByMs = monotonicClock.now() + 700;
    guardian.send(arm({ downByMs, teardown: [killing(victim)], publishTo: [ear.address] }));
    await guardian.armed(1);
    await until('the victim is down', () => !isAlive(victim.mark.pid));
    expect(monotonicClock.now()).toBeGreaterThanOrEqual(downByMs);
    await until('the daemon is told', () => guardian.has({ kind: 'torn-down', epoch: 7 }));
    await until('the proof is repeated', () => ear.heard.length > 2);
  });

  it('a deadline that was renewed in time passes without harm', async () => {
    const guardian = await startGuardian();
    const firstMs = monotonicClock.now() + 1_500;
    guardian.send(arm({ downByMs: firstMs, teardown: [killing(victim)] }));
    await guardian.armed(1);
    guardian.send(arm({ requestId: 2, teardown: [killing(victim)] }));
    await guardian.armed(2);
    await untilTime(firstMs + 200);
    expect(isAlive(victim.mark.pid)).toBe(true);
    expect(guardian.has({ kind: 'torn-down' })).toBe(false);
  });

  it('disarmed, it harms nobody when the pipe closes', async () => {
    const guardian = await startGuardian();
    guardian.send(arm({ teardown: [killing(victim)], publishTo: [ear.address] }));
    await guardian.armed(1);
    guardian.send({ kind: 'disarm', requestId: 2, group: 'db', epoch: 7 });
    await until('disarmed', () => guardian.has({ kind: 'disarmed', requestId: 2 }));
    guardian.closePipe();
    expect(await guardian.ended).toEqual({ status: 0, signal: null });
    expect(isAlive(victim.mark.pid)).toBe(true);
    expect(ear.heard).toEqual([]);
  });

  it.each([
    ['words that are no message', 'garbage\n'],
    ['a message of a kind that it does not know', '{"kind":"bribe","requestId":1}\n'],
    ['a line without end', 'x'.repeat(2_000_000)],
  ])('%s on the pipe: says so, and takes the daemon for dead', async (_, text) => {
    const guardian = await startGuardian();
    guardian.send(arm({ teardown: [killing(victim)] }));
    await guardian.armed(1);
    guardian.write(text);
    expect(await guardian.ended).toEqual({ status: 70, signal: null });
    expect(guardian.errors).toContain('PIPE_GARBLED');
    expect(isAlive(victim.mark.pid)).toBe(false);
  });

  it('is not impressed by the signals that stop a service', async () => {
    const guardian = await startGuardian();
    guardian.send(arm({ teardown: [killing(victim)] }));
    await guardian.armed(1);
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.kill(guardian.pid, signal);
    await until('it says so', () => guardian.errors.includes('ignores SIGHUP'));
    guardian.send(arm({ requestId: 2, teardown: [killing(victim)] }));
    await guardian.armed(2);
    expect(isAlive(victim.mark.pid)).toBe(true);
  });

  it('stopped over its deadline, tears down before it believes anything that is queued', async () => {
    const guardian = await startGuardian();
    const downByMs = monotonicClock.now() + 1_500;
    guardian.send(arm({ downByMs, teardown: [killing(victim)] }));
    await guardian.armed(1);
    process.kill(guardian.pid, 'SIGSTOP');
    guardian.send(arm({ requestId: 2, teardown: [killing(victim)] }));
    await untilTime(downByMs + 10);
    expect(isAlive(victim.mark.pid)).toBe(true);
    process.kill(guardian.pid, 'SIGCONT');
    await until('the victim is down', () => !isAlive(victim.mark.pid));
    await until('refused', () => guardian.has({ kind: 'refused', requestId: 2 }));
    expect(guardian.has({ kind: 'armed', requestId: 2 })).toBe(false);
  });

  it('kills nobody who was given the pid of a process that ended', async () => {
    const guardian = await startGuardian();
    const { pid, startTicks } = victim.mark;
    const stale = { kind: 'kill-process-group', pid, startTicks: startTicks - 1 } as const;
    guardian.send(arm({ teardown: [stale], publishTo: [ear.address] }));
    await guardian.armed(1);
    guardian.closePipe();
    expect(await guardian.ended).toEqual({ status: 0, signal: null });
    expect(isAlive(victim.mark.pid)).toBe(true);
    expect(ear.heard.length).toBeGreaterThan(0);
  });

  it.skipIf(noNetworks !== null)(
    'stopped, it cannot keep an address alive: the kernel lets it fall silent',
    async () => {
      const guardian = await startGuardian({ ownNetwork: true });
      const filter = new PacketFilter({ clusterId: 'test-cluster', clock: monotonicClock });
      const isLive = () => {
        const element = `get element inet ${filter.table} live4 { 192.0.2.9 }`;
        const argv = ['-t', String(guardian.pid), '--net', 'nft', element];
        return spawnSync('nsenter', argv, { timeout: 20_000 }).status === 0;
      };
      const serveUntilMs = monotonicClock.now() + 4_000;
      guardian.send(arm({ serveUntilMs, addresses: ['192.0.2.9/24'] }));
      await guardian.armed(1);
      expect(isLive()).toBe(true);
      process.kill(guardian.pid, 'SIGSTOP');
      await until('the address is silent', () => !isLive());
      // Early is safe, and a busy machine may correct by some milliseconds; at once would be wrong.
      expect(monotonicClock.now()).toBeGreaterThan(serveUntilMs - 1_000);
      process.kill(guardian.pid, 'SIGCONT');
    },
  );
});
