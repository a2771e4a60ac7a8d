/**
 * A trace for people: what each line of it says, in one line. Nodes stand in columns of their own when
 * there are several (a trace of the simulation), and what repeats all the time (heartbeats, empty
 * appends) can be left out.
 *
 * It feeds nothing back into a driver: requests of operators are functions and are not in a trace.
 */

/** `at` in milliseconds on the clock of whoever wrote it; null: the line does not say. */
export type TraceLine = {
  readonly atMs: number | null;
  readonly node: string | null;
  readonly kind: string;
  readonly words: string;
};

/** What a healthy cluster says many times a second. */
const ROUTINE: readonly string[] = ['heartbeat', 'append', 'append-reply', 'durable', 'fitness'];
const MAX_WORDS = 160;

type Fields = Readonly<Record<string, unknown>>;

/** Total: a line that nobody knows is shown as it is. */
export function readTraceLine(value: unknown): TraceLine {
  const line = fieldsOf(value);
  const event = fieldsOf(line['event'] ?? line);
  const wrapped = 'atMs' in line;
  const atMs = typeof line['atMs'] === 'number' ? line['atMs'] : null;
  const node = typeof line['node'] === 'string' && wrapped ? line['node'] : null;
  if (typeof line['note'] === 'string') return { atMs, node, kind: 'note', words: line['note'] };
  const { kind, words } = describe(wrapped ? event : line);
  return { atMs, node, kind, words: words.slice(0, MAX_WORDS) };
}

export function isRoutine({ kind }: TraceLine): boolean {
  return ROUTINE.includes(kind);
}

/** Columns in the order of `nodes`; with at most one node there are none. */
export function drawTraceLine(line: TraceLine, nodes: readonly string[], width: number): string {
  const at = line.atMs === null ? '' : line.atMs.toFixed(1).padStart(12);
  if (nodes.length < 2) return `${at}  ${line.words}`;
  const column = nodes.indexOf(line.node ?? '');
  if (column < 0) return `${at}  ── ${line.node === null ? '' : `${line.node}: `}${line.words}`;
  const each = Math.max(8, Math.floor((width - at.length) / (2 * nodes.length)));
  return `${at}  ${' '.repeat(column * each)}${line.node}: ${line.words}`;
}

function describe(event: Fields): { readonly kind: string; readonly words: string } {
  const kind = String(event['kind'] ?? 'line');
  const inner = fieldsOf(event['event']);
  if (kind === 'mesh') return describeMesh(inner);
  return { kind, words: `${kind} ${facts(event)}` };
}

function describeMesh(event: Fields): { readonly kind: string; readonly words: string } {
  const kind = String(event['kind'] ?? 'mesh');
  const message = fieldsOf(event['message'] ?? event['heartbeat'] ?? event);
  if (kind === 'heartbeat') {
    return { kind, words: `heartbeat of ${message['from']} over ${event['over']}` };
  }
  if (kind !== 'raft' && kind !== 'control') return { kind, words: `${kind} ${facts(event)}` };
  const name = String(message['kind'] ?? kind);
  return { kind: name, words: `${message['from']} → ${name} ${facts(message)}` };
}

/** The plain facts of an object; what is large is only counted. */
function facts(of: Fields): string {
  return Object.entries(of)
    .filter(([name]) => !['kind', 'from', 'to', 'event'].includes(name))
    .map(([name, value]) => `${name}=${short(value)}`)
    .join(' ');
}

function short(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}]`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
