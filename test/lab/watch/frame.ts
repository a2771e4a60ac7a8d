/**
 * Reading Ethernet frames as far as the watch needs it: who speaks for which IPv4 address. Pure.
 * No VLANs, no IPv6: the laboratory has neither.
 */

export type Speech = {
  /** "arp" claims an address by an answer or an announcement, "ip" uses it as a source. */
  readonly kind: 'arp' | 'ip';
  readonly address: string;
  readonly mac: string;
};

/** What a frame says about the ownership of an address; undefined when it says nothing. */
export function speechOf(frame: Uint8Array): Speech | undefined {
  const at = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 34) return undefined;
  const mac = Array.from(frame.subarray(6, 12), (byte) => byte.toString(16).padStart(2, '0')).join(
    ':',
  );
  const type = at.getUint16(12);
  if (type === 0x0800) return { kind: 'ip', address: dotted(frame, 26), mac };
  if (type !== 0x0806) return undefined;
  const reply = at.getUint16(20) === 2;
  const sender = dotted(frame, 28);
  const announcement = frame.length >= 42 && dotted(frame, 38) === sender; // RFC 5227 §3
  // A plain request is a question; its sender address is a claim only in the eyes of sloppy hosts.
  return reply || announcement ? { kind: 'arp', address: sender, mac } : undefined;
}

/** A broadcast "who has address? tell asker" (RFC 826), to which every machine that has it answers. */
export function whoHas(address: string, asker: string, askerMac: Uint8Array): Uint8Array {
  const frame = new Uint8Array(42);
  frame.fill(0xff, 0, 6);
  frame.set(askerMac, 6);
  frame.set([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1], 12);
  frame.set(askerMac, 22);
  frame.set(asker.split('.').map(Number), 28);
  frame.set(address.split('.').map(Number), 38);
  return frame;
}

function dotted(frame: Uint8Array, at: number): string {
  return frame.subarray(at, at + 4).join('.');
}
