/** Bytes to the target and back: layouts of SPC-4, and answers that a real target (LIO) gave. */
import { describe, expect, it } from 'vitest';
import {
  outcomeOf,
  parseCapabilities,
  parseKeys,
  parseReservation,
  toBytes,
  withoutQuirk,
} from '../../../src/fencing/devices/scsi/commands.ts';
import {
  outcomeOfCompletion,
  outcomeOfStatus,
  toArguments,
} from '../../../src/fencing/devices/sg-persist/sg-persist-path.ts';
import { parseSense } from '../../../src/system/sg-io.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const path = '/dev/sda';
const key = 0xfff1_0002_0000_0003n;

describe('PERSISTENT RESERVE OUT', () => {
  it('REGISTER carries the current key, the new key and APTPL', () => {
    const bytes = toBytes({ kind: 'register', path, current: 0n, key, aptpl: true });
    expect(bytes?.cdb).toEqual([0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0]);
    expect(Buffer.from(bytes?.out ?? []).toString('hex')).toBe(
      '0000000000000000fff100020000000300000000' + '01000000',
    );
    const volatile = toBytes({ kind: 'register', path, current: key, key, aptpl: false });
    expect(volatile?.out?.[20]).toBe(0);
  });

  it('PREEMPT AND ABORT carries the own key first, then the victim: not the other way round', () => {
    const bytes = toBytes({ kind: 'preempt-and-abort', path, key, victim: 0x22n, type: 5 });
    expect(bytes?.cdb.slice(0, 3)).toEqual([0x5f, 5, 5]);
    expect(Buffer.from(bytes?.out ?? []).readBigUInt64BE(0)).toBe(key);
    expect(Buffer.from(bytes?.out ?? []).readBigUInt64BE(8)).toBe(0x22n);
  });

  it('RESERVE and PREEMPT name their service action and type', () => {
    expect(toBytes({ kind: 'reserve', path, key, type: 1 })?.cdb.slice(0, 3)).toEqual([0x5f, 1, 1]);
    const preempt = toBytes({ kind: 'preempt', path, key, victim: 1n, type: 3 });
    expect(preempt?.cdb.slice(0, 3)).toEqual([0x5f, 4, 3]);
    expect(toBytes({ kind: 'logical-unit-reset', path })).toBeNull();
  });
});

describe('PERSISTENT RESERVE IN', () => {
  it('reads keys, as LIO lists them, and stops at the end of a short answer', () => {
    const data = hex('00000007 00000010 fff1000200000003 4846000100000002');
    expect(parseKeys(data)).toEqual({ generation: 7, keys: [key, 0x4846_0001_0000_0002n] });
    expect(parseKeys(data.subarray(0, 20))).toEqual({ generation: 7, keys: [key] });
    expect(parseKeys(hex('0000000000000000'))).toEqual({ generation: 0, keys: [] });
    expect(parseKeys(Buffer.alloc(0)).keys).toEqual([]);
  });

  it('reads a reservation and its absence', () => {
    const held = hex('00000001 00000010 fff1000200000003 00000000 00 05 0000');
    expect(parseReservation(held)).toEqual({ generation: 1, holder: key, type: 5 });
    const none = { generation: 1, holder: null, type: null };
    expect(parseReservation(hex('0000000100000000'))).toEqual(none);
  });

  it("reads LIO's capabilities: all types, PTPL_C, and PTPL_A after a REGISTER with APTPL", () => {
    const before = parseCapabilities(hex('00081d90ea010000'));
    expect(before).toMatchObject({ aptpl: true, aptplActive: false });
    expect([...before.types].sort()).toEqual([1, 3, 5, 6, 7, 8]);
    expect(parseCapabilities(hex('00081d91ea010000')).aptplActive).toBe(true);
  });
});

describe('status and sense', () => {
  const completed = (status: number, sense: string | null) =>
    outcomeOf({
      kind: 'completed',
      status,
      sense: sense === null ? null : parseSense(hex(sense)),
      data: Buffer.alloc(0),
    });
  const fixed = (keyAscAscq: string) =>
    `7000${keyAscAscq.slice(0, 2)}000000000a00000000${keyAscAscq.slice(2)}00000000`;

  it('tells conflict, attention, busy and refusal apart', () => {
    expect(completed(0, null)).toBe('good');
    expect(completed(0x18, null)).toBe('reservation-conflict');
    expect(completed(0x08, null)).toBe('busy');
    expect(completed(0x28, null)).toBe('busy');
    expect(completed(0x40, null)).toBe('timeout');
    expect(completed(2, fixed('062903'))).toBe('unit-attention');
    expect(completed(2, fixed('052000'))).toBe('not-supported');
    expect(completed(2, fixed('020401'))).toBe('busy');
    expect(completed(2, fixed('030000'))).toBe('path-lost');
    expect(completed(2, null)).toBe('path-lost');
  });

  it('reads both sense formats', () => {
    expect(parseSense(hex(fixed('062a05')))).toEqual({ key: 6, asc: 0x2a, ascq: 5 });
    expect(parseSense(hex('72062a0500000000'))).toEqual({ key: 6, asc: 0x2a, ascq: 5 });
    expect(parseSense(hex('00'))).toBeNull();
    expect(parseSense(Buffer.alloc(0))).toBeNull();
  });

  it('a command that never came back is a timeout, one that never left a lost path', () => {
    expect(outcomeOf({ kind: 'transport', timedOut: true, hostStatus: 3 })).toBe('timeout');
    expect(outcomeOf({ kind: 'transport', timedOut: false, hostStatus: 1 })).toBe('path-lost');
  });

  it("LIO's NOT READY to a RESERVE means: read again", () => {
    expect(withoutQuirk('reserve', true, 'path-lost')).toBe('reservation-conflict');
    expect(withoutQuirk('read-keys', true, 'path-lost')).toBe('path-lost');
  });
});

describe('sg3_utils', () => {
  it('is called read-only for what only reads', () => {
    for (const kind of ['read-keys', 'read-reservation'] as const) {
      expect(toArguments({ kind, path })).toContain('--readonly');
    }
    expect(toArguments({ kind: 'logical-unit-reset', path })).toContain('--no-escalate');
  });

  it('names own key and victim', () => {
    const argv = toArguments({ kind: 'preempt-and-abort', path, key, victim: 1n, type: 1 });
    expect(argv).toEqual([
      'sg_persist',
      '--out',
      '--no-inquiry',
      '--preempt-abort',
      '--param-rk=0xfff1000200000003',
      '--param-sark=0x0000000000000001',
      '--prout-type=1',
    ]);
  });

  it('exit statuses mean what the manual says', () => {
    const words = [0, 5, 6, 9, 24, 26, 33, 15].map(outcomeOfStatus);
    expect(words).toEqual([
      'good',
      'not-supported',
      'unit-attention',
      'not-supported',
      'reservation-conflict',
      'busy',
      'timeout',
      'path-lost',
    ]);
  });

  it('a dead path is not an empty disk, although the status is 0', () => {
    const stderr =
      'Persistent reservation in: transport: Host_status=0x01 [DID_NO_CONNECT]\n' +
      'Driver_status=0x00 [DRIVER_OK]\n';
    const stdout = '  PR generation=0x0, there are NO registered reservation keys\n';
    expect(outcomeOfCompletion({ status: 0, stdout, stderr })).toBe('path-lost');
    const late = stderr.replace('0x01', '0x03');
    expect(outcomeOfCompletion({ status: 0, stdout, stderr: late })).toBe('timeout');
    expect(outcomeOfCompletion({ status: 0, stdout, stderr: '' })).toBe('good');
    expect(outcomeOfCompletion(null)).toBe('timeout');
  });
});
