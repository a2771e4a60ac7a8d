/**
 * The laboratory's judges alone, without a laboratory: what they see in frames, in LIO's words, in
 * a look at the machines.
 */

import { describe, expect, it } from 'vitest';
import { LabError, until } from './kernel/index.ts';
import { parseReservation } from './kernel/kernel-lab.ts';
import { type Observation, violations } from './observer.ts';
import { relapses, stillHeardMs, turnsOf } from './watch/double-answers.ts';
import { speechOf, whoHas } from './watch/frame.ts';
import { type Heard, HeardSpeech } from './watch/heard.ts';

const mac = Uint8Array.from([2, 0, 0x5e, 0, 1, 1]);
const vip = '10.99.3.100';

function arpReply(address: string): Uint8Array {
  const frame = whoHas('10.99.3.254', address, mac);
  frame[21] = 2;
  return frame;
}

describe('frames', () => {
  it('an ARP reply and an announcement claim an address, a question does not', () => {
    expect(speechOf(arpReply(vip))).toEqual({
      kind: 'arp',
      address: vip,
      mac: '02:00:5e:00:01:01',
    });
    expect(speechOf(whoHas(vip, vip, mac))).toMatchObject({ kind: 'arp', address: vip });
    expect(speechOf(whoHas(vip, '10.99.3.11', mac))).toBeUndefined();
  });

  it('too short a frame says nothing', () => {
    expect(speechOf(new Uint8Array(20))).toBeUndefined();
  });
});

describe('hearing', () => {
  const ports = new Map([
    [11, 1],
    [12, 2],
  ]);
  const frame = arpReply(vip);

  it('the port of a heard frame is found although two owners send the same bytes', () => {
    const hearing = new HeardSpeech(ports, 5, [vip]);
    expect(hearing.observe({ interfaceIndex: 12, at: 1, frame })).toBeUndefined(); // Swallowed by a cut.
    expect(hearing.observe({ interfaceIndex: 11, at: 2, frame })).toBeUndefined();
    expect(hearing.observe({ interfaceIndex: 5, at: 2, frame })).toMatchObject({ guest: 1, at: 2 });
    expect(hearing.observe({ interfaceIndex: 5, at: 3, frame })).toBeUndefined();
  });

  const heard = (guest: number, at: number): Heard => ({
    kind: 'arp',
    address: vip,
    mac: '',
    guest,
    at,
  });

  it('an owner that speaks after its successor has relapsed', () => {
    const clean = turnsOf([heard(1, 1), heard(1, 2), heard(2, 3)], vip);
    expect(clean.map((turn) => turn.frames)).toEqual([2, 1]);
    expect(relapses(clean, [1, 2])).toEqual([]);
    const dirty = turnsOf([heard(1, 1), heard(2, 3), heard(1, 4), heard(2, 5)], vip);
    expect(relapses(dirty, [1, 2])).toMatchObject([{ guest: 1, from: 4 }]);
    expect(relapses(dirty, [1, 2, 1, 2])).toEqual([]);
  });

  it('how long a thawed machine was still heard', () => {
    expect(stillHeardMs([heard(1, 90), heard(2, 150), heard(1, 130)], 1, 100)).toBe(30);
    expect(stillHeardMs([heard(1, 90)], 1, 100)).toBe(0);
  });
});

describe('the observer', () => {
  const lio = `0
SPC-3 Reservation: iSCSI Initiator: iqn.2026-01.lab:node2,i,0x00023d000001
SPC-3 Reservation Type: Write Exclusive Access
SPC-3 PR Registrations:
iSCSI Node: iqn.2026-01.lab:node2,i,0x00023d000001 Key: 0x00000000000000a2 PRgen: 0x00000000
`;

  it('reads holder, type and keys out of the target', () => {
    expect(parseReservation(lio)).toEqual({
      lun: 0,
      holder: 2,
      type: 'Write Exclusive Access',
      keys: { 2: 'a2' },
    });
    expect(parseReservation('1\nNo SPC-3 Reservation holder\n')).toMatchObject({
      lun: 1,
      holder: null,
    });
  });

  const mount = { lun: 0, path: '/srv', type: 'ext4', writable: true };
  const look = (keys: Record<number, string>, holder: number | null): Observation => ({
    at: 0,
    guests: [1, 2].map((guest) => ({ guest, state: 'answers', mounts: [mount], floating: [vip] })),
    reservations: [{ lun: 0, holder, type: null, keys }],
  });

  it('two writable mounts are a violation unless the target refuses one of them', () => {
    const fenced = violations(look({ 2: 'a2' }, 2));
    expect(fenced).toEqual([`${vip} is on node1 and node2`]);
    expect(violations(look({ 1: 'a1', 2: 'a2' }, 2))).toHaveLength(2);
    expect(violations(look({}, null))).toHaveLength(2);
  });
});

describe('waiting', () => {
  it('ends with the predicate, or with an error that says what was waited for', async () => {
    let looks = 0;
    const found = until(() => ++looks === 3 && 'yes', { what: 'x', limitMs: 5_000, intervalMs: 1 });
    expect(await found).toBe('yes');
    const never = until(() => false, { what: 'the moon', limitMs: 5, intervalMs: 1 });
    await expect(never).rejects.toThrow(LabError);
    await expect(never).rejects.toThrow('the moon within 5 ms');
  });
});
