/** The commands that ask: status, members, groups, timeline, history, why. Nothing is changed by them. */
import { writeFile } from 'node:fs/promises';
import type { HistoryEntry } from '../cluster/state.ts';
import { HoldfastError } from '../lib/error.ts';
import type { ProblemCode } from '../lib/problems.ts';
import { titleOf } from '../observability/chart/timeline-chart.ts';
import { timelineSvg } from '../observability/chart/timeline-svg.ts';
import type {
  Answer,
  ClusterStatus,
  Explanation,
  GroupStatus,
  MemberStatus,
  Timeline,
} from '../operator/api.ts';
import { renderTimeline } from './chart.ts';
import { type CommandContext, printAnswer } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { renderHistory } from './render-history.ts';
import { renderGroups, renderMembers, renderStaleness, renderStatus } from './render-status.ts';
import { renderWhy } from './render-why.ts';

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

export type TimelineOptions = {
  readonly last: number;
  /** Where the newest one is drawn; `-`: to stdout. */
  readonly svg?: string | undefined;
};

/** The newest `last` failovers, the oldest of them first. */
export async function timeline(
  context: CommandContext,
  group: string | null,
  { last, svg }: TimelineOptions,
): Promise<ExitCode> {
  const query = group === null ? '' : `?group=${encodeURIComponent(group)}`;
  const full = await context.client.get<readonly Timeline[]>(`/v1/timeline${query}`);
  const answer = { ...full, data: full.data.slice(-last) };
  if (svg !== undefined) return await draw(context, svg, answer.data.at(-1));
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

export async function why(context: CommandContext, subject: string): Promise<ExitCode> {
  const answer = await explanationOf(context, subject);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [...renderStaleness(terminal, answer), ...renderWhy(terminal, answer.data)],
  });
}

/** @throws {HoldfastError} NO_TIMELINE, FILE_UNWRITABLE */
async function draw(
  context: CommandContext,
  path: string,
  newest: Timeline | undefined,
): Promise<ExitCode> {
  if (newest === undefined) throw new HoldfastError('NO_TIMELINE');
  const picture = timelineSvg(newest, { standalone: true });
  if (path === '-') {
    context.print([picture]);
    return EXIT.ok;
  }
  try {
    await writeFile(path, `${picture}\n`);
  } catch (cause) {
    throw new HoldfastError('FILE_UNWRITABLE', { path, detail: String(cause) }, { cause });
  }
  if (context.json) context.printJson({ ok: true, path });
  else context.print([`${titleOf(newest)}: drawn to ${path}`]);
  return EXIT.ok;
}

/** A name is that of a group or of a node; where both have it, the group is meant. */
async function explanationOf(
  { client }: CommandContext,
  subject: string,
): Promise<Answer<Explanation>> {
  const name = encodeURIComponent(subject);
  try {
    return await client.get<Explanation>(`/v1/groups/${name}/why`);
  } catch (error) {
    if (!isProblem(error, 'UNKNOWN_GROUP')) throw error;
  }
  try {
    return await client.get<Explanation>(`/v1/members/${name}/why`);
  } catch (error) {
    if (isProblem(error, 'UNKNOWN_NODE')) throw new HoldfastError('UNKNOWN_SUBJECT', { subject });
    throw error;
  }
}

function isProblem(error: unknown, code: ProblemCode): boolean {
  return error instanceof HoldfastError && error.code === code;
}

export type HistoryOptions = {
  readonly limit: number;
  readonly group?: string | undefined;
  readonly node?: string | undefined;
};

export async function history(
  context: CommandContext,
  { limit, ...only }: HistoryOptions,
): Promise<ExitCode> {
  const query = new URLSearchParams({ limit: String(limit), ...defined(only) });
  const answer = await context.client.get<readonly HistoryEntry[]>(`/v1/history?${query}`);
  const { terminal } = context;
  return printAnswer(context, answer, {
    current: false,
    render: () => [...renderStaleness(terminal, answer), ...renderHistory(terminal, answer.data)],
  });
}

function defined(options: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
}
