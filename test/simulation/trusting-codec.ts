/**
 * Frames that are not packed: they carry what was sent as it is, so a long simulation spends its time
 * on what it looks for. A part of the seeds packs and reads as production does (`script.ts`). What is
 * read is never changed by whoever reads it; that frames survive packing is tested in `test/mesh`.
 */
import { type Result, success } from '../../src/lib/result.ts';
import type { Heartbeat } from '../../src/membership/heartbeat.ts';
import type { Carried, Envelope, FrameCodec, Garbled } from '../../src/mesh/codec.ts';

class Sealed<T> extends Uint8Array {
  readonly content: Result<T, Garbled>;

  constructor(content: T) {
    super(0);
    this.content = success(content);
  }
}

let lastBeat: Sealed<Heartbeat> | null = null;
let lastSent: Heartbeat | null = null;

/** A body of ours needs no second look. */
const carriedOf = (envelope: Envelope): Carried =>
  ({ kind: envelope.kind, message: envelope.body }) as Carried;

export const TRUSTING: FrameCodec = {
  encodeFrame: ({ kind, message }, stamp) => {
    const { from, to } = message;
    return new Sealed<Envelope>({ kind, relayed: false, ...stamp, from, to, body: message });
  },
  readEnvelope: (frame) => (frame as Sealed<Envelope>).content,
  readCarried: (envelope) => success(carriedOf(envelope)),
  markRelayed: (frame) => {
    const { content } = frame as Sealed<Envelope>;
    return content.ok ? new Sealed({ ...content.value, relayed: true }) : frame;
  },
  isCopy: (one, other) => one === other,
  encodeHeartbeat: (beat) => {
    if (lastBeat === null || lastSent !== beat) lastBeat = new Sealed(beat);
    lastSent = beat;
    return lastBeat;
  },
  readHeartbeat: (frame) => (frame as Sealed<Heartbeat>).content,
};
