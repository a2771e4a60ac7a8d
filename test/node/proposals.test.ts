/** Commands on their way to a leader that may be anybody, or nobody, or somebody else than a moment ago. */
import { describe, expect, it } from 'vitest';
import { decodeEnvelope } from '../../src/cluster/codec.ts';
import type { Command, CommandEnvelope } from '../../src/cluster/command.ts';
import type { ControlMessage } from '../../src/failover/control.ts';
import { Proposals } from '../../src/node/proposals.ts';

const STANDBY: Command = {
  kind: 'set-mode',
  subject: { kind: 'cluster' },
  mode: 'standby',
  by: 'test',
};
const OK = { ok: true, epoch: null } as const;

function aNode(leader: string | null = 'node1') {
  const world = {
    leader,
    sent: [] as ControlMessage[],
    logged: [] as CommandEnvelope[],
    /** Numbers of the proposals that the core refuses when they are handed in. */
    refused: [] as number[],
  };
  const proposals = new Proposals({
    self: 'node1',
    incarnation: 7,
    retryMs: 100,
    leader: () => world.leader,
    send: (message) => world.sent.push(message),
    proposeLocally: (_id, data) => {
      const decoded = decodeEnvelope(data);
      if (decoded.ok) world.logged.push(decoded.value);
    },
    proposed: () => {
      for (const id of world.refused) proposals.rejectedByCore(id, 'TOO_MANY_UNCOMMITTED');
    },
  });
  return { world, proposals };
}

function from(node: string, requestId: number, command: Command = STANDBY) {
  return {
    kind: 'propose',
    from: node,
    to: 'node1',
    requestId,
    incarnation: 3,
    command,
  } as const;
}

describe('a command of this node', () => {
  it('is put into its own log once, however long the commit takes', () => {
    const { world, proposals } = aNode();
    proposals.submit(STANDBY, Infinity);
    for (const now of [0, 200, 400]) proposals.flush(now);
    expect(world.logged).toHaveLength(1);
  });

  it('goes to the next leader, and is settled once, by the first copy that is applied', () => {
    const { world, proposals } = aNode('node2');
    const outcomes: unknown[] = [];
    proposals.submit(STANDBY, Infinity, (outcome) => outcomes.push(outcome));
    proposals.flush(0);
    world.leader = 'node3';
    proposals.leaderChanged();
    proposals.flush(1);
    expect(world.sent.map((message) => message.to)).toEqual(['node2', 'node3']);
    const envelope = { origin: 'node1', incarnation: 7, requestId: 1, command: STANDBY };
    proposals.applied(envelope, OK);
    proposals.applied(envelope, { ok: false, code: 'STALE_EPOCH', detail: '' });
    expect(outcomes).toEqual([OK]);
  });

  it('is asked anew after a snapshot, since whoever saw it applied would not take it again', () => {
    const { world, proposals } = aNode('node2');
    proposals.submit(STANDBY, Infinity);
    proposals.flush(0);
    proposals.restored();
    proposals.flush(1);
    const ids = world.sent.map((message) => 'requestId' in message && message.requestId);
    expect(ids).toEqual([1, 2]);
  });

  it('is given up at its deadline, and nobody knows how it ended', () => {
    const { proposals } = aNode(null);
    const outcomes: unknown[] = [];
    proposals.submit(STANDBY, 50, (outcome) => outcomes.push(outcome));
    proposals.flush(10);
    proposals.flush(60);
    expect(outcomes).toEqual([null]);
    expect(proposals.idle).toBe(true);
  });

  it('that the core refused among others that it took is tried again, and the others are not', () => {
    const { world, proposals } = aNode();
    proposals.submit(STANDBY, Infinity);
    proposals.submit(STANDBY, Infinity);
    world.refused = [2];
    proposals.flush(0);
    world.refused = [];
    proposals.flush(200);
    expect(world.logged.map(({ requestId }) => requestId)).toEqual([1, 2, 2]);
  });

  it('is refused when too many wait', () => {
    const { proposals } = aNode(null);
    const outcomes: unknown[] = [];
    for (let i = 0; i <= 1_024; i += 1) proposals.submit(STANDBY, 50, (one) => outcomes.push(one));
    expect(outcomes).toEqual([expect.objectContaining({ code: 'TOO_MANY_UNCOMMITTED' })]);
  });
});

describe('what a leader decides from its own grants', () => {
  it('is dropped when its term ends, and never handed to another leader', () => {
    const { world, proposals } = aNode();
    const outcomes: unknown[] = [];
    proposals.submitBound(STANDBY, 1_000, (outcome) => outcomes.push(outcome));
    proposals.flush(0);
    world.leader = 'node2';
    proposals.leaderChanged();
    proposals.flush(1);
    world.leader = 'node1';
    proposals.leaderChanged();
    proposals.flush(2);
    expect(outcomes).toEqual([null]);
    expect(world.sent).toEqual([]);
    expect(world.logged).toHaveLength(1);
  });

  it('is not given up while it stands in the log', () => {
    const { proposals } = aNode();
    const outcomes: unknown[] = [];
    proposals.submitBound(STANDBY, 50, (outcome) => outcomes.push(outcome));
    proposals.flush(0);
    proposals.flush(60);
    expect(outcomes).toEqual([]);
  });

  it('is refused, not unknown, when the core never took it', () => {
    const { proposals } = aNode();
    const outcomes: unknown[] = [];
    proposals.submitBound(STANDBY, 50, (outcome) => outcomes.push(outcome));
    proposals.flush(60);
    expect(outcomes).toEqual([expect.objectContaining({ ok: false })]);
  });
});

describe('a command that another node hands over', () => {
  it('is logged once, though it arrives again and again', () => {
    const { world, proposals } = aNode();
    for (const now of [0, 1]) {
      proposals.arrived(from('node2', 5));
      proposals.flush(now);
    }
    expect(world.logged).toHaveLength(1);
  });

  it('is not taken up again when a copy of it comes long after it was applied', () => {
    const { world, proposals } = aNode('node2');
    const envelope = { origin: 'node2', incarnation: 3, requestId: 5, command: STANDBY };
    proposals.applied(envelope, OK);
    world.leader = 'node1';
    proposals.leaderChanged();
    proposals.arrived(from('node2', 5));
    proposals.flush(9_000);
    expect(world.logged).toEqual([]);
  });

  it('is sent back by who does not lead, and an assignment by everybody', () => {
    const { world, proposals } = aNode('node2');
    proposals.arrived(from('node3', 1));
    world.leader = 'node1';
    const evidence = {
      kind: 'boot',
      observer: 'node3',
      perInterconnectMs: {},
      detail: '',
    } as const;
    const guard = { group: 'g', expectedEpoch: 1, node: 'node3', reason: 'boot' } as const;
    const assign: Command = {
      kind: 'assign',
      ...guard,
      evidence,
      leaseRemainderMs: 0,
      stamps: [],
    };
    proposals.arrived(from('node3', 2, assign));
    proposals.flush(0);
    expect(world.sent.map(({ kind }) => kind)).toEqual(['propose-refused', 'propose-refused']);
    expect(world.logged).toEqual([]);
  });
});

describe('what the leader knows and the state machine does not', () => {
  const LATE: Command = {
    kind: 'admit-member',
    member: { node: 'n', number: 9, peerId: 'peer', addresses: {} },
    invitation: 'key',
  };

  function judging(leader: string) {
    const world = { sent: [] as ControlMessage[], logged: 0 };
    const proposals = new Proposals({
      self: 'node1',
      incarnation: 7,
      retryMs: 100,
      leader: () => leader,
      send: (message) => world.sent.push(message),
      proposeLocally: () => {
        world.logged += 1;
      },
      proposed: () => undefined,
      refuses: ({ kind }) =>
        kind === 'admit-member' ? { code: 'INVITATION_EXPIRED', detail: 'since noon' } : null,
    });
    return { world, proposals };
  }

  it('keeps its own command out of the log, and says so at once', () => {
    const { world, proposals } = judging('node1');
    const outcomes: unknown[] = [];
    proposals.submit(LATE, Infinity, (outcome) => outcomes.push(outcome));
    proposals.submit(STANDBY, Infinity);
    proposals.flush(0);
    const refused = { ok: false, code: 'INVITATION_EXPIRED', detail: 'since noon' };
    expect(outcomes).toEqual([refused]);
    expect(world.logged).toBe(1);
  });

  it('is told to whoever handed the command over, who does not ask again', () => {
    const { world, proposals } = judging('node1');
    proposals.arrived(from('node2', 5, LATE));
    proposals.flush(0);
    expect(world.logged).toBe(0);
    const said = { code: 'INVITATION_EXPIRED', detail: 'since noon' } as const;
    expect(world.sent).toMatchObject([{ kind: 'propose-refused', ...said }]);

    const refused = { kind: 'propose-refused', from: 'node2', to: 'node1' } as const;
    // An earlier release says no words.
    for (const detail of [said.detail, undefined]) {
      const asker = judging('node2');
      const outcomes: unknown[] = [];
      asker.proposals.submit(LATE, Infinity, (outcome) => outcomes.push(outcome));
      asker.proposals.flush(0);
      asker.proposals.refused({ ...refused, ...said, detail, requestId: 1, incarnation: 7 }, 1);
      asker.proposals.flush(1_000);
      expect(outcomes).toEqual([{ ok: false, ...said, detail: detail ?? 'by the leader node2' }]);
      expect(asker.world.sent).toHaveLength(1);
    }
  });

  it('includes that recovery is never handed in: it is written while no daemon runs', () => {
    const { world, proposals } = judging('node1');
    const recover = { kind: 'recover', survivors: ['node2'], epochJump: 1, by: 'x' } as const;
    proposals.arrived(from('node2', 6, recover));
    proposals.flush(0);
    expect(world.logged).toBe(0);
    expect(world.sent).toMatchObject([{ kind: 'propose-refused', code: 'NOT_LEADER' }]);
  });
});
