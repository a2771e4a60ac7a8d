/** The client of the membership tests must notice a loss: a control. */
import { describe, expect, it } from 'vitest';
import { MembershipCluster, startWriter } from './membership-cluster.ts';

describe('a mechanism that is switched off is missed', () => {
  it('disks that forget what they synced lose what the writer was told', async () => {
    const liar = new MembershipCluster({ nodes: 3 });
    liar.start();
    await liar.clock.until(() => liar.serving() !== null, 20_000);
    const told = await startWriter(liar);
    await liar.clock.until(() => told.acknowledged > 50, 20_000);
    for (const host of liar.hosts) {
      host.powerOff();
      host.log.forgetEntries(40);
    }
    for (const host of liar.hosts) host.powerOn();
    await liar.clock.until(() => told.lost !== null, 20_000);
    expect(told.lost).toMatch(/was acknowledged/);
    told.stop();
    liar.end();
  });
});
