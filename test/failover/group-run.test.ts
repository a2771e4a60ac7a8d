/** A run is told what happens and answers with what to do; the tests read as the story of a failover. */
import { describe, expect, it } from 'vitest';
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import { GroupRun } from '../../src/failover/group-run.ts';
import type { ActionVerb, RunClass, RunEffect } from '../../src/failover/run-types.ts';

const CLASSES: Readonly<Record<string, RunClass>> = {
  disk: 'disk',
  filesystem: 'mount',
  'virtual-mac': 'address',
  'floating-ip': 'address',
  application: 'application',
};

function resource(name: string, type: string, needs: readonly string[]): ResourceDefinition {
  return {
    name,
    type,
    needs,
    parameters: {},
    startTimeoutMs: 1_000,
    stopTimeoutMs: 1_000,
    monitorIntervalMs: 100,
    monitorTimeoutMs: 100,
  };
}

const RESOURCES = [
  resource('lun', 'disk', []),
  resource('data', 'filesystem', ['lun']),
  resource('mac', 'virtual-mac', []),
  resource('ip', 'floating-ip', ['mac']),
  resource('ledger', 'application', ['data', 'ip']),
];

function begin(
  visibleFromMs = 0,
  resources: readonly ResourceDefinition[] = RESOURCES,
): { run: GroupRun; effects: readonly RunEffect[] } {
  const run = new GroupRun({
    group: 'g',
    epoch: 7,
    node: 'node1',
    incarnation: 1,
    resources,
    classOf: (one) => CLASSES[one.type] ?? 'application',
    visibleFromMs,
    restarts: { count: 1, windowMs: 1_000 },
    killTimeoutMs: 1_000,
  });
  return { run, effects: run.step({ kind: 'begin' }, 0) };
}

function acts(effects: readonly RunEffect[]): string[] {
  return effects.flatMap((e) => (e.kind === 'act' ? [`${e.verb} ${e.resource}`] : []));
}

function watching(effects: readonly RunEffect[]): string[] {
  return effects.flatMap((e) =>
    e.kind === 'watch' || e.kind === 'unwatch' ? [`${e.kind} ${e.resource}`] : [],
  );
}

function states(run: GroupRun): Readonly<Record<string, string>> {
  return Object.fromEntries(run.resources().map(({ name, state }) => [name, state]));
}

function proposed(effects: readonly RunEffect[]): string[] {
  return effects.flatMap((e) => (e.kind === 'propose' ? [e.command.kind] : []));
}

function done(run: GroupRun, verb: ActionVerb, name: string, now = 0, ok = true) {
  const end = {
    ok,
    code: ok ? null : 'START_FAILED',
    detail: '',
    startedMs: now,
    endedMs: now,
    spawnedMs: null,
  };
  return run.step({ kind: 'action-done', resource: name, verb, end }, now);
}

/** Plays every action to its end but `stop`, which stays under way. */
function playUntil(run: GroupRun, effects: readonly RunEffect[], stop: string): RunEffect[] {
  const all: RunEffect[] = [...effects];
  for (let i = 0; i < all.length; i += 1) {
    const effect = all[i];
    if (effect?.kind !== 'act' || `${effect.verb} ${effect.resource}` === stop) continue;
    all.push(...done(run, effect.verb, effect.resource));
  }
  return all;
}

/** Plays every action to its end, at once, until nothing is asked any more. */
function play(run: GroupRun, effects: readonly RunEffect[], now = 0): RunEffect[] {
  const all: RunEffect[] = [...effects];
  for (let i = 0; i < all.length; i += 1) {
    const effect = all[i];
    if (effect?.kind === 'act') all.push(...done(run, effect.verb, effect.resource, now));
  }
  return all;
}

function serving(): GroupRun {
  const { run, effects } = begin();
  play(run, [...effects, ...run.step({ kind: 'lease', state: 'serve' }, 0)]);
  expect(run.phase).toBe('serving');
  return run;
}

describe('the rest of an earlier lease', () => {
  it('is not waited for once every earlier epoch is known to be down', () => {
    const { run, effects } = begin(5_000);
    play(run, [...effects, ...run.step({ kind: 'lease', state: 'serve' }, 0)]);
    expect(states(run)).toMatchObject({ data: 'started', ip: 'prepared', ledger: 'prepared' });
    expect(run.nextDeadlineMs).toBe(5_000);
    play(run, run.step({ kind: 'predecessors-down' }, 100), 100);
    expect(run.phase).toBe('serving');
  });

  it('is not what a lease of our own is: without one nothing is shown', () => {
    const { run, effects } = begin(5_000);
    play(run, [...effects, ...run.step({ kind: 'predecessors-down' }, 0)]);
    expect(states(run)).toMatchObject({ data: 'started', ip: 'prepared' });
  });
});

describe('starting', () => {
  it('fences and prepares at once, and shows nothing before there is a lease', () => {
    const { run, effects } = begin();
    expect(acts(effects).sort()).toEqual(['prepare mac', 'start lun']);
    const all = play(run, effects);
    expect(acts(all)).toContain('start data');
    expect(acts(all)).toContain('prepare ip');
    expect(acts(all)).not.toContain('start mac');
    expect(run.phase).toBe('starting');
  });

  it('shows nothing before the rest of the predecessor’s lease is over', () => {
    const { run, effects } = begin(500);
    const all = play(run, [...effects, ...run.step({ kind: 'lease', state: 'serve' }, 0)]);
    expect(acts(all)).not.toContain('start mac');
    expect(run.nextDeadlineMs).toBe(500);
    const later = play(run, run.step({ kind: 'deadline' }, 500), 500);
    expect(acts(later)).toContain('start mac');
    expect(run.phase).toBe('serving');
  });

  it('mounts only after the fence, and says so to the cluster', () => {
    const { run } = begin();
    const effects = done(run, 'start', 'lun');
    expect(acts(effects)).toEqual(['start data']);
    expect(proposed(effects)).toEqual(['fenced']);
  });

  it('mounts nothing before every disk of the group is ours', () => {
    const { run } = begin(0, [
      ...RESOURCES,
      resource('lun2', 'disk', []),
      resource('logs', 'filesystem', ['lun2']),
    ]);
    run.step({ kind: 'lease', state: 'serve' }, 0);
    expect(acts(done(run, 'start', 'lun'))).toEqual([]);
    expect(acts(done(run, 'start', 'lun2'))).toEqual(['start data', 'start logs']);
  });

  it('mounts nothing when one of its disks cannot be taken', () => {
    const { run } = begin(0, [...RESOURCES, resource('lun2', 'disk', [])]);
    done(run, 'start', 'lun');
    const effects = done(run, 'start', 'lun2', 0, false);
    expect(acts(effects).filter((act) => act.startsWith('start'))).toEqual([]);
    expect(run.phase).toBe('killing');
  });

  it('does not wait for a disk that lies on the mount itself', () => {
    const { run } = begin(0, [...RESOURCES, resource('image', 'disk', ['data'])]);
    expect(acts(done(run, 'start', 'lun'))).toEqual(['start data']);
    expect(acts(done(run, 'start', 'data'))).toEqual(['start image']);
  });

  it('reports each phase once when it serves', () => {
    const { run, effects } = begin();
    const all = play(run, [...effects, ...run.step({ kind: 'lease', state: 'serve' }, 0)]);
    const command = all.flatMap((e) => (e.kind === 'propose' ? [e.command] : [])).at(-1);
    expect(command?.kind).toBe('serving');
    const phases = command?.kind === 'serving' ? command.stamps.map((stamp) => stamp.phase) : [];
    expect(phases).toEqual(
      expect.arrayContaining(['fence', 'mount', 'address', 'application', 'serve']),
    );
  });

  it('takes everything down and gives the group back when a start fails', () => {
    const { run, effects } = begin();
    play(run, run.step({ kind: 'lease', state: 'serve' }, 0));
    done(run, 'start', 'lun');
    const failed = play(run, [...done(run, 'start', 'data', 0, false)]);
    expect(acts(failed)).toContain('kill data');
    play(
      run,
      effects.filter((e) => e.kind === 'act' && e.verb === 'prepare'),
    );
    expect(run.phase).toBe('down');
  });
});

describe('a lease that stutters', () => {
  it('silences the addresses first, freezes the application, and undoes both when it is renewed', () => {
    const run = serving();
    const suspended = run.step({ kind: 'lease', state: 'suspend' }, 0);
    expect(acts(suspended)).toEqual(['suspend mac', 'suspend ip', 'suspend ledger']);
    play(run, suspended);
    expect(run.suspended).toBe(true);
    const resumed = run.step({ kind: 'lease', state: 'resume' }, 0);
    expect(acts(resumed)).toEqual(['resume ledger', 'resume ip', 'resume mac']);
    play(run, resumed);
    expect(run.phase).toBe('serving');
  });

  it('silences at once what became visible while the lease was gone', () => {
    const { run, effects } = begin();
    play(run, effects);
    expect(acts(run.step({ kind: 'lease', state: 'serve' }, 0))).toEqual(['start mac']);
    run.step({ kind: 'lease', state: 'suspend' }, 0);
    expect(acts(done(run, 'start', 'mac'))).toEqual(['suspend mac']);
    expect(acts(done(run, 'suspend', 'mac'))).toEqual([]);
    expect(run.silent).toBe(true);
  });

  it('serves when the last start and a renewal cross each other', () => {
    const { run, effects } = begin();
    play(run, effects);
    const ready = run.step({ kind: 'lease', state: 'serve' }, 0);
    const startOfApplication = playUntil(run, ready, 'start ledger');
    expect(acts(startOfApplication)).toContain('start ledger');
    play(run, run.step({ kind: 'lease', state: 'suspend' }, 0));
    play(run, done(run, 'start', 'ledger'));
    expect(run.phase).toBe('starting');
    const resumed = play(run, run.step({ kind: 'lease', state: 'resume' }, 0));
    expect(run.phase).toBe('serving');
    expect(proposed(resumed)).toEqual(['serving']);
  });

  it('watches nothing that stands still, and watches it again when it runs', () => {
    const run = serving();
    const suspended = run.step({ kind: 'lease', state: 'suspend' }, 0);
    expect(watching(suspended)).toEqual(['unwatch mac', 'unwatch ip', 'unwatch ledger']);
    play(run, suspended);
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    expect(acts(run.step(broken, 0))).toEqual([]);
    const resumed = play(run, run.step({ kind: 'lease', state: 'resume' }, 0));
    expect(watching(resumed)).toEqual(['watch ledger', 'watch ip', 'watch mac']);
    expect(acts(run.step(broken, 0))).toEqual(['kill ledger']);
  });

  it('does not overlook a fenced disk while everything stands still', () => {
    const run = serving();
    play(run, run.step({ kind: 'lease', state: 'suspend' }, 0));
    run.step({ kind: 'broken', resource: 'lun', code: 'FENCED', detail: '' }, 0);
    expect(run.phase).toBe('killing');
  });

  it('is not silent before every address and application has said so', () => {
    const run = serving();
    run.step({ kind: 'lease', state: 'suspend' }, 0);
    done(run, 'suspend', 'mac');
    done(run, 'suspend', 'ip');
    expect(run.silent).toBe(false);
    done(run, 'suspend', 'ledger');
    expect(run.silent).toBe(true);
  });

  it('takes a late answer to an old suspension for nothing', () => {
    const run = serving();
    run.step({ kind: 'lease', state: 'suspend' }, 0);
    run.step({ kind: 'lease', state: 'resume' }, 0);
    for (const name of ['mac', 'ip', 'ledger']) done(run, 'suspend', name);
    expect(run.silent).toBe(false);
    run.step({ kind: 'stop' }, 0);
    expect(acts(done(run, 'resume', 'ledger'))).toEqual([]);
    expect(states(run)['ledger']).toBe('stopping');
  });

  it('kills addresses and application before the mount when it is lost', () => {
    const run = serving();
    const lost = run.step({ kind: 'lease', state: 'lost' }, 0);
    expect(acts(lost).sort()).toEqual(['kill ip', 'kill ledger', 'kill mac']);
    const all = play(run, lost);
    expect(acts(all)).toEqual(expect.arrayContaining(['kill data', 'kill lun']));
    expect(proposed(all)).toEqual(['stopped']);
    expect(run.phase).toBe('down');
  });
});

describe('a group of several disks (pain 3: some disks here, some there, and both sides serve)', () => {
  const disks = [
    resource('lun1', 'disk', []),
    resource('lun2', 'disk', []),
    resource('data1', 'filesystem', ['lun1']),
    resource('data2', 'filesystem', ['lun2']),
    resource('ledger', 'application', ['data1', 'data2']),
  ];

  it('mounts none when one of them cannot be taken', () => {
    const { run, effects } = begin(0, disks);
    expect(acts(effects)).toEqual(expect.arrayContaining(['start lun1', 'start lun2']));
    const mounting = done(run, 'start', 'lun1');
    const failed = play(run, done(run, 'start', 'lun2', 0, false));
    expect(acts([...mounting, ...failed])).not.toContain('start data1');
    expect(proposed(failed)).toContain('takeover-failed');
  });

  it('ends altogether when one of them was taken by somebody else', () => {
    const { run, effects } = begin(0, disks);
    play(run, [...effects, ...run.step({ kind: 'lease', state: 'serve' }, 0)]);
    expect(run.phase).toBe('serving');
    const fenced = { kind: 'broken', resource: 'lun2', code: 'DISK_FENCED', detail: '' } as const;
    const all = play(run, run.step(fenced, 0));
    expect(acts(all)).toEqual(
      expect.arrayContaining(['kill ledger', 'kill data1', 'kill data2', 'kill lun1']),
    );
    expect(run.phase).toBe('down');
  });
});

describe('ending', () => {
  it('serves and ends a group without resources', () => {
    const { run } = begin(0, []);
    expect(proposed(run.step({ kind: 'lease', state: 'serve' }, 0))).toEqual(['serving']);
    expect(proposed(run.step({ kind: 'stop' }, 0))).toEqual(['stopped']);
  });

  it('waits for a start under way before it stops what was started', () => {
    const { run, effects } = begin();
    play(run, effects);
    playUntil(run, run.step({ kind: 'lease', state: 'serve' }, 0), 'start ledger');
    expect(acts(run.step({ kind: 'stop' }, 0))).toEqual([]);
    expect(acts(done(run, 'start', 'ledger'))).toEqual(['stop ledger']);
  });

  it('stops in the reverse of the graph and says that it was clean', () => {
    const run = serving();
    const first = run.step({ kind: 'stop' }, 0);
    expect(acts(first)).toEqual(['stop ledger']);
    const all = play(run, first);
    const command = all.flatMap((e) => (e.kind === 'propose' ? [e.command] : [])).at(-1);
    expect(command).toMatchObject({ kind: 'stopped', clean: true, expectedEpoch: 7 });
  });

  it('kills when a stop fails, and does not call that clean', () => {
    const run = serving();
    run.step({ kind: 'stop' }, 0);
    const all = play(run, done(run, 'stop', 'ledger', 0, false));
    const commands = all.flatMap((e) => (e.kind === 'propose' ? [e.command] : []));
    expect(commands).toContainEqual(expect.objectContaining({ kind: 'stopped', clean: false }));
  });

  it('takes no word back once a newer epoch exists', () => {
    const run = serving();
    play(run, run.step({ kind: 'superseded' }, 0));
    expect(run.phase).toBe('down');
    expect(acts(run.step({ kind: 'lease', state: 'resume' }, 0))).toEqual([]);
  });

  it('resets the machine when an address cannot be brought down, and does not say `stopped`', () => {
    const run = serving();
    let effects: readonly RunEffect[] = run.step({ kind: 'superseded' }, 0);
    const all: RunEffect[] = [...effects];
    for (let i = 0; i < 3; i += 1) {
      effects = done(run, 'kill', 'ip', 0, false);
      all.push(...effects);
    }
    expect(all.some((effect) => effect.kind === 'self-fence')).toBe(true);
    all.push(...play(run, [...done(run, 'kill', 'mac'), ...done(run, 'kill', 'ledger')]));
    expect(proposed(all)).not.toContain('stopped');
  });
});

describe('an application that dies', () => {
  // What was said before may still be on its way, and be overtaken.
  it('is reported with all phases of the epoch when it serves again', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    const all = play(run, run.step(broken, 10), 10);
    const command = all.flatMap((e) => (e.kind === 'propose' ? [e.command] : [])).at(-1);
    const stamps = command?.kind === 'serving' ? command.stamps : [];
    const phases = stamps.map(({ phase }) => phase);
    expect(phases).toEqual(
      expect.arrayContaining(['fence', 'mount', 'address', 'application', 'serve']),
    );
    expect(stamps.find(({ phase }) => phase === 'application')?.startedMs).toBe(10);
  });

  it('is started again here as often as the policy says, then the group is given away', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    const again = run.step(broken, 10);
    // Killed first: it may only have ceased to answer, and a start would find it running.
    expect(acts(again)).toEqual(['kill ledger']);
    expect(acts(play(run, again, 10)).toSorted()).toEqual(
      ['kill ledger', 'start lun', 'start data', 'prepare ledger', 'start ledger'].toSorted(),
    );
    expect(run.phase).toBe('serving');
    const gone = play(run, run.step(broken, 20), 20);
    expect(proposed(gone)).toEqual(['stopped', 'takeover-failed']);
  });

  it('is started only on what a disk of ours has: what the page cache holds may be lost', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    run.step(broken, 10);
    // Not before the old one is gone: its last write could still fail after the disk was asked.
    expect(acts(done(run, 'kill', 'ledger', 11))).toEqual(['start lun', 'prepare ledger']);
    expect(acts(done(run, 'prepare', 'ledger', 12))).toEqual([]);
    const ours = done(run, 'start', 'lun', 13);
    expect(acts(ours)).toEqual(['start data']);
    // The takeover is not told again, only watched again.
    expect([proposed(ours), watching(ours)]).toEqual([[], ['watch lun']]);
    const written = done(run, 'start', 'data', 14);
    expect(acts(written)).toEqual(['start ledger']);
    expect([proposed(written), watching(written)]).toEqual([[], ['watch data']]);
  });

  it('is not started where a write was lost', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    run.step(broken, 10);
    done(run, 'kill', 'ledger', 11);
    done(run, 'prepare', 'ledger', 12);
    done(run, 'start', 'lun', 13);
    const lost = done(run, 'start', 'data', 14, false);
    expect(acts(lost)).not.toContain('start ledger');
    expect(proposed(play(run, lost, 15))).toEqual(['stopped', 'takeover-failed']);
  });

  it('is not started when its disk was taken away meanwhile', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    run.step(broken, 10);
    done(run, 'kill', 'ledger', 11);
    done(run, 'prepare', 'ledger', 12);
    const fenced = done(run, 'start', 'lun', 13, false);
    expect(acts(fenced)).not.toContain('start ledger');
    expect(run.phase).toBe('killing');
    expect(proposed(play(run, fenced, 14))).toEqual(['stopped', 'takeover-failed']);
  });

  it('is started again after the window has passed', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    play(run, run.step(broken, 10), 10);
    expect(acts(run.step(broken, 2_000))).toEqual(['kill ledger']);
  });

  it('takes along what cannot work without it', () => {
    const run = begin(0, [...RESOURCES, resource('web', 'application', ['ledger'])]).run;
    play(run, run.step({ kind: 'lease', state: 'serve' }, 0));
    play(run, [{ kind: 'act', resource: 'lun', verb: 'start', timeoutMs: 1 }]);
    play(run, [{ kind: 'act', resource: 'mac', verb: 'prepare', timeoutMs: 1 }]);
    expect(run.phase).toBe('serving');
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    const again = run.step(broken, 10);
    expect(acts(again)).toEqual(['kill ledger', 'kill web']);
    expect(acts(play(run, again, 10)).slice(-1)).toEqual(['start web']);
    expect(run.phase).toBe('serving');
  });

  it('gives the group away when what hangs cannot be killed for a restart', () => {
    const run = serving();
    run.step({ kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' }, 10);
    done(run, 'kill', 'ledger', 10, false);
    expect(run.phase).toBe('killing');
  });
});
