/** A run is told what happens and answers with what to do; the tests read as the story of a failover. */
import { describe, expect, it } from 'vitest';
import type { ResourceDefinition } from '../../src/cluster/definition.ts';
import {
  type ActionVerb,
  GroupRun,
  type RunClass,
  type RunEffect,
} from '../../src/failover/group-run.ts';

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

function begin(visibleFromMs = 0): { run: GroupRun; effects: readonly RunEffect[] } {
  const run = new GroupRun({
    group: 'g',
    epoch: 7,
    node: 'node1',
    incarnation: 1,
    resources: RESOURCES,
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
    const first = run.step({ kind: 'lease', state: 'serve' }, 0);
    play(run, effects);
    expect(acts(first)).toEqual([]);
    const started = run.step({ kind: 'deadline' }, 0);
    expect(acts(started)).toEqual([]);
    run.step({ kind: 'lease', state: 'suspend' }, 0);
    expect(acts(done(run, 'start', 'mac'))).toContain('suspend mac');
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

describe('ending', () => {
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
  it('is started again here as often as the policy says, then the group is given away', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    const again = run.step(broken, 10);
    expect(acts(again)).toEqual(['start ledger']);
    play(run, again, 10);
    expect(run.phase).toBe('serving');
    const gone = play(run, run.step(broken, 20), 20);
    expect(proposed(gone)).toEqual(['stopped', 'takeover-failed']);
  });

  it('is started again after the window has passed', () => {
    const run = serving();
    const broken = { kind: 'broken', resource: 'ledger', code: 'EXITED', detail: '' } as const;
    play(run, run.step(broken, 10), 10);
    expect(acts(run.step(broken, 2_000))).toEqual(['start ledger']);
  });
});
