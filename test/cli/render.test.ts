import { describe, expect, it } from 'vitest';
import { renderChart, renderTimeline } from '../../src/cli/chart.ts';
import { eventText, renderHistory } from '../../src/cli/render-history.ts';
import { renderMembers, renderStatus } from '../../src/cli/render-status.ts';
import { type Terminal, terminalOf } from '../../src/cli/terminal.ts';
import { durationText } from '../../src/lib/duration.ts';
import { layoutPhases } from '../../src/observability/chart/timeline-chart.ts';
import type { Answer, ClusterStatus } from '../../src/operator/api.ts';
import { INQUORATE, QUORATE } from '../operator/fake-daemon.ts';
import { HISTORY, STAMPS, TIMELINE } from '../operator/fake-history.ts';

const plain: Terminal = { width: 80, colour: false, unicode: true, wraps: false };

const answer = (data: ClusterStatus, stale = false): Answer<ClusterStatus> => ({
  clusterId: 'lab',
  answeredBy: data.node,
  stale,
  appliedIndex: 1042,
  data,
});

describe('status', () => {
  it('of three nodes, one of them dead', () => {
    expect(`\n${renderStatus(plain, answer(QUORATE)).join('\n')}\n`).toBe(`
cluster lab  quorate  leader node2  term 7  commit 1042
seen by node3 (follower, version 0.1.0)

MEMBER        NUMBER  STATE  MODE    ROLE    lan-a                    lan-b
node1         1       dead   online  voter   dead, silent 1 min 23 s  dead, silent 1 min 23 s
node2         2       alive  online  leader  alive                    alive
node3 (here)  3       alive  online  voter   -                        -

GROUP   PHASE    OWNER  EPOCH  MODE    REASON    HERE
ledger  serving  node2  6      online  failover  stopped
`);
  });

  it('of a node that is alone: stale, and why nothing is served', () => {
    expect(`\n${renderStatus(plain, answer(INQUORATE, true)).join('\n')}\n`).toBe(`
STALE: node3 cannot reach a majority of the cluster.
What follows is the last that it knew (log index 1042); others may have moved on.

cluster lab  NOT QUORATE  no leader  term 7  commit 1042
seen by node3 (pre-candidate, version 0.1.0)
nothing is served: only 1 of 3 voters is heard; 2 are needed

MEMBER        NUMBER  STATE  MODE    ROLE   lan-a               lan-b
node1         1       dead   online  voter  dead, silent 4.2 s  dead, never heard
node2         2       dead   online  voter  dead, silent 4.2 s  dead, never heard
node3 (here)  3       alive  online  voter  -                   -

GROUP   PHASE    OWNER  EPOCH  MODE    REASON    HERE
ledger  serving  node2  6      online  failover  stopped

ledger:
  not served: node2 owns it and is not heard; without a majority no other node may take it
  node3 cannot take it: IDENTITY_MISMATCH
  takeover by node3 in epoch 5 failed: FOREIGN_RESERVATION key 0x99
`);
  });

  it('on the leader shows who lags, who becomes what, and what that waits for', () => {
    const [node1, node2, node3] = QUORATE.members;
    if (node1 === undefined || node2 === undefined || node3 === undefined) throw new Error('three');
    const waits = 'CATCHING_UP: node1 does not have the whole log yet';
    const members = [
      { ...node1, raft: 'learner', lag: 812, waits, links: [], addresses: {} },
      { ...node2, lag: 0, links: [], addresses: {} },
      { ...node3, role: 'leaving', raft: 'outgoing', lag: 3, addresses: {} },
    ] as const;
    expect(`\n${renderMembers(plain, members).join('\n')}\n`).toBe(`
MEMBER        NUMBER  STATE  MODE    ROLE              LAG
node1         1       dead   online  learner -> voter  812
node2         2       alive  online  leader            0
node3 (here)  3       alive  online  outgoing -> out   3
  node1 waits: CATCHING_UP: node1 does not have the whole log yet
`);
  });

  it('says when the disk of the log does not answer', () => {
    const lines = renderStatus(plain, answer({ ...QUORATE, logStalled: true }));
    expect(lines[2]).toBe('the log disk of node3 does not answer: it cannot lead');
    expect(renderStatus(plain, answer(QUORATE)).join()).not.toContain('log disk');
  });

  it('on the owner shows lease and resources', () => {
    const [group] = QUORATE.groups;
    if (group === undefined) throw new Error('the fixture has a group');
    const local = {
      state: 'serving',
      epoch: 6,
      leaseRemainingMs: 310,
      resources: [
        { resource: 'ledger-data', type: 'filesystem', state: 'started', code: null },
        { resource: 'app', type: 'application', state: 'failed', code: 'PROBE_FAILED' },
      ],
    };
    const lines = renderStatus(plain, answer({ ...QUORATE, groups: [{ ...group, local }] }));
    expect(`\n${lines.slice(-7).join('\n')}\n`).toBe(`
GROUP   PHASE    OWNER  EPOCH  MODE    REASON    HERE
ledger  serving  node2  6      online  failover  serving, lease 310 ms

ledger:
    RESOURCE     TYPE         STATE    CODE
    ledger-data  filesystem   started
    app          application  failed   PROBE_FAILED
`);
  });

  it('has colour on a terminal, and columns that stand just as well', () => {
    const colour = renderStatus({ ...plain, colour: true }, answer(INQUORATE, true)).join('\n');
    expect(colour).toContain('\u001b[1;97;41mSTALE');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences are what is removed
    const stripped = colour.replace(/\u001b\[[\d;]*m/g, '').replace(/ +$/gm, '');
    expect(stripped).toBe(renderStatus(plain, answer(INQUORATE, true)).join('\n'));
  });
});

describe('timeline', () => {
  it('of a failover from node1 to node2, decided by node3', () => {
    expect(`\n${renderTimeline(plain, TIMELINE).join('\n')}\n`).toBe(`
ledger  epoch 6  failover from node1 to node2  358 ms in all
  silence on lan-a 204 ms, lan-b 204 ms, seen by node3
  detect       node3  ███████████████████████████                         204 ms
  elect        node3                             ██                        18 ms
  decide       node3                               █                        6 ms
  fence        node2                                ██                     14 ms
  mount        node2                                  ████████             61 ms
  address      node2                                     ▏                  2 ms
  application  node2                                          ████         35 ms
  serve        node2                                              ███      20 ms
`);
  });

  it('on a console without block characters', () => {
    const chart = renderChart({ ...plain, unicode: false }, STAMPS);
    expect(chart.join('')).toMatch(/^[\x20-\x7e]+$/);
    expect(chart[5]).toContain('|');
  });

  it('fits into the width of the terminal, whatever the durations are', () => {
    for (const width of [40, 60, 80, 160]) {
      for (const factor of [0.001, 1, 1_000]) {
        const stamps = STAMPS.map((stamp) => ({
          ...stamp,
          durationMs: stamp.durationMs * factor,
          startedMs: stamp.startedMs * factor,
        }));
        const longest = Math.max(...renderChart({ ...plain, width }, stamps).map((l) => l.length));
        expect(longest).toBeLessThanOrEqual(Math.max(width, 46));
      }
    }
  });

  it('never compares the clocks of two nodes: the owner goes on where the leader ended', () => {
    const bars = layoutPhases(STAMPS);
    expect(bars.map(({ phase, offsetMs }) => [phase, offsetMs])).toEqual([
      ['detect', 0],
      ['elect', 204],
      ['decide', 222],
      ['fence', 228],
      ['mount', 242],
      ['address', 268],
      ['application', 303],
      ['serve', 338],
    ]);
  });

  it('nor two lives of one node', () => {
    const [detect, , , fence] = STAMPS;
    if (detect === undefined || fence === undefined) throw new Error('the fixture has stamps');
    const bars = layoutPhases([detect, { ...fence, node: 'node3', incarnation: 99 }]);
    expect(bars[1]?.offsetMs).toBe(detect.durationMs);
  });

  it('of nothing is a sentence', () => {
    expect(renderTimeline(plain, { ...TIMELINE, stamps: [], evidence: '' })).toEqual([
      'ledger  epoch 6  failover from node1 to node2  358 ms in all',
      '  no phase was measured',
    ]);
  });
});

describe('history', () => {
  it('tells a failover', () => {
    const short = HISTORY.map((entry) => ({ ...entry, stamps: entry.stamps.slice(0, 3) }));
    expect(`\n${renderHistory(plain, short).join('\n')}\n`).toBe(`
INDEX  GROUP   EPOCH  EVENT
3      -       -      the cluster was created
1036   ledger  6      failover: node1 -> node2, silence seen by node3 lan-a 204 ms, lan-b 204 ms
1038   ledger  6      fenced by node2 (ledger-disk)
1041   ledger  6      served by node2, detect 204 ms, elect 18 ms, decide 6 ms
`);
  });

  it('events are sentences too', () => {
    const [created] = HISTORY;
    if (created === undefined) throw new Error('the fixture has entries');
    expect(eventText({ kind: 'history', entry: created })).toBe('cluster: the cluster was created');
    const voters = ['node1', 'node2', 'node3'];
    const change = { kind: 'configuration', voters, outgoing: [], learners: [] } as const;
    expect(eventText(change)).toBe('cluster: node1, node2, node3 vote');
    const joint = { ...change, outgoing: ['node1', 'node2'], learners: ['node4'] };
    expect(eventText(joint)).toBe(
      'cluster: node1, node2, node3 vote, together with node1, node2; learning: node4',
    );
    expect(eventText({ ...change, voters: [] })).toBe('cluster: nobody votes');
    expect(eventText({ kind: 'leader', leader: null, term: 4 })).toBe(
      'cluster: NO LEADER in term 4',
    );
    expect(
      eventText({ kind: 'local', group: 'g', epoch: 2, state: 'frozen', detail: 'lease lost' }),
    ).toBe('g epoch 2: here frozen (lease lost)');
    expect(eventText({ kind: 'lost', lost: 3 })).toContain('3 events were missed');
  });
});

describe('the terminal', () => {
  it.each([
    [
      { isTTY: true, columns: 120 },
      { LANG: 'en_GB.UTF-8' },
      { width: 120, colour: true, unicode: true, wraps: true },
    ],
    [
      { isTTY: true, columns: 120 },
      { LANG: 'C', NO_COLOR: '1' },
      { width: 120, colour: false, unicode: false, wraps: true },
    ],
    [
      { isTTY: true, columns: 10 },
      { TERM: 'dumb' },
      { width: 40, colour: false, unicode: false, wraps: true },
    ],
    [{}, {}, { width: 100, colour: false, unicode: true, wraps: false }],
    [
      {},
      { COLUMNS: '70', LC_ALL: 'C' },
      { width: 70, colour: false, unicode: false, wraps: false },
    ],
  ])('%j with %j', (stream, env, expected) => {
    expect(terminalOf(stream, env)).toEqual(expected);
  });

  it.each([
    [0.4, '0 ms'],
    [999, '999 ms'],
    [4_200, '4.2 s'],
    [83_000, '1 min 23 s'],
    [11_100_000, '3 h 5 min'],
  ])('%d ms reads %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
