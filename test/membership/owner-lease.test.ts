import { describe, expect, test } from 'vitest';
import type { Millis } from '../../src/lib/ids.ts';
import { type LeaseEffect, type LeaseEvent, OwnerLease } from '../../src/membership/owner-lease.ts';

const L = 360;
const R = 50;
const W = 60;
const GRACE = 2_000;
const OPTIONS = { leaseMs: L, leaseRenewMs: R, teardownMs: W, quorumLossGraceMs: GRACE };

class Owner {
  readonly lease: OwnerLease;
  now: Millis = 1_000;
  deadlineMs: Millis = Number.POSITIVE_INFINITY;

  constructor() {
    this.lease = new OwnerLease('web', 3, OPTIONS, this.now);
  }

  step(event: LeaseEvent): readonly LeaseEffect[] {
    const { effects, nextDeadlineMs } = this.lease.step(event, this.now);
    this.deadlineMs = nextDeadlineMs;
    return effects;
  }

  /** Moves the clock with a punctual driver; answers what was said on the way, with its time. */
  pass(ms: Millis): readonly string[] {
    const until = this.now + ms;
    const told: string[] = [];
    while (this.deadlineMs <= until) {
      this.now = Math.max(this.now, this.deadlineMs);
      told.push(...words(this.step({ kind: 'deadline' })).map((what) => `${this.now} ${what}`));
    }
    this.now = until;
    return told.filter((what) => !what.endsWith('request'));
  }

  /** Asks, is granted after `ms`, and the guardian acknowledges. */
  renew(requestId: number, ms: Millis = 0): readonly string[] {
    this.pass(ms);
    return words([
      ...this.step({ kind: 'granted', requestId }),
      ...this.step({ kind: 'armed', requestId }),
    ]);
  }
}

const words = (effects: readonly LeaseEffect[]): readonly string[] =>
  effects.map((effect) => effect.kind);

/** Begun at 1000, first request is number 1, valid. */
function serving(): Owner {
  const owner = new Owner();
  owner.step({ kind: 'begin' });
  owner.renew(1);
  return owner;
}

describe('a lease begins', () => {
  test('nothing is asked before it begins, then at once', () => {
    const owner = new Owner();
    expect(owner.step({ kind: 'deadline' })).toEqual([]);
    expect(owner.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    expect(owner.step({ kind: 'begin' })).toEqual([{ kind: 'request', requestId: 1 }]);
    expect(owner.deadlineMs).toBe(1_000 + R);
  });

  test('asked at t, granted later: served until t + L − W, down by t + L', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    owner.pass(40);
    expect(owner.step({ kind: 'granted', requestId: 1 })).toEqual([
      { kind: 'arm', requestId: 1, serveUntilMs: 1_000 + L - W, downByMs: 1_000 + L },
    ]);
    expect(owner.lease.valid(owner.now)).toBe(false); // the guardian has not said yes
    expect(owner.step({ kind: 'armed', requestId: 1 })).toEqual([{ kind: 'serve' }]);
    expect(owner.lease.remainingMs(owner.now)).toBe(L - W - 40);
  });

  test('a grant that comes after its own end counts for nothing', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    owner.pass(L - W);
    expect(words(owner.step({ kind: 'granted', requestId: 1 }))).not.toContain('arm');
  });

  test('a guardian that acknowledges after the end is too late as well', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    owner.pass(L - W - 1);
    expect(words(owner.step({ kind: 'granted', requestId: 1 }))).toContain('arm');
    owner.pass(1);
    expect(words(owner.step({ kind: 'armed', requestId: 1 }))).not.toContain('serve');
    expect(owner.lease.valid(owner.now)).toBe(false);
  });

  test('an acknowledgement without a grant, and answers to nobody’s question, count for nothing', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    expect(owner.step({ kind: 'armed', requestId: 1 })).toEqual([]);
    expect(owner.step({ kind: 'granted', requestId: 77 })).toEqual([]);
    expect(owner.step({ kind: 'armed', requestId: 77 })).toEqual([]);
    expect(owner.lease.valid(owner.now)).toBe(false);
  });

  test('unanswered, it is asked again and again, with few requests under way', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    owner.pass(10_000);
    const asked = 1 + 10_000 / R;
    // The oldest request that could still be of use, and the one before it.
    const oldest = asked - Math.ceil((L - W) / R) + 1;
    expect(words(owner.step({ kind: 'granted', requestId: oldest }))).toEqual(['arm']);
    expect(words(owner.step({ kind: 'granted', requestId: oldest - 1 }))).toEqual([]);
  });
});

describe('a lease is renewed', () => {
  test('each grant moves the end, and says nothing else', () => {
    const owner = serving();
    owner.pass(R);
    expect(words(owner.step({ kind: 'granted', requestId: 2 }))).toEqual(['arm']);
    expect(owner.step({ kind: 'armed', requestId: 2 })).toEqual([]);
    expect(owner.lease.remainingMs(owner.now)).toBe(L - W);
  });

  test('grants that arrive in the wrong order never shorten it', () => {
    const owner = serving();
    owner.pass(2 * R);
    owner.renew(3);
    const end = owner.lease.remainingMs(owner.now);
    expect(owner.renew(2)).toEqual([]);
    expect(owner.lease.remainingMs(owner.now)).toBe(end);
  });
});

describe('a lease runs out', () => {
  test('soft at t + L − W, hard at t + L and the grace', () => {
    const owner = serving();
    expect(owner.pass(L + GRACE + 100)).toEqual([
      `${1_000 + L - W} suspend`,
      `${1_000 + L + GRACE} lost`,
    ]);
    expect(owner.deadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  test('it is not valid a moment later, whether or not anybody looked', () => {
    const owner = serving();
    expect(owner.lease.valid(1_000 + L - W - 0.001)).toBe(true);
    expect(owner.lease.valid(1_000 + L - W)).toBe(false);
    expect(owner.lease.remainingMs(1_000 + L)).toBeNull();
  });

  test('a renewal of the same epoch undoes the soft step', () => {
    const owner = serving();
    owner.pass(400);
    const requestId = 1 + 400 / R;
    expect(owner.renew(requestId)).toEqual(['arm', 'resume']);
    expect(owner.lease.valid(owner.now)).toBe(true);
    expect(owner.pass(L + GRACE)).toHaveLength(2); // and it can run out again
  });

  test('a newer epoch is the end, whatever else is under way', () => {
    const owner = serving();
    expect(owner.step({ kind: 'refused', requestId: 1, newestEpoch: 4 })).toEqual([
      { kind: 'lost', cause: 'epoch 4 is newer' },
    ]);
    expect(owner.renew(2, R)).toEqual([]);
    expect(owner.lease.valid(owner.now)).toBe(false);
  });

  test('a refusal for another reason is asked again', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    expect(owner.step({ kind: 'refused', requestId: 1, newestEpoch: 3 })).toEqual([]);
    owner.pass(R);
    expect(owner.renew(2)).toEqual(['arm', 'serve']);
  });

  test('the end that was asked for is silent', () => {
    const owner = serving();
    expect(owner.step({ kind: 'end' })).toEqual([]);
    expect(owner.pass(10_000)).toEqual([]);
    expect(owner.lease.valid(owner.now)).toBe(false);
  });
});

describe('after a gap', () => {
  test('a deadline far in the past suspends at once, and does nothing else yet', () => {
    const owner = serving();
    owner.now += 60_000;
    const effects = owner.step({ kind: 'deadline' });
    expect(words(effects)).toEqual(['suspend', 'request']);
    const asked = effects.flatMap((effect) => (effect.kind === 'request' ? effect.requestId : []));
    expect(owner.renew(asked[0] ?? 0)).toEqual(['arm', 'resume']);
  });

  test('without a renewal, the hard step follows after its full time', () => {
    const owner = serving();
    owner.now += 60_000;
    owner.step({ kind: 'deadline' });
    expect(owner.pass(10_000)).toEqual([`${61_000 + W + GRACE} lost`]);
  });

  test('the first news after a gap does not hide that it has run out', () => {
    const owner = serving();
    owner.pass(R);
    owner.now += L; // frozen with request 2 under way; its grant waited in the socket
    expect(words(owner.step({ kind: 'granted', requestId: 2 }))).toEqual(['suspend', 'request']);
  });

  test('void: what was asked before counts no more, and the next answer brings it back', () => {
    const owner = serving();
    owner.pass(R); // request 2 is under way
    expect(words(owner.step({ kind: 'void', cause: 'paused' }))).toEqual(['suspend', 'request']);
    expect(owner.lease.valid(owner.now)).toBe(false);
    expect(owner.renew(2)).toEqual([]);
    expect(owner.renew(3)).toEqual(['arm', 'resume']);
  });

  test('void before the first grant only asks anew', () => {
    const owner = new Owner();
    owner.step({ kind: 'begin' });
    expect(words(owner.step({ kind: 'void', cause: 'paused' }))).toEqual(['request']);
    expect(owner.renew(1)).toEqual([]);
    expect(owner.renew(2)).toEqual(['arm', 'serve']);
  });
});
