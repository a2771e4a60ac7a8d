/** Reads `notifications:`: who is told of what happens. */
import { notificationSchema } from './schema.ts';
import { readPart } from './shape.ts';
import type { Source } from './source.ts';
import type { NotificationConfig } from './types.ts';

/** Those that could be read; the others are faults in `source`. */
export function readNotifications(
  source: Source,
  raw: readonly unknown[],
): readonly NotificationConfig[] {
  return raw.flatMap((each, index): readonly NotificationConfig[] => {
    const read = readPart(source, ['notifications', index], each, notificationSchema);
    if (read === null) return [];
    const { webhook, command, least } = read;
    if (webhook !== undefined) {
      const tokenFile = read['token-file'] ?? null;
      return [{ least, target: { kind: 'webhook', url: webhook, tokenFile } }];
    }
    if (command !== undefined) return [{ least, target: { kind: 'command', argv: command } }];
    return [{ least, target: { kind: 'syslog' } }];
  });
}
