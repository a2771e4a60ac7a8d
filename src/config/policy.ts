/** Reads what a group says beyond its resources into its policy; where it says nothing there is none. */
import { z } from 'zod';
import { DEFAULT_POLICY, type GroupPolicy } from '../cluster/policy.ts';
import { PHASES } from '../lib/phases.ts';
import { duration, name, parsed } from './values.ts';

const CLOCK = '([01]\\d|2[0-3]):([0-5]\\d)';
const WINDOW = new RegExp(`^${CLOCK}-${CLOCK}$`);

/** `never`, `now`, or a window of the day, UTC: `02:00-04:00`. */
const failback = parsed((value): GroupPolicy['failback'] | null => {
  if (value === 'never' || value === 'now') return value;
  const match = typeof value === 'string' ? WINDOW.exec(value) : null;
  if (match === null) return null;
  const [fromHour, fromRest, toHour, toRest] = match.slice(1).map(Number);
  const fromMinute = (fromHour ?? 0) * 60 + (fromRest ?? 0);
  const toMinute = (toHour ?? 0) * 60 + (toRest ?? 0);
  return fromMinute === toMinute ? null : { fromMinute, toMinute };
}, 'never, now, or a window of the day in UTC such as 02:00-04:00');

const names = z.array(name);
const count = z.int().min(0).max(1_000);

export const policyKeys = {
  restarts: z.strictObject({ count, within: duration }).optional(),
  failovers: z.strictObject({ count: count.optional(), within: duration.optional() }).optional(),
  failback: failback.optional(),
  with: names.optional(),
  apart: names.optional(),
  after: names.optional(),
  uses: z.record(name, z.number().min(0)).optional(),
  priority: z.int().min(-1_000).max(1_000).optional(),
  budgets: z.partialRecord(z.enum([...PHASES, 'total']), duration).optional(),
} as const;

type Read = z.output<z.ZodObject<typeof policyKeys>>;

/** null: the group says nothing of it. */
export function readPolicy(read: Read): GroupPolicy | null {
  const keys = Object.keys(policyKeys) as readonly (keyof typeof policyKeys)[];
  if (keys.every((key) => read[key] === undefined)) return null;
  const usual = DEFAULT_POLICY;
  const { restarts, failovers } = read;
  return {
    restarts:
      restarts === undefined
        ? usual.restarts
        : { count: restarts.count, windowMs: restarts.within },
    failovers: {
      count: failovers?.count ?? usual.failovers.count,
      windowMs: failovers?.within ?? usual.failovers.windowMs,
    },
    failback: read.failback ?? usual.failback,
    with: read.with ?? usual.with,
    apart: read.apart ?? usual.apart,
    after: read.after ?? usual.after,
    uses: read.uses ?? usual.uses,
    priority: read.priority ?? usual.priority,
    budgetsMs: read.budgets ?? usual.budgetsMs,
  };
}
