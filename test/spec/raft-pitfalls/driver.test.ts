/** What the driver and the storage owe the core: order, patience, and one batch for what belongs together. */
import { afterEach, describe, expect, test } from 'vitest';
import { encodeEnvelope } from '../../../src/cluster/codec.ts';
import type { Command } from '../../../src/cluster/command.ts';
import { Reactor } from '../../../src/node/reactor.ts';
import { Replica } from '../../../src/node/replica.ts';
import type { Entry } from '../../../src/raft/types.ts';
import { MemoryDisk, MemoryLogStore } from '../../../src/storage/memory-log-store.ts';
import { assign, definition, member } from '../../cluster/a-cluster.ts';
import { INTERCONNECTS, MemoryCluster } from '../../node/memory-cluster.ts';
import { command, configuration } from '../../raft/bench.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { commits, led } from './a-cluster.ts';
import { ALoop } from './a-loop.ts';

describe('pitfall 12: a loop that stood still reads its mail before it judges by the clock', () => {
  async function wakeLate(drainRounds: number): Promise<readonly string[]> {
    const clock = new VirtualClock();
    const host = clock.host();
    const did: string[] = [];
    let nextMs = clock.now() + 100;
    const reactor = new Reactor({
      clock: host.clock,
      handle: ({ kind }) => did.push(kind),
      settle: () => undefined,
      due: () => {
        did.push('due');
        nextMs = Infinity;
      },
      nextDeadlineMs: () => nextMs,
      lateMs: 20,
      drainRounds,
      crash: (error) => {
        throw error;
      },
    });
    reactor.start();
    await clock.advance(50);
    host.freeze();
    await clock.advance(500);
    // In the socket's buffer: the process sees it a turn after it goes on.
    host.run(() => clock.schedule(0, () => reactor.post({ kind: 'guardian-exit' })));
    host.thaw();
    await clock.advance(50);
    reactor.stop();
    return did;
  }

  test('pitfall 12: mail that waits in the sockets comes before the timer (d-engine#352, nomad#10437)', async () => {
    expect(await wakeLate(3)).toEqual(['woke-late', 'guardian-exit', 'due']);
  });

  test('pitfall 12: control: a loop that does not wait for it judges first (d-engine#352)', async () => {
    expect(await wakeLate(0)).toEqual(['woke-late', 'due', 'guardian-exit']);
  });

  test('pitfall 12: nodes that are starved in turn keep term and leader (nomad#10437)', () => {
    const cluster = led();
    for (let round = 0; round < 10; round += 1) {
      const starved = cluster.node(['b', 'c'][round % 2] ?? 'b');
      starved.frozen = true;
      cluster.run(400);
      starved.frozen = false;
      cluster.run(400);
    }
    expect(cluster.leader).toBe('a');
    expect(cluster.status('a').term).toBe(1);
  });
});

describe('pitfall 14: the disk is part of a leader’s fitness, and its clock does not wait for it', () => {
  test('pitfall 14: a leader whose disk stalls is replaced, though its heartbeats go out (hashicorp/raft#503)', () => {
    const cluster = led();
    cluster.node('a').stalled = true;
    cluster.propose('a');
    cluster.run(600);
    expect(cluster.leaders).toHaveLength(1);
    expect(cluster.leader).not.toBe('a');
    expect(commits(cluster)).toBe(true);
  });

  test('pitfall 14: control: a driver that does not say so leaves it in office for good (cockroach#41691)', () => {
    const cluster = led();
    cluster.node('a').stalled = true;
    cluster.node('a').stallTold = true;
    cluster.propose('a');
    cluster.run(10_000);
    expect(cluster.leader).toBe('a');
  });

  test('pitfall 14: heartbeats go out while a write hangs, until it is stalled (hashicorp/raft#612)', async () => {
    const one = new ALoop();
    await one.lead();
    const beats: number[] = [];
    const began = one.now;
    for (let i = 0; i < 60 && one.loop.role === 'leader'; i += 1) {
      one.elapse(50);
      if (one.sent.some(({ kind }) => kind === 'append')) beats.push(one.now);
      one.echo();
      if (one.loop.role === 'leader') one.sent.length = 0;
    }
    expect(one.loop.role).toBe('follower');
    expect(one.writes).toHaveLength(1);
    expect(beats.length).toBeGreaterThan(10);
    expect(one.now - began).toBeLessThan(2_000);
    expect(one.sent.some(({ kind, to }) => kind === 'timeout-now' && to === 'node2')).toBe(true);
  });

  test('pitfall 14: CheckQuorum goes on while a write hangs, so two leaders are not seen (etcd#13527)', async () => {
    const one = new ALoop();
    await one.lead();
    one.elapse(400);
    expect(one.writes).toHaveLength(1);
    expect(one.loop.role).toBe('follower');
  });
});

describe('pitfall 16: the driver lets nothing leave that rests on an unwritten vote', () => {
  test('pitfall 16: a vote and an acknowledgement leave when they are written (NodeDB#161)', async () => {
    const one = new ALoop();
    const ask = { lastIndex: 0, lastTerm: 0, transfer: false } as const;
    one.receive({ kind: 'vote', from: 'node2', term: 1, ...ask });
    const entries = [command(1, 1)];
    const place = { prevIndex: 0, prevTerm: 0, commitIndex: 0, readId: 1 } as const;
    one.receive({ kind: 'append', from: 'node2', term: 1, entries, ...place });
    expect(one.sent).toEqual([]);
    await one.sync();
    expect(one.sent.map(({ kind }) => kind)).toEqual(['vote-reply', 'append-reply']);
  });
});

describe('pitfall 21: what was applied is known from the state itself', () => {
  const commands: readonly Command[] = [
    { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 },
    ...[1, 2, 3].map(
      (n): Command => ({ kind: 'admit-member', member: member(n), invitation: null }),
    ),
    { kind: 'define-group', definition: definition('web'), expectedRevision: 0, by: 'test' },
    assign('web', 0, 'n1'),
  ];
  const entries: readonly Entry[] = commands.map((one, i) => {
    const envelope = { origin: 'n1', incarnation: 1, requestId: i, command: one };
    return { index: i + 1, term: 1, kind: 'command', data: encodeEnvelope(envelope) };
  });
  const aReplica = () => {
    const applied: number[] = [];
    const replica = new Replica({ compactEvery: 1, applied: () => applied.push(0) });
    return { replica, applied };
  };

  test('pitfall 21: each snapshot and the log behind it give the same state (etcd#13967, etcd#13766)', () => {
    const { replica: whole } = aReplica();
    const snapshots = entries.map((entry) => {
      whole.apply([entry]);
      return whole.snapshot((index) => ({ index, term: 1, configuration: configuration() }));
    });
    for (const [i, snapshot] of snapshots.entries()) {
      const { replica, applied } = aReplica();
      expect(snapshot?.meta.index).toBe(i + 1);
      if (snapshot !== null) replica.restore(snapshot.meta, snapshot.state);
      expect(replica.appliedIndex).toBe(i + 1);
      replica.apply(entries.slice(i + 1));
      expect(applied).toHaveLength(entries.length - i - 1);
      expect(replica.state).toEqual(whole.state);
    }
  });

  test('pitfall 21: power fails while a snapshot is saved: the old one, or the new (etcd#13967)', async () => {
    for (const reaches of [false, true]) {
      const disk = new MemoryDisk();
      const syncs: (() => void)[] = [];
      const store = new MemoryLogStore(disk, () => new Promise((end) => syncs.push(end)));
      const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
      const hardState = { term: 1, votedFor: 'a', commitIndex: 2 };
      store.append({ mark: 1, hardState, entries: [command(1, 1), command(2, 1)], snapshot: null });
      await turn();
      syncs.shift()?.();
      await turn();
      const meta = { index: 2, term: 1, configuration: configuration() };
      store.compact(meta, Uint8Array.of(7));
      await turn();
      if (reaches) syncs.shift()?.();
      if (reaches) await turn();
      disk.cut();
      const { snapshot, entries: left } = await new MemoryLogStore(disk).load();
      expect(snapshot).toEqual(reaches ? { meta, state: Uint8Array.of(7) } : null);
      expect(left).toHaveLength(reaches ? 0 : 2);
    }
  });
});

describe('pitfall 15: where plain Raft can elect nobody, members that hear both relay', () => {
  let cluster: MemoryCluster | null = null;
  afterEach(() => {
    cluster?.end();
    cluster = null;
  });

  test('pitfall 15: a star whose hub is stale elects and commits (OmniPaxos, constrained election)', async () => {
    const star = new MemoryCluster({ nodes: 5 });
    cluster = star;
    star.start();
    expect(await star.clock.until(() => star.serving() !== null, 20_000)).toBe(true);
    const applied = (): number => {
      const up = star.hosts.filter(({ running, frozen }) => running && !frozen);
      return Math.max(...up.map(({ driver }) => driver.replica.appliedIndex));
    };
    const submit = (mode: 'standby' | 'online'): void => {
      const subject = { kind: 'node', node: 'node5' } as const;
      const { driver } = star.host('node2');
      const deadline = star.clock.now() + 20_000;
      driver.request('operator', () =>
        driver.submit({ kind: 'set-mode', subject, mode, by: 't' }, deadline),
      );
    };
    star.host('node3').freeze();
    const before = applied();
    submit('standby');
    expect(await star.clock.until(() => applied() > before, 5_000)).toBe(true);
    for (const { name: from } of star.hosts) {
      for (const { name: to } of star.hosts) {
        if (from === to || from === 'node3' || to === 'node3') continue;
        for (const over of INTERCONNECTS) star.cutPath(from, to, over, true);
      }
    }
    const stale = star.host('node3').driver.replica.appliedIndex;
    expect(stale).toBeLessThan(applied());
    star.host('node3').thaw();
    const then = applied();
    submit('online');
    const on = (): boolean =>
      star.host('node3').driver.replica.state.members['node5']?.mode === 'online' &&
      star.host('node3').driver.replica.appliedIndex > then;
    expect(await star.clock.until(on, 20_000)).toBe(true);
    expect(star.leader()).not.toBeNull();
    expect(star.crashes).toEqual([]);
  });
});
