/** The core's orders are carried out in its order, and one step at a time. */
import { expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import type { NodeEvent } from '../../src/node/node-event.ts';
import { RaftLoop } from '../../src/node/raft-loop.ts';
import { RaftCore } from '../../src/raft/core.ts';
import type { LogStore } from '../../src/raft/log-store.ts';
import type { RaftMessage } from '../../src/raft/types.ts';

const OPTIONS = {
  id: 'node1',
  heartbeatMs: 50,
  electionTimeoutMs: 200,
  electionGapMs: 15,
  rank: 0,
  checkQuorumMs: 250,
  clockDrift: 0.001,
  maxInflightAppends: 64,
  maxAppendBytes: 65_536,
  maxUncommittedBytes: 65_536,
  snapshotChunkBytes: 1_024,
};

function aLoop(voters: readonly string[], append: LogStore['append'] = () => Promise.resolve()) {
  const did: string[] = [];
  const sent: RaftMessage[] = [];
  const events: NodeEvent[] = [];
  const random = seededRandom(1);
  const log: LogStore = {
    load: () => Promise.reject(new Error('not asked')),
    append: (batch) => {
      did.push(`write ${batch.mark}`);
      return append(batch);
    },
    compact: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const restored = {
    hardState: { term: 0, votedFor: null, commitIndex: 0 },
    entries: [],
    snapshot: null,
  };
  const configuration = { voters, outgoing: [], learners: [] };
  const core = RaftCore.restore(OPTIONS, restored, configuration, 0, random);
  const hooks = { applied: (): void => undefined };
  const loop = new RaftLoop(core, {
    log,
    random,
    now: 0,
    checkQuorumMs: 250,
    hooks: {
      send: (message) => {
        did.push(message.kind);
        sent.push(message);
      },
      post: (event) => events.push(event),
      restore: () => undefined,
      apply: (entries) => {
        did.push(`apply ${entries.length}`);
        hooks.applied();
      },
      read: () => undefined,
      readRejected: () => undefined,
      rejected: (id, code) => did.push(`rejected ${id} ${code}`),
      leadership: ({ role }) => did.push(role),
    },
  });
  return { loop, did, sent, events, hooks };
}

it('a vote leaves only when it is on the disk', async () => {
  const { loop, did, events } = aLoop(['node1', 'node2', 'node3']);
  const vote = { kind: 'vote', lastIndex: 0, lastTerm: 0, transfer: true } as const;
  loop.step({ kind: 'message', message: { ...vote, from: 'node2', to: 'node1', term: 1 } }, 10);
  expect(did.filter((one) => one === 'vote-reply')).toEqual([]);
  await Promise.resolve();
  expect(events).toEqual([{ kind: 'durable', mark: 1 }]);
  loop.durable(1, 11);
  expect(did.at(-1)).toBe('vote-reply');
});

it('a log that cannot be written is said so', async () => {
  const { loop, events } = aLoop(['node1'], () => Promise.reject(new Error('no space')));
  loop.step({ kind: 'deadline' }, 1_000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(events).toContainEqual({ kind: 'log-failed', detail: 'Error: no space' });
});

it('a step that is asked for within a step comes after it', () => {
  const { loop, did, hooks } = aLoop(['node1']);
  hooks.applied = () => loop.step({ kind: 'propose', proposalId: 1, data: new Uint8Array(1) }, 20);
  for (let mark = 1; mark < 4; mark += 1) {
    loop.step({ kind: 'deadline' }, 1_000 + mark);
    loop.durable(did.filter((one) => one.startsWith('write')).length, 1_000 + mark);
  }
  expect(loop.role).toBe('leader');
  const applied = did.findIndex((one) => one.startsWith('apply'));
  expect(applied).toBeGreaterThan(0);
  expect(did[applied + 1]).toMatch(/^write/);
});

it('what is gathered in one turn costs one write and one message to each follower', () => {
  const { loop, did, sent } = aLoop(['node1', 'node2', 'node3']);
  const reply = { from: 'node2', to: 'node1', granted: true, quietMs: 0 } as const;
  loop.step({ kind: 'deadline' }, 1_000);
  loop.step({ kind: 'message', message: { ...reply, kind: 'pre-vote-reply', term: 1 } }, 1_001);
  loop.durable(did.filter((one) => one.startsWith('write')).length, 1_002);
  loop.step({ kind: 'message', message: { ...reply, kind: 'vote-reply', term: 1 } }, 1_003);
  expect(loop.role).toBe('leader');
  did.length = 0;
  sent.length = 0;
  for (let proposalId = 1; proposalId <= 10; proposalId += 1) {
    loop.gather({ kind: 'propose', proposalId, data: new Uint8Array(1) });
  }
  expect(did).toEqual([]);
  loop.takeGathered(1_004);
  expect(did.filter((one) => one.startsWith('write'))).toHaveLength(1);
  const appends = sent.map((message) => (message.kind === 'append' ? message.entries.length : 0));
  expect(appends).toEqual([10, 10]);
});

it('a step begins with what was gathered before it', () => {
  const { loop, did } = aLoop(['node1']);
  loop.gather({ kind: 'propose', proposalId: 1, data: new Uint8Array(1) });
  loop.step({ kind: 'deadline' }, 1_000);
  expect(did[0]).toBe('rejected 1 NOT_LEADER');
  expect(did.length).toBeGreaterThan(1);
});
