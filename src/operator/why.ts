/**
 * `why`: the reasons that the cluster has committed, put into sentences. Made here from what the daemon
 * answers anyway, so that the port needs no question of its own.
 */
import { HISTORY_LIMIT } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import { whyGroup } from '../observability/story/why-group.ts';
import { whyNode } from '../observability/story/why-node.ts';
import type { Answer, Daemon, Explanation } from './api.ts';

/** @throws {HoldfastError} UNKNOWN_GROUP, UNKNOWN_NODE */
export async function why(
  daemon: Daemon,
  kind: Explanation['kind'],
  name: string,
): Promise<Answer<Explanation>> {
  const [status, history] = await Promise.all([
    daemon.status({ current: false }),
    daemon.history({ limit: HISTORY_LIMIT }),
  ]);
  const data = (kind === 'group' ? whyGroup : whyNode)(status.data, history.data, name);
  if (data !== null) return { ...status, data };
  throw kind === 'group'
    ? new HoldfastError('UNKNOWN_GROUP', { group: name })
    : new HoldfastError('UNKNOWN_NODE', { node: name });
}
