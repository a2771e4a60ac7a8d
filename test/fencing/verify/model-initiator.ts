/**
 * An initiator on the model of the target, and targets that misbehave: each fault is one sentence of
 * the standard that is broken, and nothing else.
 */
import {
  DEFAULT_TARGET,
  type TargetOptions,
} from '../../../src/fencing/devices/emulated/commands.ts';
import { EmulatedTarget } from '../../../src/fencing/devices/emulated/target.ts';
import { execute, word } from '../../../src/fencing/devices/emulated/verbs.ts';
import type { PrCommand } from '../../../src/fencing/fence-device.ts';
import type { Answer, Initiator, Verb, Who } from '../../../src/fencing/verify/words.ts';

export const IDENTITY = 'naa.6001405000000001';
const BLOCK = 7;
export const BEFORE = Buffer.from('what was there').toString('base64');

export type Storage = {
  readonly target: EmulatedTarget;
  readonly first: Initiator;
  readonly second: Initiator;
  /** What is on the medium now, in words. */
  content(): string;
};

/** Answers in place of the target, or `null` to let it answer. */
export type Fault = (
  command: { readonly who: Who; readonly verb: Verb },
  storage: { readonly target: EmulatedTarget; go(verb?: Verb): Answer },
) => Answer | null;

export function storage(
  options: { readonly target?: Partial<TargetOptions>; readonly fault?: Fault } = {},
): Storage {
  const target = new EmulatedTarget({ ...DEFAULT_TARGET, identity: IDENTITY, ...options.target });
  const blank = target.submitWrite('before', BLOCK, BEFORE);
  const again =
    typeof blank === 'object' && 'id' in blank
      ? blank
      : target.submitWrite('before', BLOCK, BEFORE);
  if (typeof again === 'object' && 'id' in again) target.completeWrite(again.id);
  const initiator = (who: Who): Initiator => {
    const state = { lost: false, writing: null as string | null, good: 0 };
    const go = (verb: Verb): Answer => answer(target, { who, verb, state });
    return {
      name: who,
      ask: async (verb) =>
        options.fault?.({ who, verb }, { target, go: (other) => go(other ?? verb) }) ?? go(verb),
      close: async () => {},
    };
  };
  return {
    target,
    first: initiator('first'),
    second: initiator('second'),
    content: () => {
      const { cache, medium } = target.inspect();
      return Buffer.from(cache.get(BLOCK) ?? medium.get(BLOCK) ?? '', 'base64').toString();
    },
  };
}

type State = { lost: boolean; writing: string | null; good: number };

function answer(
  target: EmulatedTarget,
  { who, verb, state }: { readonly who: Who; readonly verb: Verb; readonly state: State },
): Answer {
  if (state.lost && verb.kind !== 'regain-path') return { kind: 'path-lost' };
  switch (verb.kind) {
    case 'identity':
      return { kind: 'identity', identity: target.options.identity };
    case 'capabilities':
      return { kind: 'capabilities', capabilities: target.capabilities() };
    case 'read': {
      const read = target.read(who, BLOCK);
      if (typeof read === 'object' && 'data' in read)
        return { kind: 'data', data: read.data ?? '' };
      return refusal(read);
    }
    case 'write': {
      if (verb.opcode.startsWith('SYNCHRONIZE')) return refusal(target.synchronizeCache(who));
      if (verb.opcode === 'UNMAP') {
        const task = target.submitWrite(who, BLOCK + 1, '');
        if (typeof task !== 'object' || !('id' in task)) return refusal(task);
        return { kind: 'good' };
      }
      return written(target, target.submitWrite(who, BLOCK, verb.data));
    }
    case 'begin-writes': {
      const begun = written(target, target.submitWrite(who, BLOCK, verb.data));
      // One is done, and the next one is in flight while the other initiator does what it does.
      const next = target.submitWrite(who, BLOCK, verb.data);
      state.writing = typeof next === 'object' && 'id' in next ? String(next.id) : null;
      return begun;
    }
    case 'end-writes': {
      if (state.writing === null) return { kind: 'writes', good: 0, last: 'good' };
      const landed = target.completeWrite(Number(state.writing));
      state.writing = null;
      return { kind: 'writes', good: landed ? 2 : 1, last: landed ? 'good' : 'aborted' };
    }
    case 'lose-path':
      state.lost = true;
      target.nexusLoss(who);
      return { kind: 'good' };
    case 'regain-path':
      state.lost = false;
      return { kind: 'good' };
    default: {
      const { path: _, ...reply } = execute(target, who, { ...verb, path: 'p' } as PrCommand);
      return reply as Answer;
    }
  }
}

type Submitted = ReturnType<EmulatedTarget['submitWrite']>;

function written(target: EmulatedTarget, task: Submitted): Answer {
  if (typeof task !== 'object' || !('id' in task)) return refusal(task);
  return { kind: target.completeWrite(task.id) ? 'good' : 'aborted' };
}

function refusal(status: Exclude<Submitted, { id: number }>): Answer {
  if (typeof status === 'object' && status.check === 'unit-attention') {
    return { kind: 'unit-attention', code: status.code };
  }
  return { kind: word(status) };
}
