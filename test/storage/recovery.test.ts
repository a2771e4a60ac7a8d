/** Recovery on the store of a survivor: what is written, what is refused, and that it is one batch. */
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apply } from '../../src/cluster/apply.ts';
import { encodeEnvelope, encodeState } from '../../src/cluster/codec.ts';
import type { Command } from '../../src/cluster/command.ts';
import { emptyState } from '../../src/cluster/state.ts';
import { HoldfastError } from '../../src/lib/error.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { RaftCore } from '../../src/raft/core.ts';
import type { Configuration, Entry } from '../../src/raft/types.ts';
import { LevelLogStore } from '../../src/storage/level-log-store.ts';
import { EPOCH_JUMP, recover, survey } from '../../src/storage/recovery.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'holdfast-recovery-')), 'log');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

const options = (node = 'n3') => ({ directory, clusterId: 'lab', node });

const member = (number: number) => ({
  node: `n${number}`,
  number,
  peerId: `peer-${number}`,
  addresses: { red: `10.0.0.${number}:7400` },
});

const COMMANDS: readonly Command[] = [
  { kind: 'create-cluster', clusterId: 'lab', firstEpoch: 1 },
  ...[1, 2, 3].map((n) => {
    return { kind: 'admit-member', member: member(n), invitation: null } as const;
  }),
  {
    kind: 'define-group',
    definition: { group: 'web', resources: [], preferred: [] },
    expectedRevision: 0,
    by: 'test',
  },
  {
    kind: 'assign',
    group: 'web',
    expectedEpoch: 0,
    node: 'n1',
    reason: 'boot',
    evidence: { kind: 'boot', observer: 'n1', perInterconnectMs: {}, detail: '' },
    leaseRemainderMs: 0,
    stamps: [],
  },
];

const TERM = 4;

function logged(commands: readonly Command[]): readonly Entry[] {
  return commands.map((command, i) => {
    const data = encodeEnvelope({ origin: 'n1', incarnation: 1, requestId: i, command });
    return { kind: 'command', index: i + 1, term: TERM, data };
  });
}

/** What n3 has received; of it `commitIndex` entries were known to be committed. */
async function survivor(commitIndex: number, node = 'n3'): Promise<void> {
  const store = await LevelLogStore.open(options(node));
  const hardState = { term: TERM + 1, votedFor: 'n1', commitIndex };
  await store.append({ mark: 1, hardState, entries: logged(COMMANDS), snapshot: null });
  await store.close();
}

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no refusal',
    (error: unknown) => (error instanceof HoldfastError ? error.code : String(error)),
  );

describe('a survey', () => {
  test('says how far the log goes, and what it says when all of it is applied', async () => {
    await survivor(2);
    expect(await survey(options())).toMatchObject({
      node: 'n3',
      term: TERM + 1,
      lastTerm: TERM,
      lastIndex: COMMANDS.length,
      commitIndex: 2,
      configuration: { voters: ['n1', 'n2', 'n3'] },
      state: { lastEpoch: 1, groups: { web: { owner: 'n1', epoch: 1 } } },
    });
  });

  test('begins at the snapshot where there is one', async () => {
    const store = await LevelLogStore.open(options());
    const entries = logged(COMMANDS);
    const hardState = { term: TERM, votedFor: null, commitIndex: 5 };
    await store.append({ mark: 1, hardState, entries, snapshot: null });
    const state = COMMANDS.slice(0, 5).reduce((s, c, i) => apply(s, i + 1, c).state, emptyState);
    const configuration: Configuration = { voters: ['n2', 'n3'], outgoing: [], learners: ['n1'] };
    await store.compact({ index: 5, term: TERM, configuration }, encodeState(state));
    await store.close();
    expect(await survey(options())).toMatchObject({
      lastIndex: COMMANDS.length,
      commitIndex: 5,
      configuration,
      state: { lastEpoch: 1, groups: { web: { owner: 'n1' } } },
    });
  });

  test('of a directory without a log finds nothing, and makes nothing', async () => {
    expect(await codeOf(survey(options()))).toBe('RECOVER_NO_DATA');
    expect(existsSync(directory)).toBe(false);
  });
});

describe('recovery', () => {
  test('leaves one voter, a record, a jump of the epochs, and maintenance', async () => {
    await survivor(2);
    const after = await recover(options(), 'root');
    expect(after).toMatchObject({
      term: TERM + 2,
      lastIndex: COMMANDS.length + 2,
      commitIndex: COMMANDS.length + 2,
      configuration: { voters: ['n3'], outgoing: [], learners: [] },
      state: {
        mode: 'maintenance',
        lastEpoch: 1 + EPOCH_JUMP,
        removed: [{ node: 'n1' }, { node: 'n2' }],
        groups: { web: { owner: null } },
      },
    });
    expect(Object.keys(after.state.members)).toEqual(['n3']);
    expect(after.state.history.at(-1)).toMatchObject({
      event: 'recovered',
      detail: 'with n3 without n1, n2, by root',
    });
    expect(await survey(options())).toEqual(after);
  });

  test('gives a consensus core that leads alone and commits everything', async () => {
    await survivor(2);
    await recover(options(), 'root');
    const store = await LevelLogStore.open(options());
    const restored = await store.load();
    await store.close();
    const random = seededRandom(1);
    const bootstrap = { voters: ['n1', 'n2', 'n3'], outgoing: [], learners: [] };
    const core = RaftCore.restore(RAFT, restored, bootstrap, 0, random);
    const asked = core.step({ kind: 'deadline' }, 10_000, random);
    expect(asked.persist).not.toBeNull();
    const won = core.step({ kind: 'durable', mark: asked.persist?.mark ?? 0 }, 10_001, random);
    expect(won.role).toBe('leader');
    expect(core.status().configuration.voters).toEqual(['n3']);
    expect([...asked.committed, ...won.committed].at(-1)?.index).toBeGreaterThanOrEqual(
      COMMANDS.length + 2,
    );
  });

  test('that the power ends at any byte is done or not done, and nothing between', async () => {
    await survivor(2);
    const before = await survey(options());
    const after = await recover(options(), 'root');
    const log = readdirSync(directory)
      .filter((name) => name.endsWith('.log'))
      .toSorted()
      .at(-1);
    const whole = readFileSync(join(directory, log ?? ''));
    const torn = join(directory, '..', 'torn');
    const seen = { before: 0, after: 0 };
    // From the end on: the last byte makes the difference.
    for (let length = whole.byteLength; length >= 0; length -= 3) {
      rmSync(torn, { recursive: true, force: true });
      cpSync(directory, torn, { recursive: true });
      writeFileSync(join(torn, log ?? ''), whole.subarray(0, length));
      // Not synced by itself: after a power loss it may be an older one, or none.
      rmSync(join(torn, 'DURABLE'));
      const found = await survey({ ...options(), directory: torn });
      const which = found.term === after.term ? 'after' : 'before';
      expect(found).toEqual(which === 'after' ? after : before);
      seen[which] += 1;
    }
    expect(seen).toEqual({ before: Math.floor(whole.byteLength / 3), after: 1 });
  });

  test('is refused while somebody uses the store', async () => {
    await survivor(2);
    const daemon = await LevelLogStore.open(options());
    expect(await codeOf(recover(options(), 'root'))).toBe('DATA_DIRECTORY_LOCKED');
    await daemon.close();
  });

  test.each([
    ['of another node', { directory: '', clusterId: 'lab', node: 'n2' }, 'DATA_OF_ANOTHER_NODE'],
    [
      'of another cluster',
      { directory: '', clusterId: 'x', node: 'n3' },
      'DATA_OF_ANOTHER_CLUSTER',
    ],
  ])('is refused on the data %s', async (_what, which, code) => {
    await survivor(2);
    expect(await codeOf(recover({ ...which, directory }, 'root'))).toBe(code);
  });

  test('of a node that is no member is refused, and nothing is written', async () => {
    await survivor(2, 'n9');
    const before = await survey(options('n9'));
    expect(await codeOf(recover(options('n9'), 'root'))).toBe('UNKNOWN_NODE');
    expect(await survey(options('n9'))).toEqual(before);
  });

  test('is done once', async () => {
    await survivor(2);
    const after = await recover(options(), 'root');
    expect(await codeOf(recover(options(), 'root'))).toBe('RECOVER_NOT_NEEDED');
    expect(await survey(options())).toEqual(after);
  });
});

const RAFT = {
  id: 'n3',
  heartbeatMs: 50,
  electionTimeoutMs: 200,
  electionGapMs: 15,
  rank: 0,
  checkQuorumMs: 250,
  clockDrift: 0.001,
  maxInflightAppends: 64,
  maxAppendBytes: 65_536,
  maxUncommittedBytes: 1 << 20,
  snapshotChunkBytes: 4096,
};
