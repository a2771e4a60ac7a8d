/**
 * The devices of a `power-fence` resource as the file has them: which agent cuts the power of which
 * node, in which order, how patiently. A password never stands here: definitions are committed, and
 * every node and operator can read them.
 */
import { z } from 'zod';
import { duration, name } from './values.ts';

const PASSWORDS = ['passwd', 'password', 'snmp_priv_passwd'];

const options = z
  .record(
    z.string().regex(/^[A-Za-z][\w-]*$/, 'expected the name of an option of the agent'),
    z.union([z.string().regex(/^[^\n\r]*$/, 'expected one line'), z.number(), z.boolean()]),
  )
  .refine((given) => !('action' in given), 'the action is given by the cluster')
  .refine(
    (given) => !PASSWORDS.some((word) => word in given),
    'a password would be readable for every node and operator: use `passwd_script`',
  )
  .transform((given) =>
    Object.fromEntries(Object.entries(given).map(([key, value]) => [key, String(value)])),
  );

const device = z
  .strictObject({
    node: name,
    program: z
      .string()
      .regex(/^(fence_[\w-]+|\/[^\0\n]+)$/, 'expected fence_NAME, or an absolute path'),
    options: options.default({}),
    level: z.int().min(1).max(9).default(1),
    delay: duration.optional(),
    retries: z.int().min(0).max(10).default(1),
    'retry-delay': duration.default(1_000),
    timeout: duration.default(20_000),
    verify: z.boolean().default(true),
  })
  .transform(({ delay, 'retry-delay': retryDelayMs, timeout: timeoutMs, ...plain }) =>
    JSON.stringify({ ...plain, delayMs: delay ?? 0, retryDelayMs, timeoutMs }),
  );

export const powerFence = z.strictObject({
  action: z.enum(['off', 'reboot']).optional(),
  policy: z.enum(['required', 'best-effort']).optional(),
  devices: z.array(device).min(1, 'expected at least one device'),
});
