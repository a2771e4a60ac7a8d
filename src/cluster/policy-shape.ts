/** The shape of a group's policy; `shapes.ts` has the others. */
import { PHASES } from '../lib/phases.ts';
import {
  anyOf,
  fields,
  finite,
  integer,
  list,
  nullable,
  oneOf,
  type Shape,
  table,
  text,
} from '../lib/shape.ts';
import type { DailyWindow, GroupPolicy, Limit } from './policy.ts';

const names = list(text(255), 4_096);
const count = integer(0, 1_000_000);
const minute = integer(0, 1_439);
const BUDGETS: readonly string[] = [...PHASES, 'total'];
const someBudgets = table(finite);

const budgets: Shape<GroupPolicy['budgetsMs']> = {
  check: (value, path) => {
    const mismatch = someBudgets.check(value, path);
    if (mismatch !== null || typeof value !== 'object' || value === null) return mismatch;
    const stranger = Object.keys(value).find((key) => !BUDGETS.includes(key));
    return stranger === undefined ? null : `${path}: no phase ${JSON.stringify(stranger)}`;
  },
};

export const policy: Shape<GroupPolicy> = fields<GroupPolicy>({
  restarts: fields<Limit>({ count, windowMs: finite }),
  failovers: fields<GroupPolicy['failovers']>({ count: nullable(count), windowMs: finite }),
  failback: anyOf<GroupPolicy['failback']>(
    'never, now, or a window of the day',
    oneOf('never', 'now'),
    fields<DailyWindow>({ fromMinute: minute, toMinute: minute }),
  ),
  with: names,
  apart: names,
  after: names,
  uses: table(finite),
  priority: integer(-1_000_000, 1_000_000),
  budgetsMs: budgets,
});
