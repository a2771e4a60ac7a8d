/** What the page asks of the daemon, and how it hears of what happens. */

import type { HistoryEntry } from '../../cluster/state.ts';
import type {
  Answer,
  ClusterEvent,
  ClusterStatus,
  Explanation,
  LatencyStatus,
  Timeline,
} from '../../operator/api.ts';

/** A refusal in the daemon's own words. */
export class Refusal extends Error {
  readonly code: string;
  readonly remedy: string;

  constructor(problem: { readonly code: string; readonly cause: string; readonly remedy: string }) {
    super(problem.cause);
    this.code = problem.code;
    this.remedy = problem.remedy;
  }
}

async function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const response = await fetch(path, init);
  const body: unknown = await response.json();
  if (!response.ok) {
    throw new Refusal(body as { code: string; cause: string; remedy: string });
  }
  return body as Answer<T>;
}

const PAGE_OF_HISTORY = 200;

export const askStatus = () => ask<ClusterStatus>('/v1/status');
export const askTimelines = () => ask<readonly Timeline[]>('/v1/timeline');
export const askHistory = () =>
  ask<readonly HistoryEntry[]>(`/v1/history?limit=${PAGE_OF_HISTORY}`);
export const askLatencies = () => ask<readonly LatencyStatus[]>('/v1/latency');
export const askWhy = (kind: 'groups' | 'members', name: string) =>
  ask<Explanation>(`/v1/${kind}/${encodeURIComponent(name)}/why`);

/** An order; `reason` goes into the history. */
export async function order(path: string, body: object, reason: string): Promise<void> {
  await ask(path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(reason === '' ? {} : { 'x-holdfast-reason': encodeURIComponent(reason) }),
    },
    body: JSON.stringify(body),
  });
}

const KINDS = ['history', 'leader', 'configuration', 'link', 'local'] as const;

/** The browser comes back by itself when the line breaks, and asks for what it missed. */
export function follow(
  seen: (event: ClusterEvent) => void,
  connected: (is: boolean) => void,
): void {
  const source = new EventSource('/v1/events');
  source.addEventListener('open', () => connected(true));
  source.addEventListener('error', () => {
    connected(false);
    // A refusal (the daemon is down) ends it for good: then it is begun anew.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(seen, connected), 1_000);
  });
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      seen(JSON.parse((event as MessageEvent<string>).data) as ClusterEvent);
    });
  }
}
