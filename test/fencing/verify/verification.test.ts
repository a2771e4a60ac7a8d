/**
 * The verification of a disk against targets that are exact, and against targets each of which is
 * wrong in one way: a check that did not notice would be worth nothing.
 */
import { describe, expect, it } from 'vitest';
import type { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import type { WriteOpcode } from '../../../src/fencing/devices/scsi/media-commands.ts';
import { CHECKS } from '../../../src/fencing/verify/plan.ts';
import { type Report, verify } from '../../../src/fencing/verify/verification.ts';
import type { Finding, Verb } from '../../../src/fencing/verify/words.ts';
import { BEFORE, type Fault, type Storage, storage } from './model-initiator.ts';

const calm = new AbortController().signal;

async function examine(
  made: Storage,
  { alone = false, scratch = true }: { alone?: boolean; scratch?: boolean } = {},
): Promise<Report> {
  const { first } = made;
  const second = alone ? null : made.second;
  return await verify({ first, second, scratch, run: 5, signal: calm });
}

const besides = (report: Report, ...good: readonly Finding['outcome'][]) =>
  report.findings.filter(({ outcome }) => !good.includes(outcome));

describe('a target that keeps to the standard', () => {
  it('is fit: every check works, nothing is left behind', async () => {
    const made = storage();
    const report = await examine(made);
    expect(besides(report, 'works')).toEqual([]);
    expect(report.verdict).toBe('fit');
    expect(made.content()).toBe('what was there');
    const { registrations, reservation } = made.target.inspect();
    expect({ keys: registrations.size, reservation }).toEqual({ keys: 0, reservation: null });
    for (const { name } of CHECKS.filter((check) => check.name !== 'write opcodes')) {
      expect(report.findings.map(({ check }) => check)).toContain(name);
    }
  });

  it('of which one half was tried is limited, and each untried check says so', async () => {
    const report = await examine(storage(), { alone: true });
    expect(report.verdict).toBe('limited');
    expect(besides(report, 'works', 'unproven')).toEqual([]);
    const untried = CHECKS.filter((check) => check.needsSecond).map((check) => check.name);
    expect(besides(report, 'works').map(({ check }) => check)).toEqual(
      expect.arrayContaining(untried),
    );
  });

  it('is sent nothing but what was there, unless the disk is for scratch', async () => {
    const sent = new Set<string>();
    const fault: Fault = ({ verb }) => {
      if ('data' in verb) sent.add(Buffer.from(verb.data, 'base64').toString());
      return null;
    };
    const report = await examine(storage({ fault }), { scratch: false });
    expect([...sent]).toEqual(['what was there']);
    expect(besides(report, 'works').map(({ check, outcome }) => [check, outcome])).toEqual([
      ['refused write', 'unproven'],
      ['writes in flight', 'unproven'],
    ]);
    expect(report.verdict).toBe('limited');
  });
});

/** What the verb would do, with something changed. */
const instead =
  (
    matches: (verb: Verb, who: 'first' | 'second') => boolean,
    change: (verb: Verb) => Verb,
  ): Fault =>
  ({ verb, who }, { go }) =>
    matches(verb, who) ? go(change(verb)) : null;

const says =
  (
    matches: (verb: Verb, who: 'first' | 'second') => boolean,
    kind: 'good' | 'not-supported' | 'busy' | 'reservation-conflict' | 'failed',
  ): Fault =>
  ({ verb, who }) =>
    matches(verb, who) ? { kind } : null;

/** `opcode` is carried out for everybody. */
const leaks = (...opcodes: readonly WriteOpcode[]): Fault => {
  return ({ verb, who }, { target, go }) => {
    const mine = verb.kind === 'write' && opcodes.includes(verb.opcode);
    const answer = go();
    if (!mine || answer.kind !== 'reservation-conflict') return answer;
    // As the holder, so that it lands.
    const holder = target.inspect().reservation?.holder ?? who;
    const task = target.submitWrite(holder, 7, verb.data);
    if (typeof task === 'object' && 'id' in task) target.completeWrite(task.id);
    return { kind: 'good' };
  };
};

type Control = {
  readonly what: string;
  readonly made: () => Storage;
  readonly check: string;
  readonly outcome: Finding['outcome'];
  readonly verdict: Report['verdict'];
};

const bad = (
  what: string,
  fault: Fault,
  [check, outcome, verdict]: readonly [string, Finding['outcome'], Report['verdict']],
): Control => ({ what, made: () => storage({ fault }), check, outcome, verdict });

const LOW = 0xffff_ffff_ffffn;

function forget(target: EmulatedTarget, who: string): void {
  const key = target.inspect().registrations.get(who) ?? 0n;
  const out = { action: 'register', key, serviceKey: 0n, aptpl: false } as const;
  while (target.reserveOut(who, out) !== 'good');
}

const CONTROLS: readonly Control[] = [
  bad(
    'REGISTER answers good and does nothing where it should conflict',
    ({ verb }, { go }) => {
      const answer = go();
      const conflict = verb.kind === 'register' && answer.kind === 'reservation-conflict';
      return conflict ? { kind: 'good' } : answer;
    },
    ['registration', 'unfit', 'unfit'],
  ),
  bad(
    'keys lose their highest bits',
    ({ verb }, { go }) => {
      if (verb.kind === 'register') {
        return go({ ...verb, current: verb.current & LOW, key: verb.key & LOW });
      }
      if (verb.kind === 'reserve') return go({ ...verb, key: verb.key & LOW });
      if (verb.kind === 'preempt' || verb.kind === 'preempt-and-abort') {
        return go({ ...verb, key: verb.key & LOW, victim: verb.victim & LOW });
      }
      return null;
    },
    ['key width', 'unfit', 'unfit'],
  ),
  bad(
    'PRgeneration stands still',
    (_, { go }) => {
      const answer = go();
      return answer.kind === 'keys' ? { ...answer, generation: 4 } : answer;
    },
    ['generation', 'differs', 'fit'],
  ),
  {
    what: 'the storage keeps nothing through a power loss',
    made: () => storage({ target: { aptpl: false } }),
    check: 'power loss (APTPL)',
    outcome: 'limited',
    verdict: 'limited',
  },
  bad(
    'PTPL_A stays 0',
    (_, { go }) => {
      const answer = go();
      if (answer.kind !== 'capabilities') return answer;
      return { ...answer, capabilities: { ...answer.capabilities, aptplActive: false } };
    },
    ['power loss (APTPL)', 'limited', 'limited'],
  ),
  bad(
    'a holder may not preempt itself',
    says((verb) => 'victim' in verb && verb.victim === verb.key, 'reservation-conflict'),
    ['change of type', 'differs', 'fit'],
  ),
  bad(
    'a flush fails',
    says((verb) => verb.kind === 'synchronize-cache', 'failed'),
    ['flush of the owner', 'unfit', 'unfit'],
  ),
  {
    what: 'there is no LOGICAL UNIT RESET',
    made: () => storage({ target: { reset: false } }),
    check: 'LOGICAL UNIT RESET',
    outcome: 'limited',
    verdict: 'limited',
  },
  bad(
    'a reset clears the reservation',
    ({ verb, who }, { target, go }) => {
      const answer = go();
      if (verb.kind === 'logical-unit-reset') forget(target, who);
      return answer;
    },
    ['LOGICAL UNIT RESET', 'unfit', 'unfit'],
  ),
  bad(
    'a path that comes back has lost its registration',
    ({ verb, who }, { target, go }) => {
      const answer = go();
      if (verb.kind === 'lose-path') forget(target, who);
      return answer;
    },
    ['path loss', 'limited', 'limited'],
  ),
  bad(
    'a path cannot be taken away',
    says((verb) => verb.kind === 'lose-path', 'not-supported'),
    ['path loss', 'unproven', 'limited'],
  ),
  ...([1, 3, 5, 6, 7, 8] as const).map((type): Control => {
    const needed = type === 1 || type === 5;
    return {
      what: `type ${type} cannot be reserved`,
      made: () =>
        storage({
          fault: says((verb) => verb.kind === 'reserve' && verb.type === type, 'not-supported'),
        }),
      check: `type ${type}`,
      outcome: needed ? 'limited' : 'differs',
      verdict: type === 1 || type === 5 ? 'unfit' : 'fit',
    };
  }),
  bad(
    'a read is let through under Exclusive Access',
    ({ verb }, { target, go }) => {
      const answer = go();
      const refused = verb.kind === 'read' && answer.kind === 'reservation-conflict';
      const there = target.inspect();
      return refused ? { kind: 'data', data: there.cache.get(7) ?? '' } : answer;
    },
    ['type 3', 'differs', 'fit'],
  ),
  bad(
    'a registrant may write under type 1',
    ({ verb, who }, { target, go }) => {
      const answer = go();
      const { reservation, registrations } = target.inspect();
      const lets = verb.kind === 'write' && reservation?.type === 1 && registrations.has(who);
      return lets && answer.kind === 'reservation-conflict' ? { kind: 'good' } : answer;
    },
    ['type 1', 'limited', 'limited'],
  ),
  bad(
    'a registrant may not write under type 5',
    ({ verb, who }, { target, go }) => {
      const { reservation } = target.inspect();
      const refused =
        verb.kind === 'write' && reservation?.type === 5 && reservation.holder !== who;
      return refused ? { kind: 'reservation-conflict' } : go();
    },
    ['type 5', 'limited', 'limited'],
  ),
  bad(
    'two may reserve',
    ({ verb, who }, { go }) => {
      const answer = go();
      const second = verb.kind === 'reserve' && who === 'second';
      return second && answer.kind === 'reservation-conflict' ? { kind: 'good' } : answer;
    },
    ['one holder', 'unfit', 'unfit'],
  ),
  bad(
    'PREEMPT removes nothing',
    says((verb) => verb.kind === 'preempt', 'good'),
    ['PREEMPT', 'unfit', 'unfit'],
  ),
  {
    what: 'there is no PREEMPT AND ABORT',
    made: () => storage({ target: { abort: false } }),
    check: 'PREEMPT AND ABORT',
    outcome: 'limited',
    verdict: 'limited',
  },
  {
    what: 'there is neither PREEMPT AND ABORT nor a reset',
    made: () => storage({ target: { abort: false, reset: false } }),
    check: 'writes in flight',
    outcome: 'limited',
    verdict: 'unfit',
  },
  bad(
    'PREEMPT AND ABORT takes nothing',
    says((verb) => verb.kind === 'preempt-and-abort', 'good'),
    ['PREEMPT AND ABORT', 'unfit', 'unfit'],
  ),
  bad(
    'PREEMPT AND ABORT does not abort',
    instead(
      (verb) => verb.kind === 'preempt-and-abort',
      (verb) => ({ ...verb, kind: 'preempt' }) as Verb,
    ),
    ['writes in flight', 'unfit', 'unfit'],
  ),
  bad(
    'an aborted write says so, and lands all the same',
    ({ verb, who }, { target, go }) => {
      const answer = go();
      if (verb.kind !== 'end-writes' || who !== 'first' || answer.kind !== 'writes') return answer;
      if (answer.last !== 'aborted') return answer;
      const task = target.submitWrite('second', 7, Buffer.from('late').toString('base64'));
      if (typeof task === 'object' && 'id' in task) target.completeWrite(task.id);
      return answer;
    },
    ['writes in flight', 'unfit', 'unfit'],
  ),
  bad(
    'who was preempted is not told',
    (_, { go }) => {
      const answer = go();
      return answer.kind === 'unit-attention' ? go() : answer;
    },
    ['unit attentions', 'differs', 'fit'],
  ),
  bad(
    'who was preempted is told something else',
    (_, { go }) => {
      const answer = go();
      return answer.kind === 'unit-attention' ? { ...answer, code: '3f/0e' } : answer;
    },
    ['unit attentions', 'differs', 'fit'],
  ),
  bad(
    'a refused write lands all the same',
    ({ verb, who }, { target, go }) => {
      const answer = go();
      if (verb.kind !== 'write' || answer.kind !== 'reservation-conflict') return answer;
      const holder = target.inspect().reservation?.holder ?? who;
      const task = target.submitWrite(holder, 7, verb.data);
      if (typeof task === 'object' && 'id' in task) target.completeWrite(task.id);
      return answer;
    },
    ['refused write', 'unfit', 'unfit'],
  ),
  bad('WRITE SAME is let through, as tgt does', leaks('WRITE SAME (16)'), [
    'WRITE SAME (16)',
    'unfit',
    'unfit',
  ]),
  bad('UNMAP is let through', leaks('UNMAP'), ['UNMAP', 'unfit', 'unfit']),
  bad('COMPARE AND WRITE is let through', leaks('COMPARE AND WRITE'), [
    'COMPARE AND WRITE',
    'unfit',
    'unfit',
  ]),
  bad('WRITE (16) is let through', leaks('WRITE (16)'), ['WRITE (16)', 'unfit', 'unfit']),
  bad('a flush of a stranger is let through', leaks('SYNCHRONIZE CACHE (16)'), [
    'SYNCHRONIZE CACHE (16)',
    'differs',
    'fit',
  ]),
  bad(
    'the holder itself may not UNMAP',
    says((verb) => verb.kind === 'write' && verb.opcode === 'UNMAP', 'reservation-conflict'),
    ['UNMAP', 'limited', 'limited'],
  ),
];

describe('a target that is wrong in one way', () => {
  it.each(CONTROLS)('$what', async ({ made, check, outcome, verdict }) => {
    const disk = made();
    const report = await examine(disk);
    const findings = report.findings.filter((each) => each.check === check);
    expect(findings.map((each) => each.outcome)).toEqual([outcome]);
    expect(report.verdict).toBe(verdict);
    expect(disk.content()).toBe('what was there');
    expect(disk.target.inspect().registrations.size).toBe(0);
  });
});

describe('a verification that cannot go on', () => {
  const refused = (code: string) => expect.objectContaining({ code });
  const left = (made: Storage) => [...made.target.inspect().registrations.values()];

  it('is not begun on a disk that somebody uses, and touches nothing', async () => {
    const made = storage();
    const out = { action: 'register', key: 0n, serviceKey: 0xabcn, aptpl: true } as const;
    while (made.target.reserveOut('a cluster', out) !== 'good');
    await expect(examine(made)).rejects.toEqual(refused('FOREIGN_RESERVATION'));
    expect(left(made)).toEqual([0xabcn]);
  });

  it('ends when somebody begins to use the disk, and leaves him his key', async () => {
    const fault: Fault = ({ verb }, { target }) => {
      const out = { action: 'register', key: 0n, serviceKey: 0xabcn, aptpl: true } as const;
      if (verb.kind === 'lose-path') while (target.reserveOut('a cluster', out) !== 'good');
      return null;
    };
    const made = storage({ fault });
    await expect(examine(made)).rejects.toEqual(refused('FOREIGN_RESERVATION'));
    expect(left(made)).toEqual([0xabcn]);
  });

  it('concludes nothing from a node that dies, and takes its key away', async () => {
    let dead = false;
    const fault: Fault = ({ who, verb }) => {
      // It dies as the holder, with other data on the disk.
      if (who === 'second' && dead) return { kind: 'path-lost' };
      if (who === 'second' && verb.kind === 'preempt-and-abort') dead = true;
      return null;
    };
    const made = storage({ fault });
    await expect(examine(made)).rejects.toEqual(refused('DISK_PATHS_LOST'));
    expect(left(made)).toEqual([]);
    expect(made.content()).toBe('what was there');
  });

  it('is ended by the operator, and cleans up', async () => {
    const ending = new AbortController();
    const fault: Fault = ({ verb }) => {
      if (verb.kind === 'begin-writes') ending.abort();
      return null;
    };
    const made = storage({ fault });
    const { first, second } = made;
    const options = { first, second, scratch: true, run: 6, signal: ending.signal };
    await expect(verify(options)).rejects.toEqual(refused('VERIFICATION_ENDED'));
    expect(left(made)).toEqual([]);
    expect(made.content()).toBe('what was there');
  });

  it('says so when two paths lead to two disks', async () => {
    const fault: Fault = ({ who, verb }) => {
      const other = who === 'second' && verb.kind === 'identity';
      return other ? { kind: 'identity', identity: 'naa.2' } : null;
    };
    await expect(examine(storage({ fault }))).rejects.toEqual(refused('DISK_IDENTITY_MISMATCH'));
  });

  it('says so when the disk has no reservations', async () => {
    const fault = says((verb) => verb.kind === 'read-keys', 'not-supported');
    await expect(examine(storage({ fault }))).rejects.toEqual(refused('RESERVATIONS_UNSUPPORTED'));
  });

  it('says so when the old data cannot be put back', async () => {
    let refusing = false;
    const fault: Fault = ({ verb, who }, { target, go }) => {
      if (verb.kind !== 'write') return null;
      const answer = go();
      // A refused write lands; from then on nothing does.
      if (answer.kind !== 'reservation-conflict' || verb.data === BEFORE) {
        return refusing ? { kind: 'failed' } : answer;
      }
      const task = target.submitWrite(target.inspect().reservation?.holder ?? who, 7, verb.data);
      if (typeof task === 'object' && 'id' in task) target.completeWrite(task.id);
      refusing = true;
      return answer;
    };
    const stuck: Fault = (command, to) => {
      return refusing && command.verb.kind === 'write' ? { kind: 'failed' } : fault(command, to);
    };
    await expect(examine(storage({ fault: stuck }))).rejects.toEqual(refused('DISK_NOT_RESTORED'));
  });
});
