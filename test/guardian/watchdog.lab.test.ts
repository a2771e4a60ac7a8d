/** A guardian and the kernel's software watchdog: fed for longer than its timeout, and let go in order. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Guest, KernelLab, repositoryRoot } from '../lab/kernel/index.ts';

const NODE = `${repositoryRoot}/node_modules/.bin/node`;
const GUARDIAN = `${NODE} ${repositoryRoot}/src/guardian/main.ts c /dev/watchdog 2000`;
const PATIENCE_MS = 120_000;

const lab = new KernelLab();
let guest: Guest;

beforeAll(async () => {
  await lab.up({ nodes: 1, luns: 1, lunSizeMb: 64 });
  guest = lab.guest(1);
});
afterAll(async () => {
  await lab.down();
});

describe('a guardian with softdog', () => {
  it('feeds it, lets it go, and the machine runs on', async () => {
    // A reset would end the machine's processes, and this command with them.
    const { status, output } = await guest.exec(
      `modprobe softdog; sleep 5 | ${GUARDIAN} 2>&1; echo "ended $?"; sleep 4; uptime`,
      PATIENCE_MS,
    );
    expect(output).toContain('feeds Software Watchdog, 2 s');
    expect(output).toContain('ended 0');
    expect(status).toBe(0);
    expect((await guest.ok('dmesg')).toLowerCase()).not.toContain('did not stop');
  });
});
