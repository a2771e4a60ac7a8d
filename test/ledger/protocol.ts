/**
 * The ledger's language: newline-delimited JSON over TCP, a request a line, an answer a line, in
 * order. And the splitting of a byte stream into lines, which both ends need.
 */

import type { LedgerRecord } from './record-store.ts';

export type Request =
  | {
      readonly op: 'append';
      readonly client: string;
      readonly seq: number;
      readonly payload: string;
    }
  | { readonly op: 'list'; readonly from?: number; readonly limit?: number }
  | { readonly op: 'count' }
  | { readonly op: 'who' };

/** Who serves, and why: from the environment that Holdfast gives to an application. */
export type Owner = {
  readonly group: string;
  readonly node: string;
  readonly epoch: number;
  readonly reason: string;
  readonly previousOwner: string;
};

export type Reply =
  | {
      readonly ok: true;
      readonly op: 'append';
      readonly client: string;
      readonly seq: number;
      readonly node: string;
      readonly epoch: number;
    }
  | {
      readonly ok: true;
      readonly op: 'list';
      readonly records: readonly LedgerRecord[];
      readonly next: number | null;
    }
  | { readonly ok: true; readonly op: 'count'; readonly count: number }
  | ({ readonly ok: true; readonly op: 'who' } & Owner)
  | {
      readonly ok: false;
      readonly code: 'BAD_REQUEST' | 'PAYLOAD_DIFFERS';
      readonly detail: string;
    };

export const maxLineBytes = 1024 * 1024;
export const pageSize = 1000;

/** Feeds chunks in, calls back for each whole line; a line without an end is an error, not a leak. */
export class Lines {
  readonly #each: (line: string) => void;
  #buffer = '';

  constructor(each: (line: string) => void) {
    this.#each = each;
  }

  /** @returns false when the line has grown beyond `maxLineBytes` */
  push(chunk: string): boolean {
    const lines = (this.#buffer + chunk).split('\n');
    this.#buffer = lines.pop() ?? '';
    for (const line of lines) this.#each(line);
    return this.#buffer.length <= maxLineBytes;
  }
}

/** A request as it came from the wire, or undefined when it is none. */
export function parseRequest(line: string): Request | undefined {
  try {
    const value = JSON.parse(line) as Record<string, unknown> | null;
    switch (value?.['op']) {
      case 'append': {
        const { client, seq, payload } = value;
        const fits =
          typeof client === 'string' && Number.isSafeInteger(seq) && typeof payload === 'string';
        return fits ? { op: 'append', client, seq: seq as number, payload } : undefined;
      }
      case 'list': {
        const { from, limit } = value;
        return {
          op: 'list',
          from: whole(from, 0),
          limit: Math.min(whole(limit, pageSize), pageSize),
        };
      }
      case 'count':
        return { op: 'count' };
      case 'who':
        return { op: 'who' };
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function whole(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : otherwise;
}
