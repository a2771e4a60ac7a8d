/**
 * Frames that are not packed: they carry what was sent as it is, so a long simulation spends its time
 * on what it looks for. A part of the seeds packs and reads as production does (`script.ts`). What is
 * read is never changed by whoever reads it; that frames survive packing is tested in `test/mesh`.
 */
import { type Result, success } from '../../src/lib/result.ts';
import type { Heartbeat } from '../../src/membership/heartbeat.ts';
import type { Carried, Envelope, FrameCodec, Garbled } from '../../src/mesh/codec.ts';

/** In the place of bytes; an array of bytes would cost more than all that is spared. */
class Sealed<T> {
  readonly byteLength = 0;
  readonly content: Result<T, Garbled>;

  constructor(content: T) {
    this.content = success(content);
  }
}

const frameOf = <T>(content: T): Uint8Array => new Sealed(content) as unknown as Uint8Array;
const sealed = <T>(frame: Uint8Array): Sealed<T> => frame as unknown as Sealed<T>;

let lastBeat: Uint8Array | null = null;
let lastSent: Heartbeat | null = null;

/** A body of ours needs no second look. */
const carriedOf = (envelope: Envelope): Carried =>
  ({ kind: envelope.kind, message: envelope.body }) as Carried;

export const TRUSTING: FrameCodec = {
  encodeFrame: ({ kind, message }, stamp) => {
    const { from, to } = message;
    const { sequence, incarnation } = stamp;
    return frameOf<Envelope>({
      kind,
      relayed: false,
      incarnation,
      sequence,
      from,
      to,
      body: message,
    });
  },
  readEnvelope: (frame) => sealed<Envelope>(frame).content,
  readCarried: (envelope) => success(carriedOf(envelope)),
  markRelayed: (frame) => {
    const { content } = sealed<Envelope>(frame);
    return content.ok ? frameOf({ ...content.value, relayed: true }) : frame;
  },
  isCopy: (one, other) => one === other,
  encodeHeartbeat: (beat) => {
    if (lastBeat === null || lastSent !== beat) lastBeat = frameOf(beat);
    lastSent = beat;
    return lastBeat;
  },
  readHeartbeat: (frame) => sealed<Heartbeat>(frame).content,
};
