/**
 * The lines between a verification and the initiator on another node: one JSON object a line, keys
 * as hex strings. Both ends are of one version, which the first line says; what does not fit ends
 * the conversation.
 */
import { HoldfastError } from '../../../lib/error.ts';
import type { Answer, Verb } from '../words.ts';

export const VERSION = 1;
export const MAX_LINE_BYTES = 256 * 1024;

/** What the far side says first. */
export type Greeting = {
  readonly holdfast: 'disk-attend';
  readonly version: number;
  readonly node: string;
  readonly device: string;
  readonly identity: string;
};
export type Asked = { readonly id: number; readonly verb: Verb };
export type Told = { readonly id: number; readonly answer: Answer };
/** The far side could not begin, or a question ended in an error. */
export type Trouble = { readonly problem: { readonly code: string; readonly context: object } };

export type Frame = Greeting | Asked | Told | Trouble;

export function encodeFrame(frame: Frame): string {
  return `${JSON.stringify(frame, (_, value: unknown) => {
    return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
  })}\n`;
}

/** @throws HoldfastError DISK_FRAME_GARBLED */
export function decodeFrame(line: string): Fields {
  try {
    const frame: unknown = JSON.parse(line);
    if (isFields(frame)) {
      const { verb, answer } = frame;
      return {
        ...frame,
        ...(isFields(verb) ? { verb: withKeys(verb) } : {}),
        ...(isFields(answer) ? { answer: withKeys(answer) } : {}),
      };
    }
  } catch (cause) {
    throw new HoldfastError('DISK_FRAME_GARBLED', { line: line.slice(0, 120) }, { cause });
  }
  throw new HoldfastError('DISK_FRAME_GARBLED', { line: line.slice(0, 120) });
}

export type Fields = Readonly<Record<string, unknown>>;

/** Where keys stand in verbs and answers. */
const KEY_FIELDS = ['current', 'key', 'victim', 'holder', 'keys'];

function withKeys(fields: Fields): Fields {
  const entries = Object.entries(fields).map(([name, value]) => {
    return [name, KEY_FIELDS.includes(name) ? toKey(value) : value];
  });
  return Object.fromEntries(entries) as Fields;
}

function toKey(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toKey);
  return typeof value === 'string' ? BigInt(value) : value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
