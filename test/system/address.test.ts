import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/system/address.ts';
import { announcements, claimant, duplicateProbe } from '../../src/system/announcement-frames.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const MAC = Uint8Array.of(2, 0, 0x5e, 0, 0, 1);

describe('an address', () => {
  it.each([
    ['192.0.2.9/24', 4, 24, 'c0000209'],
    ['192.0.2.9', 4, 32, 'c0000209'],
    ['2001:db8::9/64', 6, 64, '20010db8000000000000000000000009'],
    ['::', 6, 128, '00000000000000000000000000000000'],
    ['fe80::1:2:3:4:5:6', 6, 128, 'fe800000000100020003000400050006'],
    ['::ffff:192.0.2.9', 6, 128, '00000000000000000000ffffc0000209'],
    ['1:2:3:4:5:6:7::', 6, 128, '00010002000300040005000600070000'],
  ])('%s is read', (text, family, prefix, bytes) => {
    const address = parseAddress(text);
    expect([address.family, address.prefix, hex(address.bytes)]).toEqual([family, prefix, bytes]);
  });

  it.each(['', '192.0.2', '192.0.2.9/0', '192.0.2.9/33', '::1/129', '192.0.2.9/', 'fe80::1%eth0'])(
    '%j is refused',
    (text) => {
      expect(() => parseAddress(text)).toThrow('FLOATING_ADDRESS_INVALID');
    },
  );

  it('of any 16 bytes is read back as those bytes', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    fc.assert(
      fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
        const text = groups.map((value) => value.toString(16)).join(':');
        const wanted = groups.map((value) => value.toString(16).padStart(4, '0')).join('');
        expect(hex(parseAddress(text).bytes)).toBe(wanted);
      }),
    );
  });
});

describe('the frames of an announcement', () => {
  it('of IPv4 are a gratuitous request and a gratuitous reply, as RFC 5227 and RFC 826 write them', () => {
    const [request, reply] = announcements(MAC, parseAddress('192.0.2.9'));
    const header = 'ffffffffffff02005e0000010806';
    const kind = '0001080006040001';
    expect(hex(request ?? MAC)).toBe(`${header}${kind}02005e000001c0000209000000000000c0000209`);
    expect(hex(reply ?? MAC)).toBe(
      `${header}000108000604000202005e000001c0000209ffffffffffffc0000209`,
    );
  });

  it('of IPv6 is an unsolicited advertisement with override and a right checksum', () => {
    const [frame] = announcements(MAC, parseAddress('2001:db8::9'));
    const bytes = frame ?? Buffer.alloc(0);
    expect(hex(bytes.subarray(0, 6))).toBe('333300000001');
    expect(hex(bytes.subarray(54, 56))).toBe('8800');
    expect(bytes.readUInt32BE(58)).toBe(0x2000_0000);
    // RFC 1071: over pseudo header and message, checksum included, the sum is all ones.
    const pseudo = Buffer.from([0, 0, 0, 32, 0, 0, 0, 58]);
    const summed = Buffer.concat([bytes.subarray(22, 54), pseudo, bytes.subarray(54)]);
    let sum = 0;
    for (let at = 0; at < summed.length; at += 2) sum += summed.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    expect(sum).toBe(0xffff);
  });

  it.each(['192.0.2.9', '2001:db8::9'])('of %s claim it, and a probe does not', (text) => {
    const address = parseAddress(text);
    const other = parseAddress(address.family === 4 ? '192.0.2.8' : '2001:db8::8');
    for (const frame of announcements(MAC, address)) {
      expect(hex(claimant(frame, address) ?? Buffer.alloc(0))).toBe(hex(MAC));
      expect(claimant(frame, other)).toBeNull();
      expect(claimant(frame.subarray(0, 30), address)).toBeNull();
    }
    expect(claimant(duplicateProbe(MAC, address), address)).toBeNull();
  });
});
