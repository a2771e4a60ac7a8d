/**
 * The keys of a configuration file, except the parameters of resources (`resource-types.ts`). Keys
 * are the words of the documentation in kebab case; unknown ones are refused.
 */
import { z } from 'zod';
import { policyKeys } from './policy.ts';
import { LOG_LEVELS, PROFILES, SEVERITIES } from './types.ts';
import { absolutePath, duration, endpoint, name, peerId } from './values.ts';

/** Lists whose items are read one by one, so that one bad item hides no other. */
const items = z.array(z.unknown());

export const fileSchema = z.strictObject({
  cluster: name,
  node: name.optional(),
  'data-directory': absolutePath.default('/var/lib/holdfast'),
  socket: absolutePath.default('/run/holdfast/holdfast.sock'),
  profile: z.enum(PROFILES).default('fast'),
  times: z.unknown().optional(),
  log: z.unknown().optional(),
  watchdog: z.unknown().optional(),
  operators: z.unknown().optional(),
  notifications: items.default([]),
  interconnects: z.array(name),
  members: items.min(1, 'expected at least one member'),
  groups: items.default([]),
  invited: z.boolean().default(false),
});

export const logSchema = z.strictObject({
  level: z.enum(LOG_LEVELS).default('info'),
  file: absolutePath.optional(),
  trace: absolutePath.optional(),
});

/** The kernel counts whole seconds; fed five times in each timeout. */
const WATCHDOG_MS = { least: 2_000, most: 600_000 };

export const watchdogSchema = z.strictObject({
  device: absolutePath.default('/dev/watchdog'),
  timeout: duration
    .default(10_000)
    .refine((ms) => ms >= WATCHDOG_MS.least && ms <= WATCHDOG_MS.most, 'expected 2s to 10min'),
});

/** A group of the machine by its name (shadow's useradd(8) allows 32 characters) or its number. */
const groupName = z
  .union([z.string().regex(/^[a-z0-9_][a-z0-9_-]{0,31}\$?$/), z.int().min(0)])
  .transform(String);

export const operatorsSchema = z.strictObject({
  'admin-group': groupName.optional(),
  'read-only-group': groupName.optional(),
});

const webhookUrl = z.url({ protocol: /^https?$/, error: 'expected an http or https URL' });

/** Exactly one of the three receivers; `least` leaves out what matters less. */
export const notificationSchema = z
  .strictObject({
    webhook: webhookUrl.optional(),
    'token-file': absolutePath.optional(),
    command: z.array(z.string()).min(1, 'expected at least one word').optional(),
    syslog: z.literal(true).optional(),
    least: z.enum(SEVERITIES).default('warning'),
  })
  .superRefine((one, context) => {
    const refuse = (message: string): void => context.addIssue({ code: 'custom', message });
    const targets = [one.webhook, one.command, one.syslog].filter((each) => each !== undefined);
    if (targets.length !== 1) refuse('expected exactly one of webhook, command and syslog');
    if (one['token-file'] !== undefined && one.webhook === undefined) {
      refuse('token-file belongs to a webhook');
    }
  });

/** The node part of a reservation key has 16 bits; 0 is nobody. */
const MAX_NUMBER = 65_535;

export const memberSchema = z.strictObject({
  name,
  number: z.int().min(1).max(MAX_NUMBER),
  'peer-id': peerId,
  addresses: z.record(z.string(), endpoint),
});

export const groupSchema = z.strictObject({
  name,
  preferred: z.array(name).default([]),
  resources: items,
  ...policyKeys,
});

export const resourceSchema = z.strictObject({
  name,
  type: z.string(),
  needs: z.array(name).default([]),
  parameters: z.record(z.string(), z.unknown()).default({}),
  'start-timeout': duration.optional(),
  'stop-timeout': duration.optional(),
  'monitor-interval': duration.optional(),
  'monitor-timeout': duration.optional(),
});

export const timesSchema = z.strictObject({
  heartbeat: duration.optional(),
  detection: duration.optional(),
  'election-timeout': duration.optional(),
  'election-gap': duration.optional(),
  'check-quorum': duration.optional(),
  lease: duration.optional(),
  'lease-renew': duration.optional(),
  teardown: duration.optional(),
  'quorum-loss-grace': duration.optional(),
  'defend-interval': duration.optional(),
  'fitness-interval': duration.optional(),
  'clock-drift': z.number().optional(),
  assume: z
    .strictObject({
      lateness: duration.optional(),
      'round-trip': duration.optional(),
      sync: duration.optional(),
    })
    .optional(),
});
