/**
 * Reads what an older program wrote. Each step takes a value of one format to the next one, filling
 * in what the older format could not say; the shape check comes afterwards and judges the result, so
 * a step may leave alone whatever it does not recognise.
 *
 * The same log must give the same state on every node: a step depends on the value alone.
 *
 * Format 1 knew neither roles nor invitations: every member voted, and was on the bootstrap list.
 * Formats 3 and 4 only added what may be missing: what belongs to the feature level of that number
 * (`level.ts`). Of entries only the one that raises the level itself needs format 4.
 */
import type { Command, CommandEnvelope } from './command.ts';
import { levelNeeded } from './level.ts';
import type { ClusterState } from './state.ts';

type Plain = Readonly<Record<string, unknown>>;

/** Steps by the format that they start from. */
export type Steps = Readonly<Record<number, (value: unknown) => unknown>>;

export const ENTRY_STEPS: Steps = {
  1: (value) => {
    const command = isPlain(value) ? value['command'] : null;
    const old = isPlain(value) && isPlain(command) && command['kind'] === 'admit-member';
    return old ? { ...value, command: { invitation: null, ...command } } : value;
  },
  2: (value) => value,
  3: (value) => value,
};

/** What only format 2 can say. An admission without an invitation is written as it always was. */
const SINCE_2: readonly Command['kind'][] = ['invite', 'revoke-invitation', 'set-role', 'recover'];

/** The oldest format that can say it, and how it is said there. The steps above lead back. */
export function oldestEntry(envelope: CommandEnvelope): {
  readonly format: number;
  readonly value: unknown;
} {
  const { command } = envelope;
  if (command.kind === 'set-level' && command.level > 3) return { format: 4, value: envelope };
  if (levelNeeded(command) >= 3) return { format: 3, value: envelope };
  if (SINCE_2.includes(command.kind)) return { format: 2, value: envelope };
  if (command.kind !== 'admit-member') return { format: 1, value: envelope };
  const { invitation, ...first } = command;
  if (invitation !== null) return { format: 2, value: envelope };
  return { format: 1, value: { ...envelope, command: first } };
}

/** The oldest format of a snapshot that can say this state. */
export function oldestState({ level }: ClusterState): number {
  return level ?? 2;
}

export const STATE_STEPS: Steps = {
  1: (value) => {
    if (!isPlain(value)) return value;
    const members = mapped(value['members'], (one) => ({ role: 'voter', ...one }));
    const usedNames = [...(isPlain(members) ? Object.keys(members) : []), ...removedIn(value)];
    return { firstEpoch: 1, invitations: [], removed: [], usedNames, ...value, members };
  },
  2: (value) => value,
  3: (value) => value,
};

/** Who was removed, as far as the history still tells. */
function removedIn({ history }: Plain): readonly unknown[] {
  const lines: readonly unknown[] = Array.isArray(history) ? history : [];
  return lines.flatMap((line) =>
    isPlain(line) && line['event'] === 'member-removed' ? [line['node']] : [],
  );
}

function mapped(table: unknown, change: (entry: Plain) => Plain): unknown {
  if (!isPlain(table)) return table;
  return Object.fromEntries(
    Object.entries(table).map(([key, one]) => [key, isPlain(one) ? change(one) : one]),
  );
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
