/** One ownership between run, lease and guardian: what the guardian is told, and when. */
import { expect, it } from 'vitest';
import { defaultTimes } from '../../src/config/times.ts';
import type { RunEffect } from '../../src/failover/run-types.ts';
import type { ToGuardian } from '../../src/guardian/messages.ts';
import { OwnedGroup } from '../../src/node/owned-group.ts';
import { RESOURCE_CLASSES } from '../../src/resources/agent.ts';
import { groupNamed } from './memory-cluster.ts';

const TIMES = defaultTimes('fast');

function anOwner() {
  const told: ToGuardian[] = [];
  const effects: RunEffect[] = [];
  const asked: number[] = [];
  let requests = 0;
  const definition = groupNamed('g', []);
  const owned = new OwnedGroup(
    {
      definition,
      context: {
        group: 'g',
        node: 'node1',
        nodeNumber: 1,
        clusterId: 'c',
        epoch: 5,
        reason: 'boot',
        previousOwner: null,
        resources: definition.resources,
        predecessorFenced: true,
        lastEpoch: 5,
      },
      incarnation: 1,
      times: TIMES,
      visibleFromMs: 0,
      secret: 's',
      agents: new Map(),
      classOf: ({ type }) => RESOURCE_CLASSES[type] ?? 'application',
      publishTo: [],
      guardian: { send: (message) => told.push(message) },
      nextGuardianRequest: () => ++requests,
      requestLease: (requestId) => asked.push(requestId),
      effect: (_owned, effect) => effects.push(effect),
      sabotage: { lease: false, guardian: false, epoch: false },
    },
    0,
  );
  const finish = (now: number): void => {
    const end = { ok: true, code: null, detail: '', startedMs: 0, endedMs: 0, spawnedMs: null };
    for (let effect = effects.shift(); effect !== undefined; effect = effects.shift()) {
      if (effect.kind !== 'act') continue;
      const { resource, verb } = effect;
      owned.step({ kind: 'action-done', resource, verb, end }, now);
    }
  };
  /** Asked at `now`, granted and armed at once. */
  const renew = (now: number): void => {
    owned.lease({ kind: 'granted', requestId: asked.at(-1) ?? 0 }, now);
    for (let id = 1; id <= requests; id += 1) owned.acknowledged(id, now);
  };
  return { owned, told, effects, asked, finish, renew };
}

it('the guardian is told what to undo before anything is done', () => {
  const { owned, told, effects } = anOwner();
  owned.step({ kind: 'begin' }, 100);
  expect(told).toMatchObject([{ kind: 'arm', epoch: 5, serveUntilMs: 100 }]);
  expect(effects.some((effect) => effect.kind === 'act')).toBe(true);
});

it('a grant counts when the guardian has acknowledged it, and not before', () => {
  const { owned, asked, finish, renew } = anOwner();
  owned.step({ kind: 'begin' }, 100);
  finish(100);
  owned.lease({ kind: 'granted', requestId: asked[0] ?? 0 }, 110);
  expect(owned.remainingMs(110)).toBe(null);
  renew(110);
  expect(owned.remainingMs(110)).toBe(100 + TIMES.leaseMs - TIMES.teardownMs - 110);
  finish(110);
  expect(owned.run.phase).toBe('serving');
});

it('the guardian may wait for the hard expiry once everything visible is silent', () => {
  const { owned, told, finish, renew } = anOwner();
  owned.step({ kind: 'begin' }, 100);
  finish(100);
  renew(110);
  finish(110);
  const before = told.length;
  const softMs = 100 + TIMES.leaseMs - TIMES.teardownMs;
  owned.lease({ kind: 'deadline' }, softMs);
  expect(owned.run.suspended).toBe(true);
  expect(told.length).toBe(before);
  finish(softMs);
  expect(told.slice(before)).toMatchObject([
    { kind: 'arm', serveUntilMs: softMs, downByMs: softMs + 2 * TIMES.teardownMs + 2_000 },
  ]);
});

it('a run that is down disarms its guardian and asks for nothing more', () => {
  const { owned, told, asked, finish } = anOwner();
  owned.step({ kind: 'begin' }, 100);
  owned.step({ kind: 'superseded' }, 110);
  finish(110);
  expect(owned.run.phase).toBe('down');
  expect(told.at(-1)).toMatchObject({ kind: 'disarm', epoch: 5 });
  const before = asked.length;
  owned.due(10_000);
  expect(asked.length).toBe(before);
  expect(owned.nextDeadlineMs).toBe(Infinity);
});

it('what a preparation made is known to the guardian before it may be seen', () => {
  const { owned, told, effects } = anOwner();
  owned.step({ kind: 'begin' }, 100);
  const prepare = effects.find((effect) => effect.kind === 'act' && effect.verb === 'prepare');
  const { resource } = prepare as RunEffect & { readonly kind: 'act' };
  const before = told.length;
  const end = { ok: true, code: null, detail: '', startedMs: 0, endedMs: 0, spawnedMs: null };
  owned.step({ kind: 'action-done', resource, verb: 'prepare', end }, 101);
  expect(told.slice(before)).toMatchObject([{ kind: 'arm', epoch: 5, serveUntilMs: 100 }]);
});
