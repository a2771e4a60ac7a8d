/** The commands that change something: move, unmove, drain, leave, promote, demote, and modes. */
import type { MemberRole, Mode } from '../cluster/command.ts';
import { HoldfastError } from '../lib/error.ts';
import type { Answer, GroupStatus, MoveAnswer, RoleAnswer } from '../operator/api.ts';
import { type CommandContext, printAnswer } from './command.ts';
import type { ExitCode } from './exit-codes.ts';
import { waitFor } from './wait-for.ts';

export async function move(
  context: CommandContext,
  group: string,
  to: string | null,
  wishMs: number,
): Promise<ExitCode> {
  const path = `/v1/groups/${encodeURIComponent(group)}/move`;
  const answer = await context.client.post<MoveAnswer>(path, { to, wishMs });
  const { from } = answer.data;
  const source = from === null ? '' : ` from ${from}`;
  const line = `${group} moves${source} to ${answer.data.to ?? 'another node'}`;
  return printAnswer(context, answer, {
    current: false,
    render: () => [
      `${line}; \`holdfast watch\` shows how it goes`,
      ...(wishMs === 0
        ? []
        : [`it is wanted there for a while; \`holdfast unmove ${group}\` undoes it`]),
    ],
  });
}

export async function unmove(context: CommandContext, group: string): Promise<ExitCode> {
  const path = `/v1/groups/${encodeURIComponent(group)}/unmove`;
  const answer = await context.client.post<null>(path, {});
  const line = `${group} is wanted nowhere in particular any more`;
  return printAnswer(context, answer, { current: false, render: () => [line] });
}

/** @throws {HoldfastError} REQUEST_TIMED_OUT with what the node still carries, in words. */
export async function drain(
  context: CommandContext,
  node: string,
  limitMs: number,
): Promise<ExitCode> {
  await context.client.post<null>('/v1/mode', { subject: { kind: 'node', node }, mode: 'standby' });
  let left: readonly GroupStatus[] = [];
  const carried = async (): Promise<Answer<readonly GroupStatus[]> | null> => {
    const answer = await context.client.get<readonly GroupStatus[]>('/v1/groups');
    left = answer.data.filter(({ owner }) => owner === node);
    if (left.length === 0) return answer;
    context.progress(`${node} still carries ${left.map(inWords).join(', ')}`);
    return null;
  };
  try {
    const answer = await waitFor(context, carried, limitMs);
    const line = `${node} is in standby and carries nothing; \`holdfast unstandby ${node}\` ends it`;
    return printAnswer(context, answer, { current: false, render: () => [line] });
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'REQUEST_TIMED_OUT') throw error;
    const facts = { node, limitMs, carries: left.map(inWords).join('; ') };
    throw new HoldfastError('REQUEST_TIMED_OUT', facts, { cause: error });
  }
}

function inWords({ group, why }: GroupStatus): string {
  return why === '' ? group : `${group} (${why})`;
}

const ROLE_WORDS: Readonly<Record<MemberRole, string>> = {
  voter: 'will vote',
  learner: 'will only receive the log',
  leaving: 'gives up its groups and leaves the cluster',
};

export async function setRole(
  context: CommandContext,
  role: MemberRole,
  node: string,
  options: { readonly force?: boolean | undefined },
): Promise<ExitCode> {
  const path = `/v1/members/${encodeURIComponent(node)}/role`;
  const force = options.force === true;
  const answer = await context.client.post<RoleAnswer>(path, { role, force });
  const { from, to } = answer.data;
  const line =
    from === to ? `${node} is wanted as ${to} already` : `${node} ${ROLE_WORDS[to]} (was ${from})`;
  return printAnswer(context, answer, {
    current: false,
    render: () => [`${line}; \`holdfast members\` and \`holdfast watch\` show how it goes`],
  });
}

export type SubjectOptions = {
  readonly group?: string | undefined;
  readonly cluster?: boolean | undefined;
  /** Of the group. */
  readonly resource?: string | undefined;
};

/** @throws {HoldfastError} USAGE unless exactly one of node, group and cluster is named. */
export async function setMode(
  context: CommandContext,
  mode: Mode,
  node: string | null,
  options: SubjectOptions,
): Promise<ExitCode> {
  const subjects = [
    ...(node === null ? [] : [{ kind: 'node', node }]),
    ...(options.group === undefined ? [] : [ofGroup(options.group, options.resource)]),
    ...(options.cluster === true ? [{ kind: 'cluster' }] : []),
  ];
  const [subject] = subjects;
  if (subject === undefined || subjects.length > 1 || isLost(options)) {
    throw new HoldfastError('USAGE', {
      detail: 'name a NODE, or --group GROUP (with --resource RESOURCE), or --cluster',
    });
  }
  const answer = await context.client.post<null>('/v1/mode', { subject, mode });
  const part = options.resource === undefined ? '' : `${options.resource} of `;
  const named =
    node ?? (options.group && `${part}${options.group}`) ?? `cluster ${answer.clusterId}`;
  return printAnswer(context, answer, { current: false, render: () => [`${named} is ${mode}`] });
}

function ofGroup(group: string, resource: string | undefined) {
  return resource === undefined ? { kind: 'group', group } : { kind: 'resource', group, resource };
}

/** A resource is one of a group. */
function isLost({ group, resource }: SubjectOptions): boolean {
  return resource !== undefined && group === undefined;
}
