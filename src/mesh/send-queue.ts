/**
 * Frames on their way into one stream. Bounded: a stream that does not drain belongs to a link that
 * is dead or about to be, and Raft repeats what it needs, so a frame beyond the bound is dropped
 * rather than kept for a peer that reads it minutes later.
 *
 * What has gathered while the stream was busy leaves as one batch: one encryption, one write.
 */
export type SendQueueOptions = {
  readonly maxBytes: number;
  readonly maxFrames: number;
  readonly maxBatchBytes: number;
};

export class SendQueue implements AsyncIterable<readonly Uint8Array[]> {
  readonly #options: SendQueueOptions;
  #frames: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | null = null;

  constructor(options: SendQueueOptions) {
    this.#options = options;
  }

  /** False: the queue is full or has ended, the frame is dropped. */
  push(frame: Uint8Array): boolean {
    const bytes = this.#bytes + frame.byteLength;
    // One frame of any size fits into an empty queue, or a large one could never leave.
    const full = this.#frames.length > 0 && bytes > this.#options.maxBytes;
    if (this.#ended || full || this.#frames.length >= this.#options.maxFrames) return false;
    this.#frames.push(frame);
    this.#bytes = bytes;
    this.#wake?.();
    return true;
  }

  /** No more frames are taken; those that wait still leave. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly Uint8Array[]> {
    for (;;) {
      while (this.#frames.length > 0) yield this.take();
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** The next batch; empty when nothing waits. */
  take(): readonly Uint8Array[] {
    let count = 0;
    let bytes = 0;
    while (count < this.#frames.length) {
      const size = this.#frames[count]?.byteLength ?? 0;
      if (count > 0 && bytes + size > this.#options.maxBatchBytes) break;
      bytes += size;
      count += 1;
    }
    this.#bytes -= bytes;
    return this.#frames.splice(0, count);
  }
}
