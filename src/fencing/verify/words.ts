/**
 * The words of a verification: what a check may ask of an initiator, what it is answered, what it
 * finds. All of it is plain data, so that an initiator may be another machine.
 *
 * The intuition: a check is a conversation that can be read from top to bottom. It is written as a
 * generator: it yields a question and is given the answer. So it does no IO, knows no time, and a
 * target that misbehaves in exactly one way can be played to it.
 *
 * Reference: SPC-4 §5.13; SBC-3 §4.17 and §5 (the commands that write).
 */
import type { WriteOpcode } from '../devices/scsi/media-commands.ts';
import type { FenceCapabilities, PrCommand, PrReply } from '../fence-device.ts';

export type Who = 'first' | 'second';

type WithoutPath<T> = T extends unknown ? Omit<T, 'path'> : never;

export type Verb =
  | WithoutPath<PrCommand>
  | { readonly kind: 'identity' | 'capabilities' }
  /** The blocks that the verification may use, read past every cache. */
  | { readonly kind: 'read' }
  /** `data` is base64 of as many bytes as `read` gives; opcodes of one block take the first. */
  | { readonly kind: 'write'; readonly opcode: WriteOpcode; readonly data: string }
  /** Writes `data` again and again, several at once; answered when the first one is done. */
  | { readonly kind: 'begin-writes'; readonly data: string }
  /** Waits until none of them is out; they end by themselves when one is refused. */
  | { readonly kind: 'end-writes' }
  /** This machine uses the path no more, as after a pulled cable; and uses it again. */
  | { readonly kind: 'lose-path' | 'regain-path' };

/** What can come in place of an answer. */
export type Refusal =
  | WithoutPath<Extract<PrReply, { kind: 'unit-attention' }>>
  | {
      readonly kind:
        | 'reservation-conflict'
        | 'busy'
        | 'not-supported'
        | 'path-lost'
        | 'timeout'
        /** Ended by the target before it was carried out. */
        | 'aborted';
    }
  /** The target answered with another error; ASC/ASCQ where there is one. */
  | { readonly kind: 'failed'; readonly code?: string };

export type Answer =
  | Refusal
  | { readonly kind: 'good' }
  | WithoutPath<Extract<PrReply, { kind: 'keys' } | { kind: 'reservation' }>>
  | { readonly kind: 'identity'; readonly identity: string }
  | { readonly kind: 'capabilities'; readonly capabilities: FenceCapabilities }
  | { readonly kind: 'data'; readonly data: string }
  /** How many writes were acknowledged, and in what the last one ended. */
  | { readonly kind: 'writes'; readonly good: number; readonly last: Refusal['kind'] | 'good' };

export type Question = { readonly who: Who; readonly verb: Verb };
/** A conversation that ends in a `T`. */
export type Talk<T> = Generator<Question, T, Answer>;

export type Outcome =
  | 'works'
  /** Not as the standard has it, and it does no harm here. */
  | 'differs'
  /** The disk can be used, with less: `means` says with what. */
  | 'limited'
  /** It was not tried, or could not be seen. */
  | 'unproven'
  /** This disk must not carry a failover group. */
  | 'unfit';

export type Finding = {
  readonly check: string;
  readonly outcome: Outcome;
  /** What was seen, in words. */
  readonly seen: string;
  /** What it means for a cluster that uses this disk. */
  readonly means: string;
};

export type CheckContext = {
  /** Is there a second initiator? */
  readonly second: boolean;
  /** May other data be written than what is there? It is put back afterwards. */
  readonly scratch: boolean;
  readonly keys: VerificationKeys;
};

export type VerificationKeys = {
  readonly first: bigint;
  /** Another key of the first initiator. */
  readonly other: bigint;
  readonly second: bigint;
};

export type Check = {
  readonly name: string;
  /** Without the second initiator it is not begun, and unproven. */
  readonly needsSecond: boolean;
  /** What is lost where it stays unproven. */
  readonly unprovenMeans: string;
  readonly talk: (context: CheckContext) => Talk<readonly Finding[]>;
};

/** How a path of the disk is spoken to, from here or from another machine. */
export type Initiator = {
  /** For the report: a device, with its node where it is another one. */
  readonly name: string;
  /** Rejects only where nothing sensible can follow. @throws HoldfastError */
  ask(verb: Verb, signal: AbortSignal): Promise<Answer>;
  close(): Promise<void>;
};
