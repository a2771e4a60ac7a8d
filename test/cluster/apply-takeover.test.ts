import { describe, expect, test } from 'vitest';
import { apply } from '../../src/cluster/apply.ts';
import { wasClean } from '../../src/cluster/apply-evidence.ts';
import type { Command } from '../../src/cluster/command.ts';
import { sha256Hex } from '../../src/lib/sha256.ts';
import { applyAll, assign, group, outcomeOf, refusal, serving, takingOver } from './a-cluster.ts';

const onN1 = { group: 'web', expectedEpoch: 1, node: 'n1' } as const;
const stoppedN1 = {
  kind: 'stopped',
  ...onN1,
  clean: true,
  proof: 'owner',
  secret: null,
} as const satisfies Command;
const releaseTo = (to: string | null): Command => ({
  kind: 'release',
  group: 'web',
  expectedEpoch: 1,
  to,
  reason: 'move',
  by: 'op',
});
describe('the guardian’s proof', () => {
  const pledge = { kind: 'pledge', ...onN1, secretHash: sha256Hex('s3cret') } as const;
  const proof = { ...stoppedN1, clean: false, proof: 'guardian', secret: 's3cret' } as const;

  test('a secret ends the epoch whose owner pledged its hash', () => {
    const stopped = applyAll(takingOver, pledge, proof);
    expect(group(stopped)).toMatchObject({ phase: 'unowned', unfinished: [] });
  });

  test('a wrong secret, no secret, and a secret without a pledge prove nothing', () => {
    const pledged = applyAll(takingOver, pledge);
    expect(refusal(pledged, { ...proof, secret: 'guess' })).toBe('EVIDENCE_REFUSED');
    expect(refusal(pledged, { ...proof, secret: null })).toBe('EVIDENCE_REFUSED');
    expect(refusal(pledged, { ...proof, secret: pledge.secretHash })).toBe('EVIDENCE_REFUSED');
    expect(refusal(takingOver, proof)).toBe('EVIDENCE_REFUSED');
  });

  test('a pledge is made once, by the owner, for its own epoch', () => {
    const pledged = applyAll(takingOver, pledge);
    expect(outcomeOf(pledged, pledge)).toEqual({ ok: true, epoch: 1 });
    const other = { ...pledge, secretHash: sha256Hex('other') };
    expect(refusal(pledged, other)).toBe('EVIDENCE_REFUSED');
    expect(refusal(takingOver, { ...pledge, secretHash: 'short' })).toBe('EVIDENCE_REFUSED');
    expect(refusal(takingOver, { ...pledge, node: 'n2' })).toBe('NOT_OWNER');
    expect(refusal(takingOver, { ...pledge, expectedEpoch: 0 })).toBe('STALE_EPOCH');
  });
});

describe('the takeover', () => {
  test('fenced is noted for each disk, once', () => {
    const fenced = { kind: 'fenced', ...onN1, disk: 'disk' } as const;
    const state = applyAll(takingOver, fenced);
    expect(group(state).fencedEpoch).toEqual({ disk: 1 });
    expect(apply(state, 9, fenced).state).toBe(state);
    expect(refusal(takingOver, { ...fenced, disk: 'tape' })).toBe('INVALID_DEFINITION');
    expect(refusal(takingOver, { ...fenced, node: 'n2' })).toBe('NOT_OWNER');
  });

  test('serving ends every earlier epoch and forgives every failure', () => {
    const failed = { kind: 'takeover-failed', ...onN1, code: 'MOUNT', detail: 'bad' } as const;
    const second = applyAll(takingOver, failed, assign('web', 1, 'n2', { leaseRemainderMs: 100 }));
    expect(group(second)).toMatchObject({ failures: [{ node: 'n1', code: 'MOUNT', epoch: 1 }] });
    const serves = {
      kind: 'serving',
      group: 'web',
      expectedEpoch: 2,
      node: 'n2',
      stamps: [],
    } as const;
    const served = applyAll(second, serves);
    expect(group(served)).toMatchObject({ phase: 'serving', failures: [] });
    expect(group(served).unfinished.map(({ epoch }) => epoch)).toEqual([2]);
    expect(apply(served, 9, serves).state).toBe(served);
    expect(refusal(served, { ...serves, node: 'n1' })).toBe('NOT_OWNER');
    expect(
      refusal(applyAll(serving, releaseTo(null)), { ...serves, expectedEpoch: 1, node: 'n1' }),
    ).toBe('WRONG_PHASE');
  });

  test('a failed takeover gives the epoch back but does not prove that all is down', () => {
    const failed = {
      kind: 'takeover-failed',
      ...onN1,
      code: 'MOUNT',
      detail: 'x'.repeat(5_000),
    } as const;
    const state = applyAll(takingOver, failed);
    expect(group(state)).toMatchObject({ phase: 'unowned', owner: null, releaseReason: 'boot' });
    expect(group(state).unfinished.map(({ epoch }) => epoch)).toEqual([1]);
    expect(group(state).failures[0]?.detail).toHaveLength(1_000);
    expect(apply(state, 9, failed).state).toBe(state);
    expect(refusal(state, { ...failed, node: 'n2' })).toBe('NOT_OWNER');
  });

  test('stopped and takeover-failed may come in either order', () => {
    const failed = { kind: 'takeover-failed', ...onN1, code: 'MOUNT', detail: '' } as const;
    const one = group(applyAll(takingOver, failed, stoppedN1));
    const other = group(applyAll(takingOver, stoppedN1, failed));
    expect(other).toEqual(one);
    expect(one).toMatchObject({ phase: 'unowned', unfinished: [], failures: [{ node: 'n1' }] });
  });

  test('a move whose owner could not stop keeps its destination', () => {
    const failed = { kind: 'takeover-failed', ...onN1, code: 'STOP', detail: '' } as const;
    expect(group(applyAll(serving, releaseTo('n3'), failed))).toMatchObject({
      phase: 'unowned',
      releaseTo: 'n3',
      releaseReason: 'move',
    });
  });

  test('phases that are known late join the line of their assignment, once', () => {
    const stamp = {
      phase: 'decide',
      node: 'n3',
      startedMs: 5,
      durationMs: 7,
      incarnation: 1,
    } as const;
    const report = {
      kind: 'report',
      group: 'web',
      expectedEpoch: 1,
      node: 'n3',
      stamps: [stamp],
    } as const;
    const state = applyAll(takingOver, report, report);
    const line = state.history.find(({ event }) => event === 'assigned');
    expect(line?.stamps).toEqual([stamp]);
    expect(refusal(state, { ...report, expectedEpoch: 3 })).toBe('STALE_EPOCH');
  });
});

describe('whether everything was stopped in order', () => {
  const lineOf = (level: number, clean: boolean) => {
    const risen = level === 2 ? serving : applyAll(serving, { kind: 'set-level', level });
    return applyAll(risen, { ...stoppedN1, clean }).history.at(-1);
  };

  test.each([true, false])('%s is noted as a value from level 4 on', (clean) => {
    expect(lineOf(4, clean)).toMatchObject({ event: 'stopped', clean });
  });

  test.each([2, 3])(
    'below it (%i) the words say so, as in what an older release wrote',
    (level) => {
      for (const clean of [true, false]) {
        const line = lineOf(level, clean);
        expect(line).not.toHaveProperty('clean');
        expect(line === undefined ? null : wasClean(line)).toBe(clean);
      }
    },
  );
});
