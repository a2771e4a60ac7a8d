/** The commands that ask: status, members, groups, timeline, history. Nothing is changed by them. */
import type { HistoryEntry } from '../cluster/state.ts';
import type { ClusterStatus, GroupStatus, MemberStatus, Timeline } from '../operator/api.ts';
import { renderTimeline } from './chart.ts';
import { type CommandContext, printAnswer } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import { renderHistory } from './render-history.ts';
import { renderGroups, renderMembers, renderStaleness, renderStatus } from './render-status.ts';

export type CurrentOption = { readonly current?: boolean | undefined };

export async function status(context: CommandContext, options: CurrentOption): Promise<ExitCode> {
  const current = options.current === true;
  const answer = await context.client.get<ClusterStatus>(`/v1/status?current=${current}`);
  return printAnswer(context, answer, {
    current,
    render: () => renderStatus(context.terminal, answer),
  });
}

export async function members(context: CommandContext, options: CurrentOption): Promise<ExitCode> {
  const current = options.current === true;
  const path = `/v1/members?current=${current}`;
  const answer = await context.client.get<readonly MemberStatus[]>(path);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current,
    render: () => [...renderStaleness(terminal, answer), ...renderMembers(terminal, answer.data)],
  });
}

export async function groups(context: CommandContext, options: CurrentOption): Promise<ExitCode> {
  const current = options.current === true;
  const path = `/v1/groups?current=${current}`;
  const answer = await context.client.get<readonly GroupStatus[]>(path);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current,
    render: () => [...renderStaleness(terminal, answer), ...renderGroups(terminal, answer.data)],
  });
}

/** The newest `last` failovers, the oldest of them first. */
export async function timeline(
  context: CommandContext,
  group: string | null,
  last: number,
): Promise<ExitCode> {
  const query = group === null ? '' : `?group=${encodeURIComponent(group)}`;
  const full = await context.client.get<readonly Timeline[]>(`/v1/timeline${query}`);
  const answer = { ...full, data: full.data.slice(-last) };
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [
      ...renderStaleness(terminal, answer),
      ...(answer.data.length === 0 ? ['no failover is remembered'] : []),
      ...answer.data.flatMap((each, index) => [
        ...(index === 0 ? [] : ['']),
        ...renderTimeline(terminal, each),
      ]),
    ],
  });
}

export async function history(context: CommandContext, limit: number): Promise<ExitCode> {
  const path = `/v1/history?limit=${limit}`;
  const answer = await context.client.get<readonly HistoryEntry[]>(path);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [...renderStaleness(terminal, answer), ...renderHistory(terminal, answer.data)],
  });
}
