/**
 * `holdfast drill`: a failover that is planned, watched to its end and held against its budgets. What
 * a group has never done it will not do at night.
 */
import type { GroupPolicy } from '../cluster/policy.ts';
import { overruns } from '../failover/budget.ts';
import type { Basis } from '../failover/what-if.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Answer, GroupStatus, MoveAnswer, Timeline } from '../operator/api.ts';
import { renderOverruns, renderTimeline } from './chart.ts';
import type { CommandContext } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { waitFor } from './wait-for.ts';

export type DrillOptions = {
  readonly within?: number | undefined;
  readonly back?: boolean | undefined;
  readonly timeout: number;
};

/** @throws HoldfastError BUDGET_EXCEEDED, or REQUEST_TIMED_OUT when it is not served in time. */
export async function drill(
  context: CommandContext,
  group: string,
  node: string | null,
  options: DrillOptions,
): Promise<ExitCode> {
  const before = await groupOf(context, group);
  const budgets = { ...(await budgetsOf(context, group)), ...totalOf(options) };
  const first = await failOver(context, { group, to: node, budgets, limitMs: options.timeout });
  const back = options.back === true && before.owner !== null && before.owner !== first.to;
  if (back) {
    await failOver(context, { group, to: before.owner, budgets, limitMs: options.timeout });
  }
  return EXIT.ok;
}

type Failover = {
  readonly group: string;
  readonly to: string | null;
  readonly budgets: GroupPolicy['budgetsMs'];
  readonly limitMs: number;
};

async function failOver(
  context: CommandContext,
  { group, to, budgets, limitMs }: Failover,
): Promise<Timeline> {
  const { epoch } = await groupOf(context, group);
  const path = `/v1/groups/${encodeURIComponent(group)}`;
  // No wish stays behind: a drill is no reason to be anywhere.
  await context.client.post<MoveAnswer>(`${path}/move`, { to, wishMs: 0 });
  await waitFor(
    context,
    async () => {
      const now = await groupOf(context, group);
      if (now.phase === 'serving' && now.epoch > epoch) return now;
      context.progress(`${group}: ${now.phase} on ${now.owner ?? 'no node'}, epoch ${now.epoch}`);
      return null;
    },
    limitMs,
  );
  const query = `group=${encodeURIComponent(group)}`;
  const answer = await context.client.get<readonly Timeline[]>(`/v1/timeline?${query}`);
  const timeline = answer.data.at(-1);
  if (timeline === undefined) throw new HoldfastError('BAD_ANSWER', { path: '/v1/timeline' });
  tell(context, answer, timeline, budgets);
  return timeline;
}

function tell(
  context: CommandContext,
  answer: Answer<unknown>,
  timeline: Timeline,
  budgets: GroupPolicy['budgetsMs'],
): void {
  const over = overruns(timeline, budgets);
  const { terminal } = context;
  if (context.json) context.printJson({ ...answer, data: { timeline, budgets, overruns: over } });
  else {
    const held = Object.keys(budgets).length === 0 ? 'no budget is set' : 'within its budgets';
    const bare = renderTimeline(terminal, { ...timeline, overruns: [] });
    context.print([...bare, ...(over.length === 0 ? [held] : renderOverruns(terminal, over))]);
  }
  if (over.length === 0) return;
  throw new HoldfastError('BUDGET_EXCEEDED', { group: timeline.group, overruns: over });
}

async function groupOf(context: CommandContext, group: string): Promise<GroupStatus> {
  const { data } = await context.client.get<readonly GroupStatus[]>('/v1/groups');
  const found = data.find((one) => one.group === group);
  if (found === undefined) throw new HoldfastError('UNKNOWN_GROUP', { group });
  return found;
}

async function budgetsOf(
  context: CommandContext,
  group: string,
): Promise<GroupPolicy['budgetsMs']> {
  const { data } = await context.client.get<Basis>('/v1/plan/basis');
  return data.state.groups[group]?.definition.policy?.budgetsMs ?? {};
}

function totalOf({ within }: DrillOptions): GroupPolicy['budgetsMs'] {
  return within === undefined ? {} : { total: within };
}
