/** The guardian's judgement, with ports that can be made to fail and a clock that is moved by hand. */
import { describe, expect, it } from 'vitest';
import { Guardian } from '../../src/guardian/guardian.ts';
import type { FromGuardian, GuardianEvidence, ToGuardian } from '../../src/guardian/messages.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import type { Teardown } from '../../src/system/teardown.ts';

type Arm = Extract<ToGuardian, { kind: 'arm' }>;

class Stage {
  nowMs = 1_000;
  readonly done: string[] = [];
  readonly told: FromGuardian[] = [];
  readonly published: GuardianEvidence[] = [];
  /** Kinds that fail, and how often they still do. */
  readonly resisting = new Map<string, number>();
  filterFails = false;
  readonly guardian = new Guardian({
    clusterId: 'c',
    clock: {
      now: () => this.nowMs,
      after: async (delayMs) => {
        this.nowMs += delayMs;
      },
    },
    filter: {
      open: async (addresses, untilMs) => {
        if (this.filterFails) throw new HoldfastError('PACKET_FILTER_FAILED');
        this.done.push(`open ${addresses.join()} until ${untilMs}`);
        return true;
      },
      block: async () => {},
    },
    undo: async (item) => {
      const left = this.resisting.get(item.kind) ?? 0;
      this.done.push(left > 0 ? `${item.kind} fails` : item.kind);
      this.resisting.set(item.kind, left - 1);
      if (left > 0) throw new HoldfastError('PROCESS_NOT_KILLED');
    },
    publish: async (evidence) => {
      this.done.push('publish');
      this.published.push(evidence);
    },
    tell: (message) => {
      this.done.push(message.kind);
      this.told.push(message);
    },
    log: () => {},
  });

  async arm(fields: Partial<Arm> = {}): Promise<void> {
    await this.guardian.receive({
      kind: 'arm',
      requestId: 1,
      group: 'db',
      epoch: 7,
      serveUntilMs: 1_300,
      downByMs: 1_350,
      addresses: ['192.0.2.9'],
      teardown: ITEMS,
      secret: 's',
      publishTo: ['192.0.2.1:1'],
      ...fields,
    });
  }
}

const ITEMS: readonly Teardown[] = [
  { kind: 'block-address', group: 'db', address: '192.0.2.9' },
  { kind: 'kill-process-group', pid: 4711, startTicks: 1 },
  { kind: 'unmount-lazily', path: '/srv' },
];

describe('the guardian', () => {
  it('silences first, and does not wait for a device with its proof', async () => {
    const stage = new Stage();
    const device = { kind: 'delete-link', device: 'hf1' } as const;
    const address = { kind: 'delete-address', device: 'hf1', address: '192.0.2.9/24' } as const;
    await stage.arm({ teardown: [device, address, ...ITEMS] });
    stage.resisting.set('delete-link', 1_000_000);
    await stage.guardian.tearDownAll();
    expect(stage.done.slice(2, 6)).toEqual([
      'block-address',
      'delete-address',
      'kill-process-group',
      'publish',
    ]);
    expect(stage.done).toContain('delete-link fails');
    expect(stage.done).toContain('unmount-lazily');
  });

  it('renews the packet filter before it acknowledges', async () => {
    const stage = new Stage();
    await stage.arm();
    expect(stage.done).toEqual(['open 192.0.2.9 until 1300', 'armed']);
  });

  it('acknowledges nothing when the packet filter fails, yet undoes it when its time comes', async () => {
    const stage = new Stage();
    stage.filterFails = true;
    await stage.arm();
    expect(stage.told).toMatchObject([{ kind: 'refused', requestId: 1 }]);
    await stage.guardian.tearDownAll();
    expect(stage.done).toContain('kill-process-group');
  });

  it('keeps the earlier deadline when a renewal fails', async () => {
    const stage = new Stage();
    await stage.arm();
    stage.filterFails = true;
    await stage.arm({ requestId: 2, downByMs: 9_000 });
    stage.nowMs = 1_351;
    stage.filterFails = false;
    await stage.arm({ requestId: 3, downByMs: 9_500 });
    expect(stage.done).toContain('block-address');
    expect(stage.told.at(-1)).toMatchObject({ kind: 'refused', requestId: 3 });
  });

  it('undoes in the written order, and publishes before it unmounts', async () => {
    const stage = new Stage();
    await stage.arm();
    stage.done.length = 0;
    await stage.guardian.tearDownAll();
    expect(stage.done).toEqual([
      'block-address',
      'kill-process-group',
      'publish',
      'unmount-lazily',
      'torn-down',
    ]);
  });

  it('publishes nothing while a process resists, and the truth once it has given way', async () => {
    const stage = new Stage();
    stage.resisting.set('kill-process-group', 3);
    await stage.arm();
    stage.done.length = 0;
    await stage.guardian.tearDownAll();
    const kills = [
      'kill-process-group fails',
      'kill-process-group fails',
      'kill-process-group fails',
    ];
    expect(stage.done.slice(0, 6)).toEqual([
      'block-address',
      ...kills,
      'kill-process-group',
      'publish',
    ]);
  });

  it('never publishes what did not come true, and says what it was', async () => {
    const stage = new Stage();
    stage.resisting.set('kill-process-group', 1_000_000);
    await stage.arm();
    await stage.guardian.tearDownAll();
    expect(stage.published).toEqual([]);
    const last = stage.told.at(-1);
    expect(last?.kind === 'torn-down' && last.failures.join()).toContain('PROCESS_NOT_KILLED');
    expect(stage.done).toContain('unmount-lazily');
  });

  it('does not let a mount that hangs keep the proof back', async () => {
    const stage = new Stage();
    stage.resisting.set('unmount-lazily', 1_000_000);
    await stage.arm();
    await stage.guardian.tearDownAll();
    expect(stage.published).toMatchObject([{ group: 'db', epoch: 7, secret: 's' }]);
  });

  it('arms a newer epoch over an older one, but never the other way', async () => {
    const stage = new Stage();
    await stage.arm({ epoch: 8 });
    await stage.arm({ requestId: 2, epoch: 7 });
    expect(stage.told).toMatchObject([{ kind: 'armed' }, { kind: 'refused', requestId: 2 }]);
    await stage.arm({ requestId: 3, epoch: 9 });
    expect(stage.told.at(-1)).toMatchObject({ kind: 'armed', requestId: 3 });
  });

  it('never arms an epoch again that it has torn down: its secret is out', async () => {
    const stage = new Stage();
    await stage.arm();
    await stage.guardian.tearDownAll();
    stage.nowMs = 1_001;
    await stage.arm({ requestId: 2, downByMs: 9_000_000 });
    expect(stage.told.at(-1)).toMatchObject({ kind: 'refused', requestId: 2 });
    await stage.arm({ requestId: 3, epoch: 8, downByMs: 9_000_000 });
    expect(stage.told.at(-1)).toMatchObject({ kind: 'armed', requestId: 3 });
  });

  it('disarmed, has nothing to undo, and does not arm that epoch again', async () => {
    const stage = new Stage();
    await stage.arm();
    await stage.guardian.receive({ kind: 'disarm', requestId: 2, group: 'db', epoch: 7 });
    await stage.guardian.tearDownAll();
    expect(stage.published).toEqual([]);
    await stage.arm({ requestId: 3 });
    expect(stage.told.at(-1)).toMatchObject({ kind: 'refused', requestId: 3 });
  });

  it('a disarm of an older epoch leaves the newer one armed', async () => {
    const stage = new Stage();
    await stage.arm({ epoch: 8 });
    await stage.guardian.receive({ kind: 'disarm', requestId: 2, group: 'db', epoch: 7 });
    await stage.guardian.tearDownAll();
    expect(stage.published).toMatchObject([{ epoch: 8 }]);
  });

  it('one group that resists does not hold up another', async () => {
    const stage = new Stage();
    stage.resisting.set('kill-process-group', 1_000_000);
    await stage.arm();
    const silent = ITEMS.filter((item) => item.kind === 'block-address');
    await stage.arm({ group: 'web', teardown: silent, secret: 'w' });
    await stage.guardian.tearDownAll();
    expect(stage.published).toMatchObject([{ group: 'web', secret: 'w' }]);
  });
});

describe('what the watchdog is told', () => {
  const GRACE_MS = 2_000;

  it('nothing is owned, or every lease is held: all is well (pain 24: a watchdog resets a healthy node)', async () => {
    const stage = new Stage();
    expect(stage.guardian.trouble(GRACE_MS)).toBeNull();
    await stage.arm();
    expect(stage.guardian.trouble(GRACE_MS)).toBeNull();
    await stage.guardian.receive({ kind: 'disarm', requestId: 2, group: 'db', epoch: 7 });
    stage.nowMs = 1_000_000;
    expect(stage.guardian.trouble(GRACE_MS)).toBeNull();
  });

  it('what ran out and is down is no trouble', async () => {
    const stage = new Stage();
    await stage.arm();
    stage.nowMs = 2_000;
    await stage.guardian.tearDownAll();
    stage.nowMs = 1_000_000;
    expect(stage.guardian.trouble(GRACE_MS)).toBeNull();
    expect(stage.guardian.trouble(-Infinity)).toBeNull();
  });

  it('what resists is, as soon as the grace is over, and for ever if it stays', async () => {
    const stage = new Stage();
    stage.resisting.set('kill-process-group', 1_000_000);
    await stage.arm();
    await stage.guardian.tearDownAll();
    stage.nowMs = 1_350 + GRACE_MS;
    expect(stage.guardian.trouble(GRACE_MS)).toBeNull();
    stage.nowMs += 1;
    expect(stage.guardian.trouble(GRACE_MS)).toBe(
      'group db epoch 7 had to be down: kill-process-group',
    );
    // A newer epoch that ends well does not excuse the older one.
    await stage.arm({ epoch: 8, downByMs: 9_000 });
    stage.resisting.clear();
    await stage.guardian.tearDownAll();
    expect(stage.guardian.trouble(GRACE_MS)).toContain('epoch 7');
  });

  it('what nobody looked at in time is', async () => {
    const stage = new Stage();
    await stage.arm();
    stage.nowMs = 1_351 + GRACE_MS;
    expect(stage.guardian.trouble(GRACE_MS)).toContain('it is not down yet');
  });

  it('a mount that hangs is not: the disk is fenced', async () => {
    const stage = new Stage();
    stage.resisting.set('unmount-lazily', 1_000_000);
    await stage.arm();
    await stage.guardian.tearDownAll();
    expect(stage.guardian.trouble(-Infinity)).toBeNull();
  });
});
