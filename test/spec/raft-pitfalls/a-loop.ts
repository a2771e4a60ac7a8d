/** The driver's Raft loop of node1 in a cluster of three, with a log whose writes end when told to. */
import { seededRandom } from '../../../src/lib/random.ts';
import type { NodeEvent } from '../../../src/node/node-event.ts';
import { RaftLoop } from '../../../src/node/raft-loop.ts';
import { RaftCore } from '../../../src/raft/core.ts';
import type { RaftMessage } from '../../../src/raft/types.ts';
import { configuration, type Incoming, OPTIONS } from '../../raft/bench.ts';
import { EMPTY_DISK } from '../../raft/hand-cluster.ts';

export class ALoop {
  readonly loop: RaftLoop;
  readonly sent: RaftMessage[] = [];
  /** Ends the oldest write. */
  readonly writes: (() => void)[] = [];
  now = 1_000;
  readonly #posted: NodeEvent[] = [];

  constructor() {
    const random = seededRandom(1);
    const voters = configuration(['node1', 'node2', 'node3']);
    const options = { ...OPTIONS, id: 'node1' };
    const core = RaftCore.restore(options, EMPTY_DISK, voters, this.now, random);
    const nothing = (): void => undefined;
    this.loop = new RaftLoop(core, {
      random,
      now: this.now,
      checkQuorumMs: options.checkQuorumMs,
      log: {
        load: () => Promise.resolve(EMPTY_DISK),
        append: () => new Promise((resolve) => this.writes.push(resolve)),
        compact: () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
      hooks: {
        send: (message) => this.sent.push(message),
        post: (event) => this.#posted.push(event),
        restore: nothing,
        apply: nothing,
        read: nothing,
        readRejected: nothing,
        rejected: nothing,
        leadership: nothing,
      },
    });
  }

  receive(message: Incoming): void {
    const whole = { ...message, to: 'node1' } as RaftMessage;
    this.loop.step({ kind: 'message', message: whole }, this.now);
  }

  /** Everything that was written so far is on the disk, and the loop hears of it. */
  async sync(): Promise<void> {
    for (const end of this.writes.splice(0)) end();
    await new Promise((resolve) => setImmediate(resolve));
    for (const event of this.#posted.splice(0)) {
      if (event.kind === 'durable') this.loop.durable(event.mark, this.now);
    }
  }

  /** Time passes, and the loop does what is due. */
  elapse(ms: number): void {
    for (const until = this.now + ms; this.now < until; ) {
      this.now = Math.min(until, Math.max(this.now + 1, this.loop.nextDeadlineMs));
      this.loop.due(this.now);
    }
  }

  async lead(): Promise<void> {
    this.elapse(500);
    const granted = { from: 'node2', term: 1, granted: true, quietMs: 500 } as const;
    this.receive({ kind: 'pre-vote-reply', ...granted });
    await this.sync();
    this.receive({ kind: 'vote-reply', ...granted });
    if (this.loop.role !== 'leader') throw new Error(`is ${this.loop.role}`);
    this.sent.length = 0;
  }

  /** Node2 answers the newest question. */
  echo(): void {
    const asked = this.sent.findLast(({ kind, to }) => kind === 'append' && to === 'node2');
    const readId = asked?.kind === 'append' ? asked.readId : 0;
    const reply = { kind: 'append-reply', matchIndex: 0, conflict: null, readId } as const;
    this.receive({ ...reply, from: 'node2', term: 1 });
  }
}
